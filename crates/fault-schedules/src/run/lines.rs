//! The lines between each process and each server: a proxy of its own for every one of them.

use zk_testkit::{Ensemble, FaultProxy};

use super::RunError;
use crate::schedule::{CONTENDERS, Clients, WATCHERS, WRITERS};

/// Places of processes: contenders first, then writers, then watchers.
pub(super) const PLACES: usize = CONTENDERS + WRITERS + WATCHERS;

/// By the process's place, and the server.
#[derive(Debug)]
pub(super) struct Lines(Vec<Vec<FaultProxy>>);

impl Lines {
    pub(super) async fn start(ensemble: &Ensemble) -> Result<Self, RunError> {
        let mut lines = Vec::new();
        for _ in 0..PLACES {
            let mut own = Vec::new();
            for server in ensemble.hosts() {
                own.push(FaultProxy::start(server).await.map_err(|error| RunError::Io("a proxy", error))?);
            }
            lines.push(own);
        }
        Ok(Self(lines))
    }

    /// The servers, as a process is told them.
    pub(super) fn hosts(&self, place: usize) -> String {
        self.0[place].iter().map(|line| line.address().to_string()).collect::<Vec<_>>().join(",")
    }

    pub(super) fn line(&self, place: usize, server: usize) -> &FaultProxy {
        &self.0[place][server]
    }

    /// The lines of these clients to a server.
    pub(super) fn to_server(&self, clients: Clients, server: usize) -> Vec<&FaultProxy> {
        self.of(clients).into_iter().map(|own| &own[server]).collect()
    }

    /// All lines of each of these clients.
    pub(super) fn of(&self, clients: Clients) -> Vec<&[FaultProxy]> {
        match clients {
            Clients::All => self.0.iter().map(Vec::as_slice).collect(),
            Clients::One(place) => vec![&self.0[place]],
        }
    }

    /// Every line.
    pub(super) fn all(&self) -> impl Iterator<Item = &FaultProxy> {
        self.0.iter().flatten()
    }
}
