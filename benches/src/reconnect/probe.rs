//! One contender that calls, from its start to its first good reply after a fault.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use zk_testkit::Ensemble;

use super::scene::PAYLOAD;
use crate::contender::{Calls, Child, Launcher, Pace};

/// How long calls must have been answered well before a fault. Longer than what a client may take for the beginning of a
/// connection.
const SETTLED: Duration = Duration::from_millis(1_500);

/// How long a contender may take to come to that.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a contender is started anew because it has chosen another server than the one that is wanted.
const STARTS: usize = 40;

/// What a contender showed of one fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// From the fault to the first good reply. `None` when there was none in time.
    pub first_good: Option<Duration>,
    /// Calls that failed meanwhile.
    pub failed: usize,
    /// Whether the session is still the same, where the client tells.
    pub session_kept: Option<bool>,
}

/// A contender that calls; ended when it is dropped.
#[derive(Debug)]
pub(super) struct Probe {
    calls: Calls,
    session: Option<i64>,
}

impl Probe {
    /// Starts it and waits for its first good reply.
    pub(super) async fn start(
        launcher: &Launcher,
        name: &str,
        connect_string: &str,
        pace: Pace,
    ) -> Result<Self, String> {
        let mut command = launcher.command(name)?;
        command.args([connect_string, &PAYLOAD.to_string()]);
        let calls = Child::start(command).await?.probe(pace).await?;
        let mut probe = Self { calls, session: None };
        probe.answered_for(Duration::ZERO).await?;
        Ok(probe)
    }

    /// Starts it anew until it is connected to a server that is wanted: which one, is its own choice.
    pub(super) async fn start_on(
        launcher: &Launcher,
        name: &str,
        ensemble: &Ensemble,
        pace: Pace,
        is_wanted: impl Fn(usize) -> bool,
    ) -> Result<(Self, usize), String> {
        for _ in 0..STARTS {
            let probe = Self::start(launcher, name, &ensemble.connect_string(), pace).await?;
            if let Some(server) = probe.server(ensemble).await?
                && is_wanted(server)
            {
                return Ok((probe, server));
            }
        }
        Err(format!("has never chosen the server that is wanted, in {STARTS} starts"))
    }

    /// The server that it is connected to.
    async fn server(&self, ensemble: &Ensemble) -> Result<Option<usize>, String> {
        let session = self.session.ok_or("does not tell its session")?;
        Ok(ensemble.server_of_session(session).await)
    }

    /// That it is connected to this server, now.
    pub(super) async fn is_on(&self, ensemble: &Ensemble, server: usize) -> Result<(), String> {
        match self.server(ensemble).await? {
            Some(chosen) if chosen == server => Ok(()),
            _ => Err("has left its server before the fault".to_owned()),
        }
    }

    /// Waits until it can be hit: its calls were answered for long enough.
    pub(super) async fn settle(&mut self) -> Result<(), String> {
        self.answered_for(SETTLED).await
    }

    /// Waits until calls were answered well, in one session, for so long.
    async fn answered_for(&mut self, time: Duration) -> Result<(), String> {
        let answered = async {
            let mut since = None;
            loop {
                let call = self.calls.next().await?;
                if call.error.is_some() || call.session != self.session {
                    since = None;
                }
                if call.error.is_some() {
                    continue;
                }
                self.session = call.session;
                let since = *since.get_or_insert(call.begun);
                if Duration::from_nanos(call.ended.saturating_sub(since)) >= time {
                    return Ok(());
                }
            }
        };
        timeout(PATIENCE, answered)
            .await
            .map_err(|_| format!("was not answered well for {} s in a row", time.as_secs_f64()))?
    }

    /// Waits for the first good reply to a call that was begun after the fault.
    pub(super) async fn first_good(mut self, fault: u64, limit: Duration) -> Result<Outcome, String> {
        let end = Instant::now() + limit;
        let mut failed = 0;
        while let Ok(call) = timeout_at(end, self.calls.next()).await {
            let call = call?;
            match call.error {
                Some(_) if call.ended >= fault => failed += 1,
                None if call.begun >= fault => {
                    return Ok(Outcome {
                        first_good: Some(Duration::from_nanos(call.ended - fault)),
                        failed,
                        session_kept: self.session.map(|before| Some(before) == call.session),
                    });
                }
                _ => {}
            }
        }
        Ok(Outcome { first_good: None, failed, session_kept: None })
    }
}
