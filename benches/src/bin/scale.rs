//! How the cost of a client grows with what it has to do.

use std::process::ExitCode;

use benches::{
    contender,
    loading::{self, PATRONI},
    report::{Better, DCS_ZK, Metric, OURS, Progress, Report, ReportOptions, note},
    scale::{self, Scene, Series},
    servers::AnyError,
};
use clap::{Parser, Subcommand};

/// How time, memory and CPU time grow: with the members and groups of a cluster that is loaded, with the watches of a client,
/// with the sessions in a process.
///
/// Each step is a process of its own against a real server. Memory is counted by an allocator in a second process that does
/// the same (`scale-counted`); the sockets' memory in the kernel is in no figure.
#[derive(Debug, Parser)]
#[command(version, mut_arg("rounds", |arg| arg.default_value("1")))]
struct Options {
    #[command(flatten)]
    report: ReportOptions,

    /// What grows, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "members,groups,watches,sessions")]
    series: Vec<Series>,

    /// No step that is larger
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    largest: usize,

    /// How long sessions are idle while their CPU time is taken, in seconds; each pings its server every few seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    idle: u64,

    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when it starts itself again.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true, name = contender::ROLE)]
    Contender { name: String, connect_string: String, scope: Option<String>, group: Option<String> },
}

const METRICS: [Metric; 9] = [
    Metric { key: "load_ms", heading: "load, ms", better: Better::Lower, compared: true },
    Metric { key: "cpu_ms_per_load", heading: "CPU ms/load", better: Better::Lower, compared: true },
    Metric { key: "heap_each", heading: "heap B each", better: Better::Lower, compared: true },
    Metric { key: "resident_each", heading: "resident B each", better: Better::Lower, compared: false },
    Metric { key: "begin_ms", heading: "begin all, ms", better: Better::Lower, compared: true },
    Metric {
        key: "begin_cpu_us_each", heading: "begin CPU µs each", better: Better::Lower, compared: false
    },
    Metric { key: "restore_ms", heading: "restore all, ms", better: Better::Lower, compared: true },
    Metric {
        key: "restore_cpu_us_each",
        heading: "restore CPU µs each",
        better: Better::Lower,
        compared: true,
    },
    Metric { key: "idle_cpu_us_each", heading: "idle CPU µs/s each", better: Better::Lower, compared: true },
];

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.role {
        Some(Role::Contender { connect_string, scope: Some(scope), group, .. }) => {
            loading::serve(connect_string, scope, group.as_deref().and_then(|group| group.parse().ok()))
        }
        Some(Role::Contender { name, connect_string, .. }) => scale::serve(name, connect_string, None),
        None => grow(options),
    };
    if let Err(error) = ended {
        note(&format!("scale: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[tokio::main(flavor = "current_thread")]
async fn grow(options: Options) -> Result<(), AnyError> {
    let mut report = Report::new("scale", &METRICS, options.report.clone())?;
    let scene = Scene::start(options.idle).await?;
    let contenders = |series: &Series| {
        let known = if series.is_loaded() { [DCS_ZK, PATRONI] } else { [OURS, "zookeeper-client"] };
        known.into_iter().filter(|name| options.report.wants(name)).collect::<Vec<_>>()
    };
    let sizes = |series: &Series| {
        series.sizes().iter().copied().filter(|size| *size <= options.largest).collect::<Vec<_>>()
    };
    let steps = options.series.iter().map(|series| contenders(series).len() * sizes(series).len());
    let mut progress = Progress::new(steps.sum::<usize>() * usize::from(options.report.rounds));
    for series in &options.series {
        for size in sizes(series) {
            if let Err(why) = scene.prepare(*series, size).await? {
                note(&format!("{size} {}: skipped: {why}", series.name()));
                continue;
            }
            for round in 1..=usize::from(options.report.rounds) {
                for contender in contenders(series) {
                    progress.step(&format!("{size} {}, round {round}: {contender}", series.name()));
                    match scene.measure(*series, size, contender, round).await {
                        Ok(sample) => report.add(sample)?,
                        Err(why) if benches::report::is_ours(contender) => return Err(why.into()),
                        Err(why) => note(&format!("{contender}: skipped: {why}")),
                    }
                }
            }
        }
    }
    report.finish_by_size()?;
    Ok(())
}
