//! What the processes of a run saw, line by line: the only thing that the checker knows of it.
//!
//! A history is a file of JSON lines, one [`Record`] each, in no order: the processes write at the same time and each line has
//! its own time stamp. All processes run on one machine and take their time from one clock, `CLOCK_BOOTTIME`.

mod file;

pub use file::{FileError, read, write};

use serde::{Deserialize, Serialize};

/// Nanoseconds of `CLOCK_BOOTTIME`.
pub type Nanos = u64;

/// One thing that one process saw or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When. For an [`Event::Invoke`] taken before the call, for what ends a call taken after it.
    pub at: Nanos,
    /// Which process: its name, as `contender-3`. The run itself is `run`. One that is started again has another name.
    pub process: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What a process saw or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The process holds a lease: from `at` on it believes that it leads, until `until` at the latest. Each renewal is another
    /// one. `token` is the lease's fencing token (the `czxid` of the leader key).
    Lease {
        /// When the lease ends by itself.
        until: Nanos,
        /// The lease's fencing token.
        token: i64,
        /// The session that owns the key.
        session: i64,
    },
    /// The process has ceased to believe, before its lease ended by itself. The time is from before it gave the key up.
    Ceased {
        /// The fencing token of the lease that is over.
        token: i64,
    },
    /// The process asks something of ZooKeeper. `op` is unique within its process and counts up in the order of submission.
    Invoke {
        /// The call's number.
        op: u64,
        /// What it asks.
        call: Call,
    },
    /// The answer to that call.
    Ok {
        /// The call's number.
        op: u64,
        /// What came back.
        outcome: Outcome,
    },
    /// The call has certainly had no effect: ZooKeeper said no, or it was never sent.
    Failed {
        /// The call's number.
        op: u64,
        /// The error, for people.
        error: String,
    },
    /// Nobody knows whether the call had an effect. A call without any ending (its process was killed) counts as this, too.
    Unknown {
        /// The call's number.
        op: u64,
        /// The error, for people.
        error: String,
    },
    /// A watcher is told that something happened to this path, with a persistent watch.
    Seen {
        /// The path of the node.
        path: String,
        /// `created`, `changed` or `deleted`.
        change: Change,
    },
    /// A persistent watcher is told that it may have missed something and has read everything anew: the nodes that exist now,
    /// with their `mzxid`. The first one is what there was when it began.
    Resynced {
        /// Path and `mzxid`.
        nodes: Vec<(String, i64)>,
    },
    /// The session of this process ended for good (it was closed, or a server said that it is over), and a later call belongs
    /// to another one. The time is when the client said so.
    SessionEnded {
        /// The id of the session that ended.
        session: i64,
        /// Why, for people.
        cause: String,
    },
    /// `run` only: a fault begins.
    FaultBegins {
        /// Its number within the schedule.
        fault: u32,
        /// What it is, for people.
        what: String,
    },
    /// `run` only: the fault has ended, and what shows that it landed.
    FaultEnds {
        /// Its number within the schedule.
        fault: u32,
        /// Whether it was seen to have done something (a process died, a connection was cut, bytes were held).
        landed: bool,
    },
    /// `run` only: the leader of the servers proposed writes, committed none, and was replaced.
    LeaderStalled {
        /// The server.
        server: usize,
    },
    /// `run` only, at the end, after all faults were taken back, all calls had ended and a `sync`: what there is.
    Final {
        /// Every node below the run's directory.
        nodes: Vec<FinalNode>,
    },
    /// A watcher at the very end: what it believes that there is, by its events and reads alone.
    FinalView {
        /// What it watches: everything below this path, itself not included.
        directory: String,
        /// Path and `mzxid` of each node.
        nodes: Vec<(String, i64)>,
    },
}

/// What is asked of ZooKeeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum Call {
    /// Creates a node. `value` is unique in the history. With `sequential` the server appends a number to the path.
    Create {
        /// The path asked for.
        path: String,
        /// What is stored: unique in the history.
        value: String,
        /// Whether the server numbers it.
        sequential: bool,
        /// Whether it goes with the session.
        ephemeral: bool,
    },
    /// Replaces the value of a node. With a `version` only if that is the node's version.
    Set {
        /// The path.
        path: String,
        /// What is stored: unique in the history.
        value: String,
        /// The version that it must have.
        version: Option<i32>,
        /// The fencing token, where it is a write that only the leader may do.
        token: Option<i64>,
    },
    /// Removes a node.
    Delete {
        /// The path.
        path: String,
        /// The version that it must have.
        version: Option<i32>,
    },
    /// Reads a node: from the server that the client is connected to, which may lag.
    Read {
        /// The path.
        path: String,
        /// Whether a `sync` was sent before it on the same connection.
        synced: bool,
    },
}

/// What ZooKeeper answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A write was done: which node, and the zxid and version that it has by it.
    Written {
        /// The node's path, with its number if it is sequential.
        path: String,
        /// The zxid of the write. None where the operation does not tell (delete, fenced writes).
        zxid: Option<i64>,
        /// The node's version after it. None where the operation does not tell.
        version: Option<i32>,
        /// The session that asked.
        session: i64,
    },
    /// What was read. `None` when there is no such node.
    Value {
        /// What there was.
        node: Option<ReadNode>,
        /// The session that asked.
        session: i64,
    },
}

/// A node as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadNode {
    /// What is stored.
    pub value: String,
    /// The zxid of the last write of it.
    pub mzxid: i64,
    /// Its version.
    pub version: i32,
}

/// A node at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalNode {
    /// Its path.
    pub path: String,
    /// What is stored.
    pub value: String,
    /// The zxid of its creation.
    pub czxid: i64,
    /// The zxid of the last write of it.
    pub mzxid: i64,
    /// Its version.
    pub version: i32,
    /// The session that owns it; 0 for none.
    pub owner: i64,
}

/// What happened to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was created.
    Created,
    /// Its value was replaced.
    Changed,
    /// It was removed.
    Deleted,
}
