//! The processes of a run: what each of them does until it is told to stop.

mod calls;
mod contender;
mod holder;
mod orders;
mod sessions;
mod watcher;
mod writer;

use std::{error::Error, sync::Arc, time::Duration};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::record::Recorder;
pub use holder::TTL as HOLDER_TTL;
use orders::Orders;

/// Everything that writers write is below this, and watched.
pub const DIRECTORY: &str = "/run";
/// Where the sequential nodes are.
pub const QUEUE: &str = "/run/queue";
/// Where the ephemeral ones are.
pub const EPHEMERALS: &str = "/run/ephemerals";
/// Where nodes come and go.
pub const COMING_AND_GOING: &str = "/run/nodes";
/// Nodes that all writers set.
pub const SHARED: [&str; 3] = ["/run/a", "/run/b", "/run/c"];
/// The scope of the contenders.
pub const SCOPE: &str = "demo";
/// What only the leader writes.
pub const FENCED: &str = "/service/demo/failover";

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Contends for the leader key, and writes as the leader.
    Contender,
    /// Writes.
    Writer,
    /// Watches.
    Watcher,
    /// Holds many sessions, each with a leader key of its own.
    Holder,
}

/// How a process is started.
#[derive(Debug, Clone, Args)]
pub struct RoleOptions {
    /// What it does
    #[arg(value_enum)]
    pub role: Role,
    /// Its name in the history
    #[arg(long)]
    pub name: String,
    /// Its name as a member, where it is one
    #[arg(long)]
    pub member: String,
    /// The servers
    #[arg(long)]
    pub hosts: String,
    /// What it draws by
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Its session timeout, in milliseconds
    #[arg(long, default_value_t = 3_000)]
    pub session_ms: u64,
    /// How many sessions it holds
    #[arg(long, default_value_t = 1)]
    pub sessions: usize,
}

impl RoleOptions {
    fn session(&self) -> Duration {
        Duration::from_millis(self.session_ms)
    }
}

/// What a process is told, one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Go on.
    Work,
    /// Begin nothing any more, and say when all has ended.
    Stop,
    /// Say what is to be said at the end.
    Finish,
}

impl Order {
    /// The line.
    pub fn line(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Stop => "stop",
            Self::Finish => "finish",
        }
    }
}

/// Does what the role does, until the orders on standard input say otherwise. Ends with whoever started it.
///
/// # Errors
///
/// What cannot be gone on with: settings that are of no use.
pub async fn run(options: RoleOptions) -> Result<(), Box<dyn Error>> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let orders = Orders::listen();
    let recorder = Arc::new(Recorder::new(&options.name));
    match options.role {
        Role::Contender => contender::run(&options, &recorder, &orders).await,
        Role::Writer => writer::run(&options, &recorder, &orders).await,
        Role::Watcher => watcher::run(&options, &recorder, &orders).await,
        Role::Holder => holder::run(&options, &orders).await,
    }
}
