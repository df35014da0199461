//! Loading clusters: this workspace's `get_cluster` and Patroni's.
//!
//! A contender is started with a connect string, a scope and a Citus group (`-` without Citus; 0 loads all groups). It
//! connects, prints the line `ready`, and then carries out orders: it reads a line `KIND LOADS MILLISECONDS` ([`Kind`]), loads
//! for that long and so many times at least, and prints one line of JSON ([`Loads`]). It ends with its standard input.
//! `benches/peers/load_with_patroni.py` speaks the same.

mod contender;
mod scope;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{contender::serve, scope::Shape};

/// Patroni's own classes on kazoo.
pub const PATRONI: &str = "patroni";

/// Which loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As in the rounds of an HA loop: the members are those of the load before.
    Next,
    /// The first one of a client that knows nothing yet, but is connected.
    First,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Next, Self::First];

    /// Its name in orders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::First => "first",
        }
    }
}

/// What a contender has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loads {
    /// How long each took, in milliseconds.
    pub times_ms: Vec<f64>,
    /// Processor time of the whole process during the loads.
    pub cpu_seconds: f64,
    /// What every single one has given.
    pub seen: Seen,
}

/// What a load has given, by group; the one of a cluster without Citus is 0.
pub type Seen = BTreeMap<u32, SeenGroup>;

/// Something of every key, so that one that was not read, or not understood, is missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGroup {
    /// The system identifier.
    pub initialize: String,
    /// The ttl in the configuration.
    pub ttl: i64,
    /// The leader's name.
    pub leader: String,
    /// The leader's position.
    pub last_lsn: i64,
    /// Members that say they are running.
    pub running: usize,
    /// The synchronous standby.
    pub sync_standby: String,
    /// Lines of the history.
    pub history: usize,
    /// Members in the failsafe topology.
    pub failsafe: usize,
}
