//! A schedule, carried out on real servers with real processes.

mod finale;
mod inflict;
mod lines;
mod processes;
mod stalled;
mod witness;
mod world;

use std::{path::PathBuf, time::Duration};

use futures_util::future::join_all;

use crate::{
    checker::{self, Requirements, Verdict},
    history::{self, FileError, Record},
    schedule::{Kind, Schedule},
};
pub use processes::{History, Process};
pub use world::World;
pub(crate) use world::wait;

/// What a run needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program that is started for each process: this one.
    pub program: PathBuf,
    /// Where histories are kept that are asked for, or that show something wrong.
    pub keep: Option<PathBuf>,
    /// How long there is work before the first fault and after the last.
    pub margin: Duration,
}

/// Why a run could not be carried out. That says nothing about what is tested.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The servers.
    #[error(transparent)]
    Servers(#[from] zk_testkit::TestkitError),
    /// A process, a proxy or a file.
    #[error("{0}: {1}")]
    Io(&'static str, #[source] std::io::Error),
    /// The run's own client.
    #[error("{0}: {1}")]
    Client(&'static str, #[source] zk_session::Error),
    /// The history.
    #[error(transparent)]
    History(#[from] FileError),
    /// Something did not come.
    #[error("{what} did not come within {limit:?}")]
    Late {
        /// What.
        what: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

/// A fault that was carried out.
#[derive(Debug, Clone, Copy)]
pub struct Inflicted {
    /// Its kind.
    pub kind: Kind,
    /// Whether it was seen to have done something.
    pub landed: bool,
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// The plan.
    pub schedule: Schedule,
    /// What the history shows.
    pub verdict: Verdict,
    /// The faults.
    pub faults: Vec<Inflicted>,
    /// Where the history is, if it was kept.
    pub history: Option<PathBuf>,
    /// How long it took.
    pub took: Duration,
}

/// What a history must show to count: a run in which nothing was led, written or hit says nothing.
pub const REQUIREMENTS: Requirements = Requirements {
    lease_grants: 1,
    leaders: 1,
    successions: 0,
    acknowledged_writes: 60,
    fenced_writes: 1,
    reads: 10,
    synced_reads: 3,
    watch_events: 60,
    final_views: 1,
    sessions_ended: 0,
    faults_landed: 1,
};

/// Carries a schedule out, and has its history checked.
///
/// # Errors
///
/// When it cannot be carried out, which says nothing about what is tested.
pub async fn run(
    schedule: Schedule,
    options: &Options,
    requirements: &Requirements,
) -> Result<Report, RunError> {
    let began = std::time::Instant::now();
    let world = World::start(&schedule, options).await?;
    let carried_out = carry_out(&world, &schedule, options).await;
    let records = world.history().records();
    let faults = match carried_out {
        Ok(faults) => faults,
        Err(error) => {
            // What there is may say why.
            keep(options, &world, schedule.seed, &records, true)?;
            return Err(error);
        }
    };
    let verdict = checker::check(&records, requirements);
    let history = keep(options, &world, schedule.seed, &records, !verdict.is_good())?;
    Ok(Report { schedule, verdict, faults, history, took: began.elapsed() })
}

async fn carry_out(
    world: &World,
    schedule: &Schedule,
    options: &Options,
) -> Result<Vec<Inflicted>, RunError> {
    world.wait_for_work().await?;
    tokio::time::sleep(options.margin).await;
    let faults = join_all(schedule.faults.iter().map(|planned| inflict::inflict(world, planned))).await;
    world.take_everything_back().await?;
    world.wait_for_recovery().await?;
    tokio::time::sleep(options.margin).await;
    world.end().await?;
    Ok(faults)
}

/// Writes the history where it is kept, and beside one that shows something wrong what the servers have logged.
fn keep(
    options: &Options,
    world: &World,
    seed: u64,
    records: &[Record],
    is_bad: bool,
) -> Result<Option<PathBuf>, RunError> {
    let directory = match &options.keep {
        Some(directory) => directory.clone(),
        None if is_bad => std::env::temp_dir().join("fault-schedules"),
        None => return Ok(None),
    };
    let failed = |error| RunError::Io("the directory of histories", error);
    std::fs::create_dir_all(&directory).map_err(failed)?;
    let path = directory.join(format!("seed-{seed}.jsonl"));
    history::write(&path, records)?;
    for server in world.ensemble.servers().iter().filter(|_| is_bad) {
        let log = directory.join(format!("seed-{seed}.server-{}.log", server.index()));
        std::fs::copy(server.log_path(), log).map_err(failed)?;
    }
    Ok(Some(path))
}
