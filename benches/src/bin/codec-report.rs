//! What the benchmark `codec` has measured, as the other programs show theirs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use benches::{
    report::{Better, LIMIT, Metric, Report, ReportOptions, SIZE, Sample, Subject, ZK_JUTE, note},
    servers::AnyError,
};
use clap::Parser;
use serde::{Deserialize, de::DeserializeOwned};

/// What the benchmark of the codec has measured last, as a table, JSON lines and curves.
///
/// Run `cargo bench -p benches --bench codec` first. `limit` is a plain copy of the same bytes; `receive+decode` contains one.
#[derive(Debug, Parser)]
#[command(
    version,
    mut_arg("rounds", |rounds| rounds.hide(true)),
    mut_arg("contenders", |contenders| contenders.hide(true))
)]
struct Options {
    #[command(flatten)]
    report: ReportOptions,

    /// Where criterion has left its results [default: `criterion` in cargo's target directory]
    #[arg(long, value_name = "DIRECTORY")]
    criterion: Option<PathBuf>,
}

const NANOSECONDS: &str = "ns";

const METRICS: [Metric; 2] = [
    Metric { key: NANOSECONDS, heading: "ns", better: Better::Lower, compared: true },
    Metric { key: "times_limit", heading: "× limit", better: Better::Lower, compared: false },
];

/// How the benchmark names its plain copy.
const COPY: &str = "copy";

/// `benchmark.json` of a measurement.
#[derive(Debug, Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: String,
    value_str: String,
}

/// `estimates.json` of a measurement.
#[derive(Debug, Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// One message at one size.
#[derive(Debug)]
struct Measured {
    message: String,
    function: String,
    size: f64,
    nanoseconds: f64,
}

fn main() -> ExitCode {
    if let Err(error) = show(Options::parse()) {
        note(&format!("codec-report: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn show(options: Options) -> Result<(), AnyError> {
    let directory = options.criterion.unwrap_or_else(left_by_cargo);
    let mut all = Vec::new();
    find(&directory, &mut all)?;
    if all.is_empty() {
        let hint = "run `cargo bench -p benches --bench codec` first";
        return Err(format!("{} has no results: {hint}", directory.display()).into());
    }
    all.sort_by(|a, b| {
        (&a.message, &a.function).cmp(&(&b.message, &b.function)).then(a.size.total_cmp(&b.size))
    });
    let mut report = Report::new("codec", &METRICS, options.report)?;
    for one in &all {
        let is_same = |other: &&Measured| {
            other.function == COPY && other.message == one.message && other.size == one.size
        };
        let mut values = vec![(SIZE, one.size), (NANOSECONDS, one.nanoseconds)];
        values
            .extend(all.iter().find(is_same).map(|copy| ("times_limit", one.nanoseconds / copy.nanoseconds)));
        let contender =
            if one.function == COPY { LIMIT.to_owned() } else { format!("{ZK_JUTE} {}", one.function) };
        let subject = Subject { server: "codec".to_owned(), workload: one.message.clone(), contender };
        report.add(Sample { subject, round: 1, values: values.into_iter().collect() })?;
    }
    report.finish_by_size()?;
    Ok(())
}

fn left_by_cargo() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("criterion")
}

/// Takes the newest results of all measurements below a directory.
fn find(directory: &Path, found: &mut Vec<Measured>) -> Result<(), AnyError> {
    // One that is not there has no results either.
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("new") && path.join("estimates.json").exists() {
            let Benchmark { group_id: message, function_id: function, value_str } =
                read(&path.join("benchmark.json"))?;
            let Estimates { median } = read(&path.join("estimates.json"))?;
            let size = value_str.parse().map_err(|_| format!("{}: no size: {value_str}", path.display()))?;
            found.push(Measured { message, function, size, nanoseconds: median.point_estimate });
        } else if path.is_dir() {
            find(&path, found)?;
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, AnyError> {
    let text = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()).into())
}
