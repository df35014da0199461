//! Several servers on one tree.

use std::{net::SocketAddr, time::Duration};

use tokio::io::DuplexStream;

use crate::{Faults, Server, SessionView};

/// Several ports on one tree that behave as the servers of an ensemble do towards their clients.
///
/// **For tests and demonstrations.** There is no quorum, no election and no disk: server 0 leads, and what it has decided
/// reaches the others when they are let.
///
/// A follower
/// * answers reads from its own copy of the tree, which can [lag](Self::lag) behind;
/// * answers pings by itself, and tells the leader every half tick whom it has heard from: only then are sessions touched;
/// * forwards writes, which touch nothing, and answers them when it has applied them itself;
/// * when [cut off](Self::cut_off), goes on answering pings and reads, while writes hang and the leader counts its sessions out;
///   after the [sync limit](crate::ServerBuilder::sync_limit) it sends its clients away.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ensemble = zk_embedded::Server::builder().start_ensemble(3).await?;
/// ensemble.lag(1, std::time::Duration::from_millis(50));
/// ensemble.cut_off(2);
/// assert_eq!(ensemble.connect_string().split(',').count(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Ensemble {
    server: Server,
}

impl Ensemble {
    pub(crate) fn new(server: Server) -> Self {
        Self { server }
    }

    /// Where all servers are, separated by commas; the leader is the first.
    pub fn connect_string(&self) -> String {
        self.server.connect_string()
    }

    /// How many servers there are.
    pub fn servers(&self) -> usize {
        self.server.hub.with(|engine, _| engine.servers())
    }

    /// Where one server is, counted from 0. Methods that take the index of a server that is not there do nothing.
    pub fn addr(&self, server: usize) -> SocketAddr {
        self.server.addr_of(server)
    }

    /// A connection in memory to one server.
    pub fn connect(&self, server: usize) -> DuplexStream {
        self.server.connect_to(server)
    }

    /// Sets how long transactions take to a follower. What is under way is not held up, and not overtaken.
    pub fn lag(&self, follower: usize, lag: Duration) {
        if follower != 0 {
            self.server.hub.with(|engine, _| engine.set_lag(follower, lag));
        }
    }

    /// Takes a follower, with its clients, out of touch with the leader. The leader itself cannot be cut off.
    pub fn cut_off(&self, follower: usize) {
        self.server.hub.with(|engine, now| engine.cut_off(now, follower));
    }

    /// Brings a follower back: it catches up, and carries out what its clients have waited for.
    pub fn rejoin(&self, follower: usize) {
        self.server.hub.with(|engine, now| engine.rejoin(now, follower));
    }

    /// What can be made to go wrong, on all servers; [`Match::server`](crate::Match::server) picks one.
    pub fn faults(&self) -> Faults<'_> {
        self.server.faults()
    }

    /// All sessions, by id, as the leader counts them.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.server.sessions()
    }

    /// The zxid of the last transaction.
    pub fn last_zxid(&self) -> i64 {
        self.server.last_zxid()
    }
}
