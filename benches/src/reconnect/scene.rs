//! The ensemble and the contenders, and one round of one fault.

use std::{net::SocketAddr, time::Duration};

use zk_testkit::Ensemble;

use super::{Fault, Outcome, SENDING, probe::Probe};
use crate::{
    contender::{Launcher, Pace},
    servers::{self, AnyError},
};

/// Bytes of data in the node that is read.
pub(super) const PAYLOAD: usize = 128;

/// What one fault showed.
#[derive(Debug)]
pub struct Round {
    /// From the fault to the first good reply of a bare connection. `None` when there was none in time.
    pub limit: Option<Duration>,
    /// Of each contender; in words why it was not measured.
    pub outcomes: Vec<(&'static str, Result<Outcome, String>)>,
}

/// Where faults happen: an ensemble of three, and the contenders' programs.
#[derive(Debug)]
pub struct Scene {
    pub(super) ensemble: Ensemble,
    pub(super) launcher: Launcher,
    pub(super) limit: Duration,
}

impl Scene {
    /// Starts the servers. A reply that takes longer than `limit` counts as none.
    ///
    /// # Errors
    ///
    /// Java or ZooKeeper is missing, or does not come up.
    pub async fn start(launcher: Launcher, limit: Duration) -> Result<Self, AnyError> {
        Ok(Self { ensemble: servers::ensemble(3, PAYLOAD).await?, launcher, limit })
    }

    /// Measures a fault once. All is well again when this returns, or will be by the next time.
    ///
    /// # Errors
    ///
    /// The servers do not do what they are told, or do not recover; more than one contender for a fault that
    /// [is for one](Fault::is_for_one).
    pub async fn measure(
        &self,
        fault: Fault,
        is_sending: bool,
        names: &[&'static str],
        round: usize,
    ) -> Result<Round, AnyError> {
        let leader = self.ensemble.wait_all().await?;
        let pace = Pace { gap: fault.gap(), besides: is_sending.then_some(SENDING) };
        match fault {
            Fault::FollowerKilled | Fault::LeaderKilled => {
                let [name] = names else {
                    return Err("servers are killed under one contender at a time".into());
                };
                self.kill(fault == Fault::LeaderKilled, leader, name, pace).await
            }
            Fault::Frozen => self.freeze((leader + 1 + round % 2) % 3, names, pace).await,
            Fault::BlackHoled => self.black_hole(1, names, pace).await,
            Fault::TwoBlackHoled => self.black_hole(2, names, pace).await,
        }
    }

    /// The servers but for one.
    pub(super) fn others(&self, server: usize) -> Vec<SocketAddr> {
        (0..3).filter(|other| *other != server).map(|other| self.ensemble.addr(other)).collect()
    }

    /// A contender that is ready to be hit, on a server that is wanted.
    pub(super) async fn ready_on(
        &self,
        name: &str,
        pace: Pace,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<(Probe, usize), String> {
        let (mut probe, server) =
            Probe::start_on(&self.launcher, name, &self.ensemble, pace, is_wanted).await?;
        probe.settle().await?;
        probe.is_on(&self.ensemble, server).await?;
        Ok((probe, server))
    }
}
