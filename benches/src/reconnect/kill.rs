//! The connected server killed, under one contender: it finds another one in milliseconds.

use tokio::{io::AsyncReadExt, net::TcpStream};

use super::{
    limit::limit,
    scene::{Round, Scene},
};
use crate::{
    contender::{Pace, monotonic},
    servers::AnyError,
};

impl Scene {
    /// Kills the leader, or a follower, under a contender.
    pub(super) async fn kill(
        &self,
        is_leader: bool,
        leader: usize,
        name: &'static str,
        pace: Pace,
    ) -> Result<Round, AnyError> {
        let (probe, server) = match self.ready_on(name, pace, |server| (server == leader) == is_leader).await
        {
            Ok(ready) => ready,
            Err(why) => return Ok(Round { limit: None, outcomes: vec![(name, Err(why))] }),
        };
        // Its end is the contender's, too: a kernel tears a killed process down in its own time.
        let mut witness = TcpStream::connect(self.ensemble.addr(server)).await?;
        let mut healthy = self.others(server);
        if !is_leader {
            // One is enough, and costs the contender less of the machine.
            healthy.truncate(1);
        }
        let (killed, (limit, outcome)) = tokio::join!(self.ensemble.kill(server), async {
            // It ends well or with an error.
            let _ = witness.read(&mut [0; 1]).await;
            let fault = monotonic();
            tokio::join!(limit(healthy, fault, self.limit), probe.first_good(fault, self.limit))
        });
        killed?;
        self.ensemble.start_server(server)?;
        Ok(Round { limit, outcomes: vec![(name, outcome)] })
    }
}
