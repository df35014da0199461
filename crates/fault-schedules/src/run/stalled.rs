//! A leader of the servers that proposes writes, has followers, and commits nothing: one of ZooKeeper 3.8.0 does so at times, for
//! ever (DESIGN.md says how it comes to that). No client can do anything about it. What a schedule has shown until then, and what
//! comes after the leader was replaced, is evidence all the same.

use std::time::{Duration, Instant};

use zk_testkit::LeaderProgress;

use super::{RunError, wait, world::World};
use crate::history::Event;

/// Between two looks at the leader.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing is committed before it is believed. A leader that is only slow, on a machine that is busy with other runs,
/// commits something in this time.
const LIMIT: Duration = Duration::from_secs(10);
/// How many are replaced for one thing that is waited for.
const REPLACED: u32 = 3;

/// What was seen of a leader that commits nothing: since when, which one, and what it said then.
#[derive(Debug, Default)]
struct Stall(Option<(Instant, usize, LeaderProgress)>);

impl Stall {
    /// Takes in who leads and what it says. Tells which one has stalled.
    fn look(&mut self, now: Instant, leader: Option<(usize, LeaderProgress)>) -> Option<usize> {
        let Some((server, progress)) = leader.filter(|(_, progress)| progress.synced_followers > 0) else {
            self.0 = None;
            return None;
        };
        match &self.0 {
            Some((since, same, before)) if *same == server && before.commits == progress.commits => {
                let has_stalled =
                    now.duration_since(*since) >= LIMIT && progress.proposals > before.proposals;
                has_stalled.then_some(server)
            }
            _ => {
                self.0 = Some((now, server, progress));
                None
            }
        }
    }
}

impl World {
    /// Waits until something is so, which it cannot become while the leader of the servers has stalled: another one is elected then,
    /// and it has as long again.
    pub(super) async fn wait_despite_stalls(
        &self,
        what: &str,
        is_so: impl Fn() -> bool + Copy,
    ) -> Result<(), RunError> {
        for _ in 0..REPLACED {
            tokio::select! {
                waited = wait(what, is_so) => return waited,
                server = self.stalled_leader() => self.replace_leader(server).await?,
            }
        }
        wait(what, is_so).await
    }

    /// Waits until the leader of the servers has stalled, which may never be.
    async fn stalled_leader(&self) -> usize {
        let mut stall = Stall::default();
        loop {
            let leader = match self.ensemble.leader().await {
                Some(server) => {
                    self.ensemble.leader_progress(server).await.map(|progress| (server, progress))
                }
                None => None,
            };
            if let Some(server) = stall.look(Instant::now(), leader) {
                return server;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has the servers elect another leader, and tells.
    async fn replace_leader(&self, server: usize) -> Result<(), RunError> {
        self.history().run_tells(Event::LeaderStalled { server });
        self.ensemble.kill(server).await?;
        self.ensemble.start_server(server)?;
        self.ensemble.wait_all().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a leader says, and how many seconds after the first time.
    type Look = (u64, Option<(usize, LeaderProgress)>);

    fn says(server: usize, proposals: u64, commits: u64) -> Option<(usize, LeaderProgress)> {
        Some((server, LeaderProgress { proposals, commits, synced_followers: 2 }))
    }

    /// After which look it is told that the leader has stalled.
    fn stalls(looks: &[Look]) -> Option<usize> {
        let (began, mut stall) = (Instant::now(), Stall::default());
        looks.iter().position(|(seconds, leader)| {
            stall.look(began + Duration::from_secs(*seconds), *leader).is_some()
        })
    }

    #[test]
    fn a_leader_that_proposes_and_commits_nothing_has_stalled() {
        let looks = [(0, says(2, 104, 100)), (9, says(2, 120, 100)), (10, says(2, 121, 100))];
        assert_eq!(stalls(&looks), Some(2));
    }

    #[test]
    fn a_leader_that_commits_is_idle_follows_another_or_is_alone_has_not() {
        let commits = [(0, says(2, 104, 100)), (9, says(2, 120, 101)), (12, says(2, 121, 101))];
        let is_idle = [(0, says(2, 104, 100)), (20, says(2, 104, 100))];
        let another = [(0, says(2, 104, 100)), (9, says(1, 10, 8)), (12, says(1, 12, 8))];
        let is_gone = [(0, says(2, 104, 100)), (9, None), (12, says(2, 121, 100))];
        for looks in [&commits[..], &is_idle, &another, &is_gone] {
            assert_eq!(stalls(looks), None, "{looks:?}");
        }
        let alone = |(seconds, leader): Look| {
            (seconds, leader.map(|(server, says)| (server, LeaderProgress { synced_followers: 0, ..says })))
        };
        assert_eq!(stalls(&[alone((0, says(2, 104, 100))), alone((20, says(2, 121, 100)))]), None);
    }
}
