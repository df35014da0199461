//! Reconnect latency of all clients, side by side.

use std::{process::ExitCode, time::Duration};

use benches::{
    contender::{self, Launcher},
    reconnect::{CONTENDERS, Fault, Outcome, Round, Scene},
    report::{Better, LIMIT, Metric, Progress, Report, ReportOptions, Sample, Subject, note},
    servers::AnyError,
};
use clap::{Parser, Subcommand};

/// Reconnect latency of this client and others: the same faults, of a real ensemble of three servers, in the same run.
///
/// From the fault to the first good reply, of clients that make one call after the other, each a process of its own. `limit` is
/// a bare connection to a healthy server, with one session and one read, tried again until it is good, from the same fault on.
#[derive(Debug, Parser)]
#[command(version, mut_arg("rounds", |rounds| rounds.default_value("3")))]
struct Options {
    #[command(flatten)]
    report: ReportOptions,

    /// Only these faults, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "FAULT")]
    faults: Vec<Fault>,

    /// Faults that are also measured while the application makes a call every 500 ms that it does not wait for
    #[arg(long, value_delimiter = ',', value_name = "FAULT", default_value = "black-holed")]
    sending: Vec<Fault>,

    /// A reply that takes longer, in seconds, counts as none
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,

    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when it starts itself again.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true, name = contender::ROLE)]
    Contender { name: String, connect_string: String, payload: usize },
}

/// How often a contender may be in no state to be hit before a round goes on without it.
const TRIES: usize = 2;

const FIRST_GOOD: &str = "first_good_ms";

const METRICS: [Metric; 4] = [
    Metric { key: FIRST_GOOD, heading: "first good reply, ms", better: Better::Lower, compared: true },
    Metric { key: "times_limit", heading: "× limit", better: Better::Lower, compared: false },
    Metric { key: "failed_calls", heading: "failed calls", better: Better::Lower, compared: false },
    Metric { key: "session_kept", heading: "session kept", better: Better::Higher, compared: false },
];

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.role {
        Some(Role::Contender { name, connect_string, payload }) => {
            contender::serve(name, connect_string, *payload, None)
        }
        None => compare(&options),
    };
    if let Err(error) = ended {
        note(&format!("reconnect: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[tokio::main(flavor = "current_thread")]
async fn compare(options: &Options) -> Result<(), AnyError> {
    let limit = Duration::from_secs(options.limit.into());
    let report = Report::new("reconnect", &METRICS, options.report.clone())?;
    let mut report = report.with_ranges().with_ceiling(FIRST_GOOD, milliseconds(limit));
    let launcher = Launcher::new()?;
    let names = launcher.wanted(&CONTENDERS, &options.report);
    let measurements = measurements(options);
    let rounds = usize::from(options.report.rounds);
    let steps = |fault: Fault| if fault.is_for_one() { names.len() } else { 1 };
    let mut progress =
        Progress::new(rounds * measurements.iter().map(|(fault, _)| steps(*fault)).sum::<usize>());
    let scene = Scene::start(launcher, limit).await?;
    let mut measured = 0;
    for round in 1..=rounds {
        for (fault, is_sending) in &measurements {
            // Whoever is first in one round is last in the next.
            let mut turns = names.clone();
            turns.rotate_left((round - 1) % names.len().max(1));
            for together in turns.chunks(if fault.is_for_one() { 1 } else { turns.len().max(1) }) {
                let workload = workload(*fault, *is_sending);
                progress.step(&format!("{workload}, round {round}: {}", together.join(", ")));
                let mut left = together.to_vec();
                for _ in 0..TRIES {
                    let results = scene.measure(*fault, *is_sending, &left, round).await?;
                    let tried = left.len();
                    left = add(&mut report, &workload, round, results, limit)?;
                    measured += tried - left.len();
                    if left.is_empty() {
                        break;
                    }
                }
            }
        }
    }
    report.finish()?;
    if measured == 0 {
        return Err("nothing was measured: see above".into());
    }
    Ok(())
}

/// What is measured in each round: a fault, and whether the application is sending.
fn measurements(options: &Options) -> Vec<(Fault, bool)> {
    let wanted = |fault: &Fault| options.faults.is_empty() || options.faults.contains(fault);
    let faults = Fault::ALL.into_iter().filter(wanted);
    faults
        .flat_map(|fault| {
            let sending = options.sending.contains(&fault).then_some((fault, true));
            [(fault, false)].into_iter().chain(sending)
        })
        .collect()
}

fn workload(fault: Fault, is_sending: bool) -> String {
    let sending = if is_sending { ", sending" } else { "" };
    format!("{}{sending}", fault.name())
}

/// Takes a round into the report. The contenders that were not measured in it.
fn add(
    report: &mut Report,
    workload: &str,
    round: usize,
    results: Round,
    limit: Duration,
) -> Result<Vec<&'static str>, AnyError> {
    let subject = |contender: &str| Subject {
        server: "three servers".to_owned(),
        workload: workload.to_owned(),
        contender: contender.to_owned(),
    };
    let mut left = Vec::new();
    if results.outcomes.iter().any(|(_, outcome)| outcome.is_ok()) {
        let values = [(FIRST_GOOD, milliseconds(results.limit.unwrap_or(limit)))].into();
        report.add(Sample { subject: subject(LIMIT), round, values })?;
    }
    for (name, outcome) in results.outcomes {
        let Outcome { first_good, failed, session_kept } = match outcome {
            Ok(outcome) => outcome,
            Err(why) => {
                note(&format!("{name}: not measured this time, {workload}, round {round}: it {why}"));
                left.push(name);
                continue;
            }
        };
        let mut values =
            vec![(FIRST_GOOD, milliseconds(first_good.unwrap_or(limit))), ("failed_calls", failed as f64)];
        if let (Some(first_good), Some(bare)) = (first_good, results.limit) {
            values.push(("times_limit", first_good.as_secs_f64() / bare.as_secs_f64()));
        }
        values.extend(session_kept.map(|kept| ("session_kept", f64::from(u8::from(kept)))));
        report.add(Sample { subject: subject(name), round, values: values.into_iter().collect() })?;
    }
    Ok(left)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
