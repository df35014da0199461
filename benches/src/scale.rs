//! How the cost of a client grows: with the watches it has, and with the sessions in its process.
//!
//! A contender is started with its name and a connect string, prints the line `ready`, and then carries out orders, each
//! answered with one line of JSON ([`Used`]): `sessions N` begins so many sessions, `watches N` begins one and leaves so many
//! watches, `idle MILLISECONDS` does nothing for that long, `restored` waits until its session answers again. It ends with its
//! standard input.

mod contender;
mod files;
mod scene;

use serde::{Deserialize, Serialize};

pub use self::{
    contender::{Heap, serve},
    files::require_files,
    scene::{Scene, Series},
};

/// The parent of the nodes that are watched.
pub const PARENT: &str = "/bench";

/// A node that is watched. Its name is as long as that of a member in a Patroni cluster.
pub fn node(number: usize) -> String {
    format!("{PARENT}/scale-members-pg-0-{number:06}")
}

/// What an order has used.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Time.
    pub seconds: f64,
    /// Processor time of the whole process.
    pub cpu_seconds: f64,
    /// Memory that was allocated and is still in use, where that is counted.
    pub heap_bytes: Option<i64>,
    /// Memory of the process that is resident.
    pub resident_bytes: i64,
}
