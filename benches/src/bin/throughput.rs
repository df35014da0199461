//! Session throughput of all clients, side by side.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use benches::{
    contender::{self, CONTENDERS, Child, Figures, Launcher, Workload},
    report::{Better, Metric, Progress, Report, ReportOptions, Sample, Subject, note},
    servers::{AnyError, Kind, Servers},
    spinner::{self, Spinners},
    stub,
};
use clap::{Parser, Subcommand, ValueEnum};

/// Throughput, latency and CPU time of this client and others: the same work, on the same servers, in the same run.
///
/// Every contender is a process of its own that keeps its session for the whole run. In each round they take turns. Prints
/// medians, and ratios to the best peer of each round: only those mean something on a machine with other work.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    report: ReportOptions,

    /// Only these servers, separated by commas
    #[arg(long, value_delimiter = ',', default_value = "stub,one,three")]
    servers: Vec<Kind>,

    /// Only these workloads, separated by commas
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<Workload>,

    /// How long a contender works in each round, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1_500, value_parser = clap::value_parser!(u64).range(1..))]
    time: u64,

    /// Bytes of data in every node
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    payload: usize,

    /// When every core is kept awake by a process of idle priority
    #[arg(long, value_enum, default_value = "sequential")]
    spin: Spin,

    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Spin {
    /// While one call is made after the other
    Sequential,
    Always,
    Never,
}

/// What this program is when it starts itself again.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true, name = contender::ROLE)]
    Contender { name: String, connect_string: String, payload: usize },
    #[command(hide = true, name = benches::servers::STUB_ROLE)]
    Stub { payload: usize },
    #[command(hide = true, name = spinner::ROLE)]
    Spin,
}

const METRICS: [Metric; 5] = [
    Metric { key: "ops_per_second", heading: "ops/s", better: Better::Higher, compared: true },
    Metric { key: "p50_us", heading: "p50 µs", better: Better::Lower, compared: false },
    Metric { key: "p99_us", heading: "p99 µs", better: Better::Lower, compared: false },
    Metric { key: "cpu_us_per_op", heading: "CPU µs/op", better: Better::Lower, compared: true },
    Metric { key: "allocations_per_op", heading: "allocs/op", better: Better::Lower, compared: false },
];

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.role {
        Some(Role::Contender { name, connect_string, payload }) => {
            contender::serve(name, connect_string, *payload, None)
        }
        Some(Role::Stub { payload }) => stub::run(*payload).map_err(AnyError::from),
        Some(Role::Spin) => {
            spinner::run();
            Ok(())
        }
        None => compare(options),
    };
    if let Err(error) = ended {
        note(&format!("throughput: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[tokio::main(flavor = "current_thread")]
async fn compare(mut options: Options) -> Result<(), AnyError> {
    if options.workloads.is_empty() {
        options.workloads = Workload::ALL.to_vec();
    }
    let mut report = Report::new("throughput", &METRICS, options.report.clone())?;
    let launcher = Launcher::new()?;
    let launchable: Vec<&str> = launcher.wanted(&CONTENDERS, &options.report);
    let rounds = usize::from(options.report.rounds);
    // A round of its own warms everybody up.
    let turns = (rounds + 1) * options.workloads.len() * launchable.len();
    let mut progress = Progress::new(turns * options.servers.len());
    for kind in &options.servers {
        let servers = match Servers::start(*kind, options.payload).await {
            Ok(servers) => servers,
            Err(error) => {
                note(&format!("{}: skipped: {error}", kind.name()));
                continue;
            }
        };
        let mut scene = Scene { options: &options, kind: *kind, servers: &servers, contenders: Vec::new() };
        scene.connect(&launcher, &launchable).await;
        for workload in &options.workloads {
            scene.measure(*workload, &mut report, &mut progress).await?;
        }
        drop(scene.contenders);
        count_allocations(&options, *kind, &servers, &mut report).await?;
    }
    report.finish()?;
    Ok(())
}

/// All contenders on one kind of server.
struct Scene<'a> {
    options: &'a Options,
    kind: Kind,
    servers: &'a Servers,
    contenders: Vec<(&'static str, Child)>,
}

impl Scene<'_> {
    async fn connect(&mut self, launcher: &Launcher, names: &[&'static str]) {
        for name in names {
            let child = match launcher.command(name) {
                Ok(mut command) => {
                    command.args([self.servers.connect_string(), &self.options.payload.to_string()]);
                    Child::start(command).await
                }
                Err(why) => Err(why),
            };
            match child {
                Ok(child) => self.contenders.push((name, child)),
                Err(why) => note(&format!("{name}: skipped: {why}")),
            }
        }
    }

    /// Rounds of one workload. Who fails is out from then on.
    async fn measure(
        &mut self,
        workload: Workload,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Result<(), AnyError> {
        let spin = match self.options.spin {
            Spin::Sequential => workload == Workload::SequentialGet,
            Spin::Always => true,
            Spin::Never => false,
        };
        let _spinners = spin.then(Spinners::start).transpose()?;
        let time = Duration::from_millis(self.options.time);
        for round in 0..=usize::from(self.options.report.rounds) {
            let mut failed = Vec::new();
            // Whoever is first in one round is last in the next.
            let count = self.contenders.len();
            for turn in 0..count {
                let at = (turn + round.saturating_sub(1)) % count;
                let (name, child) = &mut self.contenders[at];
                let what = if round == 0 { "warm-up".to_owned() } else { format!("round {round}") };
                progress.step(&format!("{}, {}, {what}: {name}", self.kind.name(), workload.name()));
                match child.run(workload, time).await {
                    Ok(_) if round == 0 => {}
                    Ok(figures) => report.add(sample(subject(self.kind, workload, name), round, &figures))?,
                    Err(why) => {
                        note(&format!(
                            "{name} is out of {} on {}: it {why}",
                            workload.name(),
                            self.kind.name()
                        ));
                        failed.push(at);
                    }
                }
            }
            let mut at = 0..;
            self.contenders.retain(|_| !at.next().is_some_and(|at| failed.contains(&at)));
        }
        Ok(())
    }
}

/// Allocations of the contenders in Rust, in rounds of their own that no other figure is taken from.
async fn count_allocations(
    options: &Options,
    kind: Kind,
    servers: &Servers,
    report: &mut Report,
) -> Result<(), AnyError> {
    let program: PathBuf = std::env::current_exe()?.with_file_name("throughput-counted");
    if !program.exists() {
        note("allocations are not counted: build all programs of the package `benches`");
        return Ok(());
    }
    let rust = if cfg!(feature = "peers") { 4 } else { 1 };
    for name in CONTENDERS[..rust].iter().filter(|name| options.report.wants(name)) {
        let mut command = tokio::process::Command::new(&program);
        command.args([contender::ROLE, name, servers.connect_string(), &options.payload.to_string()]);
        let mut child = match Child::start(command).await {
            Ok(child) => child,
            Err(why) => {
                note(&format!("{name}: its allocations are not counted: {why}"));
                continue;
            }
        };
        for workload in &options.workloads {
            // The first time buffers grow.
            let _ = child.run(*workload, Duration::from_millis(200)).await;
            if let Ok(Figures { ops, allocations: Some(allocations), .. }) =
                child.run(*workload, Duration::from_millis(options.time)).await
            {
                let values = [("allocations_per_op", allocations as f64 / ops as f64)].into();
                report.add(Sample { subject: subject(kind, *workload, name), round: 0, values })?;
            }
        }
    }
    Ok(())
}

fn subject(kind: Kind, workload: Workload, contender: &str) -> Subject {
    Subject {
        server: kind.name().to_owned(),
        workload: workload.name().to_owned(),
        contender: contender.to_owned(),
    }
}

fn sample(subject: Subject, round: usize, figures: &Figures) -> Sample {
    let ops = figures.ops as f64;
    let values = [
        ("ops_per_second", ops / figures.seconds),
        ("p50_us", figures.p50_us),
        ("p99_us", figures.p99_us),
        ("cpu_us_per_op", figures.cpu_seconds * 1e6 / ops),
    ];
    Sample { subject, round, values: values.into() }
}
