//! The connected server killed, for one contender after the other: a client finds another one in milliseconds.

use tokio::{io::AsyncReadExt, net::TcpStream};

use super::{
    limit::limit,
    probe::Probe,
    scene::{Round, Scene},
};
use crate::{
    contender::{Pace, monotonic},
    servers::AnyError,
};

impl Scene {
    /// Kills the leader, or a follower, under each contender.
    pub(super) async fn kill(
        &self,
        is_leader: bool,
        leader: usize,
        names: &[&'static str],
        pace: Pace,
    ) -> Result<Round, AnyError> {
        let mut round = Round { limit: None, outcomes: Vec::new() };
        for name in names {
            let is_wanted = |server: usize| (server == leader) == is_leader;
            let found = Probe::start_on(&self.launcher, name, &self.ensemble, pace, is_wanted);
            let ready = async {
                let (mut probe, server) = found.await?;
                probe.settle().await?;
                probe.is_on(&self.ensemble, server).await?;
                Ok((probe, server))
            };
            let (probe, server) = match ready.await {
                Ok(ready) => ready,
                Err(why) => {
                    round.outcomes.push((name, Err(why)));
                    continue;
                }
            };
            // Its end is the contender's, too: a kernel tears a killed process down in its own time.
            let mut witness = TcpStream::connect(self.ensemble.addr(server)).await?;
            let mut healthy = self.others(server);
            if !is_leader {
                // One is enough, and costs the contender less of the machine.
                healthy.truncate(1);
            }
            let (killed, (bare, outcome)) = tokio::join!(self.ensemble.kill(server), async {
                // It ends well or with an error.
                let _ = witness.read(&mut [0; 1]).await;
                let fault = monotonic();
                tokio::join!(limit(healthy, fault, self.limit), probe.first_good(fault, self.limit))
            });
            killed?;
            self.ensemble.start_server(server)?;
            round.limit = bare;
            round.outcomes.push((name, outcome));
        }
        Ok(round)
    }
}
