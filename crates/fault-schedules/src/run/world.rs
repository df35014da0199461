//! Servers, lines and processes.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, MutexGuard};
use zk_testkit::{Direction, Ensemble};

use super::{
    Options, RunError,
    lines::{Lines, PLACES},
    processes::{History, Process},
    witness,
};
use crate::{
    history::{Event, Outcome},
    roles::{Role, RoleOptions},
    schedule::{CONTENDERS, Clients, Schedule, ServerChoice, WRITERS},
};

/// What must come, on a machine that is busy with other runs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Servers, lines and processes of a run.
#[derive(Debug)]
pub struct World {
    pub(super) ensemble: Ensemble,
    pub(super) lines: Lines,
    program: PathBuf,
    seed: u64,
    session: Duration,
    history: Arc<History>,
    /// By place. Replaced when one was killed, with the count of those before it.
    processes: Vec<Mutex<(Process, u32)>>,
}

impl World {
    /// Starts servers, lines and processes.
    ///
    /// # Errors
    ///
    /// Something cannot be started.
    pub async fn start(schedule: &Schedule, options: &Options) -> Result<Self, RunError> {
        let ensemble = Ensemble::builder()
            .servers(3)
            .tick_time(schedule.tick)
            .property("syncLimit", schedule.sync_limit.to_string())
            .max_session_timeout(Duration::from_secs(60))
            .start_timeout(PATIENCE)
            // Servers of 3.8.0 lose acknowledged writes when a follower is interrupted while it catches up by a DIFF: it has noted
            // the new epoch then, but not the transactions, and wins the next election over those that have them
            // (ZOOKEEPER-4643, -4646, -4685, -4785). A snapshot is on disk before the epoch is.
            .system_property("zookeeper.forceSnapshotSync", "true")
            .quorum_proxies()
            .start()
            .await?;
        let lines = Lines::start(&ensemble).await?;
        let history = Arc::new(History::default());
        witness::prepare(&ensemble, &history).await?;
        let (program, seed, session) = (options.program.clone(), schedule.seed, schedule.session);
        let mut world = Self { ensemble, lines, program, seed, session, history, processes: Vec::new() };
        for place in 0..PLACES {
            let process = world.process(place, 0)?;
            world.processes.push(Mutex::new((process, 0)));
        }
        Ok(world)
    }

    /// What was told.
    pub fn history(&self) -> &Arc<History> {
        &self.history
    }

    /// A process for a place, where so many have died.
    fn process(&self, place: usize, died: u32) -> Result<Process, RunError> {
        let (role, name) = match place {
            place if place < CONTENDERS => (Role::Contender, format!("contender-{place}")),
            place if place < CONTENDERS + WRITERS => (Role::Writer, format!("writer-{}", place - CONTENDERS)),
            place => (Role::Watcher, format!("watcher-{}", place - CONTENDERS - WRITERS)),
        };
        let options = RoleOptions {
            role,
            member: name.clone(),
            name: if died == 0 { name } else { format!("{name}.{died}") },
            hosts: self.lines.hosts(place),
            session_ms: u64::try_from(self.session.as_millis()).unwrap_or(u64::MAX),
            sessions: 1,
            seed: self.seed.wrapping_mul(1_000).wrapping_add(place as u64 * 10).wrapping_add(u64::from(died)),
        };
        Process::start(&self.program, &options, &self.history)
    }

    /// The process at a place.
    pub(super) async fn at(&self, place: usize) -> MutexGuard<'_, (Process, u32)> {
        self.processes[place].lock().await
    }

    /// Starts another process at the place of one that was killed.
    pub(super) async fn replace(&self, place: usize) -> Result<(), RunError> {
        let mut at = self.at(place).await;
        at.1 += 1;
        at.0 = self.process(place, at.1)?;
        Ok(())
    }

    /// The place of the contender that leads.
    pub(super) async fn leader(&self) -> Option<usize> {
        let leader = self.history.leader()?;
        for place in 0..CONTENDERS {
            if self.at(place).await.0.name() == leader {
                return Some(place);
            }
        }
        None
    }

    /// The server that is meant for these clients, as things are now.
    pub(super) async fn server_of(&self, clients: Clients, choice: ServerChoice) -> usize {
        match (clients, choice) {
            (Clients::One(place), ServerChoice::Home) => {
                (0..3).find(|server| self.lines.line(place, *server).counts().open > 0).unwrap_or(0)
            }
            (_, choice) => self.server(choice).await,
        }
    }

    /// The server that is meant, as things are now; the first one if there is no leader.
    pub(super) async fn server(&self, choice: ServerChoice) -> usize {
        match choice {
            ServerChoice::Number(server) => server,
            ServerChoice::Home => 0,
            ServerChoice::Leader => self.ensemble.leader().await.unwrap_or(0),
            ServerChoice::Follower(nth) => {
                let leader = self.ensemble.leader().await.unwrap_or(0);
                (leader + 1 + nth) % 3
            }
        }
    }

    /// Waits until somebody leads, somebody has written and everybody who watches has begun.
    ///
    /// # Errors
    ///
    /// It does not come.
    pub async fn wait_for_work(&self) -> Result<(), RunError> {
        wait("work", || {
            let watchers = self.history.count(|record| matches!(record.event, Event::Resynced { .. }));
            self.history.leader().is_some()
                && self.acknowledged() > 20
                && watchers >= PLACES - CONTENDERS - WRITERS
        })
        .await
    }

    /// Waits until somebody has got or renewed a lease and writers have written, after all that was.
    pub(super) async fn wait_for_recovery(&self) -> Result<(), RunError> {
        let before = (self.leases(), self.acknowledged());
        let recovered = || self.leases() > before.0 && self.acknowledged() > before.1 + 30;
        self.wait_despite_stalls("a recovery", recovered).await.map_err(|error| match error {
            RunError::Late { what, limit } => {
                let (leases, writes) = (self.leases() - before.0, self.acknowledged() - before.1);
                RunError::Late {
                    what: format!("{what} (there were {leases} leases and {writes} writes)"),
                    limit,
                }
            }
            error => error,
        })
    }

    /// How many leases were got and renewed.
    fn leases(&self) -> usize {
        self.history.count(|record| matches!(record.event, Event::Lease { .. }))
    }

    /// How many writes were acknowledged.
    fn acknowledged(&self) -> usize {
        let is_write = |event: &Event| matches!(event, Event::Ok { outcome: Outcome::Written { .. }, .. });
        self.history.count(|record| is_write(&record.event))
    }

    /// Restarts all servers, one after the other, and waits each time until all serve.
    ///
    /// # Errors
    ///
    /// A server does not come back.
    pub async fn restart_all(&self) -> Result<(), RunError> {
        for server in 0..3 {
            self.ensemble.restart(server).await?;
            self.ensemble.wait_all().await?;
        }
        Ok(())
    }

    /// Ends every fault, whatever has become of it: all servers serve, all lines are free, all processes run.
    pub(super) async fn take_everything_back(&self) -> Result<(), RunError> {
        self.ensemble.heal();
        for server in 0..3 {
            // Neither is an error where there was nothing to take back.
            let _ = self.ensemble.thaw(server);
            let _ = self.ensemble.start_server(server);
        }
        for line in self.lines.all() {
            line.set_latency(Duration::ZERO);
            line.set_slices(None);
            line.set_bandwidth(None);
            line.black_hole(Direction::ToServer, false);
            line.black_hole(Direction::ToClient, false);
            line.refuse(false).await.map_err(|error| RunError::Io("a proxy", error))?;
        }
        for place in 0..PLACES {
            self.at(place).await.0.thaw();
        }
        self.ensemble.wait_all().await?;
        Ok(())
    }
}

/// Waits until something is so.
pub(crate) async fn wait(what: &str, is_so: impl Fn() -> bool) -> Result<(), RunError> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            return Err(RunError::Late { what: what.to_owned(), limit: PATIENCE });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
