//! The clients that are compared, each in a process of its own, so that its CPU time is its own.
//!
//! A contender is started with a connect string and the size of a payload. It connects, prints the line `ready`, and then
//! carries out orders: it reads a line `WORKLOAD LANES MILLISECONDS`, works for that long, and prints one line of JSON
//! ([`Figures`]). It ends with its standard input. The programs under `benches/peers` speak the same.
//!
//! The order `probe GAP EVERY` is another: one `getData` after the other, `GAP` milliseconds after the last one ended, well or
//! not, and a line of JSON ([`Call`]) for each. If `EVERY` is not 0, besides those one every `EVERY` milliseconds whose answer
//! nobody waits for. It lasts until the contender is ended.

mod calls;
mod child;
mod lanes;
mod launch;
mod probe;
pub(crate) mod rust;
mod serve;

use serde::{Deserialize, Serialize};

pub(crate) use self::serve::answer;
pub use self::{
    calls::Calls,
    child::Child,
    launch::{Launcher, ROLE},
    probe::{Call, Pace, monotonic},
    serve::{Allocations, serve},
};

/// All contenders, ours first.
pub const CONTENDERS: [&str; 7] =
    [crate::report::OURS, "zookeeper-client", "zookeeper-async", "tokio-zookeeper", "kazoo", "c", "java"];

/// This client with the settings that `dcs-zk` derives from Patroni's default timings.
pub const OURS_PATRONI: &str = "zk-session-patroni";

/// The same with suspicion turned off.
pub const OURS_NO_SUSPICION: &str = "zk-session-no-suspicion";

/// What a contender is to do. Each lane makes its next call when its last one was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// One `getData` after the other.
    SequentialGet,
    /// 256 `getData` at a time.
    PipelinedGet,
    /// 128 `setData` at a time, each on a node of its own.
    PipelinedSet,
    /// 32 ephemeral nodes at a time created and deleted; both count as one operation.
    Ephemeral,
    /// 1,000 nodes are watched, then set; every event counts as one operation, and takes from its `setData` on.
    WatchFanOut,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::SequentialGet, Self::PipelinedGet, Self::PipelinedSet, Self::Ephemeral, Self::WatchFanOut];

    /// Its name in orders, tables and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::SequentialGet => "sequential-get",
            Self::PipelinedGet => "pipelined-get",
            Self::PipelinedSet => "pipelined-set",
            Self::Ephemeral => "ephemeral",
            Self::WatchFanOut => "watch-fan-out",
        }
    }

    /// How many calls are under way at a time.
    pub fn lanes(self) -> usize {
        match self {
            Self::SequentialGet => 1,
            Self::PipelinedGet => 256,
            Self::PipelinedSet => 128,
            Self::Ephemeral => 32,
            Self::WatchFanOut => 1_000,
        }
    }
}

/// The node that is read.
pub const GET_PATH: &str = "/bench/get";

/// The node of a lane that is set.
pub fn set_path(lane: usize) -> String {
    format!("/bench/set/{lane}")
}

/// The node of a lane that is created and deleted.
pub fn ephemeral_path(lane: usize) -> String {
    format!("/bench/ephemeral/{lane}")
}

/// The node of a lane that is watched.
pub fn watch_path(lane: usize) -> String {
    format!("/bench/watch/{lane}")
}

/// What a contender has measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Operations that were answered.
    pub ops: u64,
    /// From the first call to the last answer.
    pub seconds: f64,
    /// Processor time of the whole process meanwhile.
    pub cpu_seconds: f64,
    /// The median of the operations' times, in microseconds.
    pub p50_us: f64,
    /// The time that 99 of 100 operations stay under, in microseconds.
    pub p99_us: f64,
    /// Allocations meanwhile, where they are counted.
    #[serde(default)]
    pub allocations: Option<u64>,
}
