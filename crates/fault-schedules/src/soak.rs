//! Many schedules, and what came of them altogether.

use std::{
    collections::BTreeMap,
    fmt::Write,
    ops::Range,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    checker::{Requirements, Totals},
    run::{self, Options, Report, RunError},
    schedule::{Kind, Schedule},
};

/// Which schedules to carry out.
#[derive(Debug, Clone)]
pub struct Soak {
    /// Their seeds.
    pub seeds: Range<u64>,
    /// How many at a time.
    pub jobs: usize,
    /// When none is begun any more.
    pub limit: Option<Duration>,
}

/// Faults of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// How many were planned.
    pub planned: u64,
    /// How many were seen to have done something.
    pub landed: u64,
}

/// What came of all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The first seed, and the one after the last.
    pub seeds: (u64, u64),
    /// Schedules that were carried out.
    pub schedules: u64,
    /// Schedules that could not be carried out: nothing is known by them, and that is no success.
    pub not_carried_out: u64,
    /// How long it took.
    pub seconds: u64,
    /// What their histories hold.
    pub totals: Totals,
    /// The faults.
    pub faults: BTreeMap<Kind, Faults>,
    /// What was wrong, and how to see it again.
    pub violations: Vec<String>,
}

impl Summary {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.not_carried_out == 0 && self.schedules > 0
    }

    fn add(&mut self, seed: u64, outcome: &Result<Report, RunError>) {
        match outcome {
            Ok(report) => {
                self.schedules += 1;
                self.totals += report.verdict.totals;
                for fault in &report.faults {
                    let faults = self.faults.entry(fault.kind).or_default();
                    faults.planned += 1;
                    faults.landed += u64::from(fault.landed);
                }
                if !report.verdict.is_good() {
                    self.violations.push(describe(seed, outcome));
                }
            }
            Err(_) => {
                self.not_carried_out += 1;
                self.violations.push(describe(seed, outcome));
            }
        }
    }
}

/// Carries them out; `progress` is told of each when it is over.
pub async fn soak(
    soak: &Soak,
    options: &Options,
    requirements: &Requirements,
    mut progress: impl FnMut(u64, &Result<Report, RunError>),
) -> Summary {
    let began = Instant::now();
    let in_time = |_: &u64| soak.limit.is_none_or(|limit| began.elapsed() < limit);
    let runs = soak
        .seeds
        .clone()
        .take_while(in_time)
        .map(|seed| async move { (seed, run::run(Schedule::plan(seed), options, requirements).await) });
    let mut runs = stream::iter(runs).buffer_unordered(soak.jobs.max(1));
    let mut summary = Summary { seeds: (soak.seeds.start, soak.seeds.start), ..Summary::default() };
    while let Some((seed, outcome)) = runs.next().await {
        summary.seeds.1 = summary.seeds.1.max(seed + 1);
        summary.add(seed, &outcome);
        progress(seed, &outcome);
    }
    summary.seconds = began.elapsed().as_secs();
    summary
}

/// A run, for people: one line if nothing is wrong, otherwise everything that it takes to see it again.
pub fn describe(seed: u64, outcome: &Result<Report, RunError>) -> String {
    let replay = format!("  again: fault-schedule run --seed {seed}");
    match outcome {
        Err(error) => format!("seed {seed}: not carried out: {error}\n{replay}"),
        Ok(report) => {
            let totals = &report.verdict.totals;
            let landed = report.faults.iter().filter(|fault| fault.landed).count();
            let mut text = format!(
                "seed {seed}: {} in {:.1} s: {landed} of {} faults landed, {} leases of {} leaders, {} writes acknowledged and \
                 {} unknown, {} events, {} sessions ended",
                if report.verdict.is_good() { "good" } else { "BAD" },
                report.took.as_secs_f64(),
                report.faults.len(),
                totals.lease_grants + totals.lease_renewals,
                totals.leaders,
                totals.acknowledged_writes,
                totals.unknown_writes,
                totals.watch_events,
                totals.sessions_ended,
            );
            if totals.stalled_leaders > 0 {
                let _ = write!(text, ", {} times the servers' leader had stalled", totals.stalled_leaders);
            }
            if !report.verdict.is_good() {
                let _ = write!(text, "\n{}", report.schedule);
                for violation in &report.verdict.violations {
                    let _ = writeln!(text, "  {violation}");
                }
                text += &replay;
            }
            if let Some(history) = &report.history {
                let _ = write!(text, "\n  history: {}", history.display());
            }
            text
        }
    }
}
