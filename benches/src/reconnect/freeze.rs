//! The connected server stopped (SIGSTOP), under all contenders at once: they are all brought to the same one first.

use futures_util::future::join_all;

use super::{
    limit::limit,
    scene::{Round, Scene},
};
use crate::{
    contender::{Pace, monotonic},
    servers::AnyError,
};

impl Scene {
    /// Freezes a server with all contenders on it.
    pub(super) async fn freeze(
        &self,
        server: usize,
        names: &[&'static str],
        pace: Pace,
    ) -> Result<Round, AnyError> {
        // Whoever is there early calls on while it waits for the others.
        let is_it = |chosen| chosen == server;
        let found = names.iter().map(async |name| (*name, self.ready_on(name, pace, is_it).await));
        let checked = join_all(found).await.into_iter().map(async |(name, found)| match found {
            Ok((probe, _)) => (name, probe.is_on(&self.ensemble, server).await.map(|()| probe)),
            Err(why) => (name, Err(why)),
        });
        let probes = join_all(checked).await;
        self.ensemble.freeze(server)?;
        let fault = monotonic();
        let outcomes = join_all(probes.into_iter().map(async |(name, probe)| match probe {
            Ok(probe) => (name, probe.first_good(fault, self.limit).await),
            Err(why) => (name, Err(why)),
        }));
        let (limit, outcomes) = tokio::join!(limit(self.others(server), fault, self.limit), outcomes);
        self.ensemble.thaw(server)?;
        Ok(Round { limit, outcomes })
    }
}
