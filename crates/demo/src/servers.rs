//! The ZooKeeper servers: in this process, or real ones.

use std::{net::SocketAddr, time::Duration};

use dcs_zk::Timings;
use zk_embedded::{Fault, Match};

use crate::failure::Failure;

const SERVERS: usize = 3;
/// The granularity with which servers expire sessions. Short, so that a handover does not wait for it.
const TICK: Duration = Duration::from_millis(200);

/// Three servers. They are gone when this is dropped.
#[derive(Debug)]
pub(crate) enum Servers {
    /// Three ports on one tree.
    Embedded(zk_embedded::Ensemble),
    /// Three processes.
    Real(zk_testkit::Ensemble),
}

impl Servers {
    pub(crate) async fn start(real: bool, timings: Timings) -> Result<Self, Failure> {
        if real {
            let builder = zk_testkit::Ensemble::builder().servers(SERVERS).tick_time(TICK);
            let started = builder.max_session_timeout(timings.ttl()).start().await;
            let ensemble = started.map_err(|error| {
                Failure::failed(format!(
                    "no real servers: {error}; scripts/install-deps.sh zookeeper installs what they need on \
                     Debian-like machines, and without --ensemble nothing is needed"
                ))
            })?;
            let quorum = ensemble.wait_all().await;
            quorum.map_err(|error| Failure::failed(format!("no quorum of real servers: {error}")))?;
            return Ok(Self::Real(ensemble));
        }
        let builder = zk_embedded::Server::builder().tick(TICK).max_session_timeout(timings.ttl());
        let started = builder.start_ensemble(SERVERS).await;
        started.map(Self::Embedded).map_err(|error| Failure::failed(format!("no embedded servers: {error}")))
    }

    /// What they are, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Embedded(ensemble) => {
                format!("{} servers in this process, on one tree (zk-embedded)", ensemble.servers())
            }
            Self::Real(ensemble) => format!("{} real ZooKeeper servers", ensemble.servers().len()),
        }
    }

    pub(crate) fn connect_string(&self) -> String {
        match self {
            Self::Embedded(ensemble) => ensemble.connect_string(),
            Self::Real(ensemble) => ensemble.connect_string(),
        }
    }

    fn hosts(&self) -> Vec<SocketAddr> {
        match self {
            Self::Embedded(ensemble) => (0..ensemble.servers()).map(|server| ensemble.addr(server)).collect(),
            Self::Real(ensemble) => ensemble.hosts(),
        }
    }

    /// Loses the server at this address for good, with the connections of these sessions, and tells how.
    pub(crate) async fn lose(&self, address: &str, sessions: &[i64]) -> Result<&'static str, Failure> {
        let Some(server) = self.hosts().iter().position(|host| host.to_string() == address) else {
            return Err(Failure::failed(format!("there is no server {address} that could be lost")));
        };
        match self {
            Self::Embedded(ensemble) => {
                // As with a process that is gone: connections end, and whoever asks it for anything gets no answer.
                ensemble.faults().every(Match::any().server(server), Fault::Drop);
                for session in sessions {
                    ensemble.faults().disconnect(*session);
                }
                Ok("it serves nobody any more")
            }
            Self::Real(ensemble) => {
                let killed = ensemble.kill(server).await;
                killed
                    .map_err(|error| Failure::failed(format!("cannot kill the server {address}: {error}")))?;
                Ok("SIGKILL")
            }
        }
    }
}
