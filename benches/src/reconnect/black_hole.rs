//! The way to the connected server cut without a word, for all contenders at once: each has proxies of its own.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;
use zk_testkit::{Direction, FaultProxy};

use super::{
    Outcome,
    limit::limit,
    probe::Probe,
    scene::{Round, Scene},
};
use crate::{
    contender::{Pace, monotonic},
    servers::AnyError,
};

/// How often it is looked whether a contender tries another server.
const POLL: Duration = Duration::from_millis(1);

impl Scene {
    /// Black-holes the connected server, or it and the next one, for every contender.
    pub(super) async fn black_hole(
        &self,
        servers: usize,
        names: &[&'static str],
        pace: Pace,
    ) -> Result<Round, AnyError> {
        let targets = join_all(names.iter().map(async |name| (*name, self.behind_proxies(name, pace).await)));
        let mut targets = targets.await;
        for (_, target) in &mut targets {
            if let Ok(found) = target
                && let Err(why) = found.cut(servers)
            {
                *target = Err(why);
            }
        }
        // Nothing has run between the first cut and this.
        let fault = monotonic();
        let outcomes = join_all(targets.into_iter().map(async |(name, target)| match target {
            Ok(target) => (name, target.outcome(servers, fault, self.limit).await),
            Err(why) => (name, Err(why)),
        }));
        let (limit, outcomes) = tokio::join!(limit(self.others(0), fault, self.limit), outcomes);
        Ok(Round { limit, outcomes })
    }

    /// A contender that is ready to be hit.
    async fn behind_proxies(&self, name: &str, pace: Pace) -> Result<Target, String> {
        let mut proxies = Vec::new();
        for server in self.ensemble.hosts() {
            proxies.push(FaultProxy::start(server).await.map_err(|error| format!("has no proxy: {error}"))?);
        }
        let addresses: Vec<String> = proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        let mut probe = Probe::start(&self.launcher, name, &addresses.join(","), pace).await?;
        probe.settle().await?;
        Ok(Target { probe, proxies })
    }
}

/// A contender behind proxies, the connected one first once it is cut.
struct Target {
    probe: Probe,
    proxies: Vec<FaultProxy>,
}

impl Target {
    /// Cuts the connected server off, or for two all of them: which one is the next, only the client knows.
    fn cut(&mut self, servers: usize) -> Result<(), String> {
        self.proxies.sort_by_key(|proxy| proxy.counts().open == 0);
        let open: Vec<u64> = self.proxies.iter().map(|proxy| proxy.counts().open).collect();
        if open != [1, 0, 0] {
            return Err(format!("has not one connection, but {open:?}"));
        }
        let cut = if servers == 1 { 1 } else { self.proxies.len() };
        for proxy in &self.proxies[..cut] {
            pass(proxy, false);
        }
        Ok(())
    }

    async fn outcome(self, servers: usize, fault: u64, limit: Duration) -> Result<Outcome, String> {
        let Self { probe, proxies } = self;
        let release = async {
            if servers == 2 {
                release_last(&proxies[1..]).await;
            }
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = probe.first_good(fault, limit) => outcome,
            () = release => Err("was not waited for".to_owned()),
        }?;
        if proxies[0].counts().held == 0 {
            return Err("has sent nothing into the black hole".to_owned());
        }
        Ok(outcome)
    }
}

/// Lets everything pass to the last of these servers as soon as another one was tried.
async fn release_last(others: &[FaultProxy]) {
    let before: Vec<u64> = others.iter().map(|proxy| proxy.counts().connections).collect();
    loop {
        let tried =
            others.iter().zip(&before).position(|(proxy, before)| proxy.counts().connections > *before);
        if let Some(tried) = tried {
            for (_, other) in others.iter().enumerate().filter(|(other, _)| *other != tried) {
                pass(other, true);
            }
            return;
        }
        sleep(POLL).await;
    }
}

fn pass(proxy: &FaultProxy, on: bool) {
    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.black_hole(direction, !on);
    }
}
