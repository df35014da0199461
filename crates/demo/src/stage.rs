//! Who is on the stage and what is known of them; shows it while the story waits for something.

use std::{sync::Arc, time::Duration};

use dcs_zk::{Cluster, Timestamp, Timings};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, timeout_at},
};

use crate::{
    agents::{Agent, Heard},
    belief::Reigns,
    clock::Clock,
    failure::Failure,
    line::Line,
    observer::Observer,
    screen::{Paint, Screen},
    table::Row,
    timeline::{Event, Timeline},
};

/// Between two looks at everything.
const TICK: Duration = Duration::from_millis(100);

/// An agent, as it is known.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) pid: u32,
    process: Agent,
    pub(crate) reigns: Reigns,
    /// The last line in which it gave itself a lease.
    pub(crate) renewed: Option<Timestamp>,
    /// Server and session, and when it said so.
    pub(crate) connection: Option<(String, String)>,
    pub(crate) connected_at: Option<Timestamp>,
    /// Whom it takes for the leader.
    pub(crate) follows: Option<String>,
    pub(crate) killed: Option<Timestamp>,
    /// Everything that it has said has been heard.
    pub(crate) silent: bool,
}

impl Actor {
    fn hear(&mut self, line: Line) {
        self.reigns.hear(&line);
        if matches!(line.event.as_str(), "leads" | "renewed" | "answers") && line.leading {
            self.renewed = Some(line.at());
        }
        if line.event == "connected" {
            self.connected_at = Some(line.at());
            self.connection = line.server.zip(line.session);
        }
        self.follows = line.leader.filter(|leader| *leader != self.name);
    }
}

/// Everything the story acts on.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) actors: Vec<Actor>,
    pub(crate) timeline: Timeline,
    clock: Clock,
    observer: Observer,
    screen: Screen,
    heard: mpsc::UnboundedReceiver<(usize, Heard)>,
}

impl Stage {
    /// Starts the agents.
    pub(crate) fn set(
        servers: &str,
        names: &[&str],
        timings: Timings,
        screen: Screen,
    ) -> Result<Self, Failure> {
        let (sender, heard) = mpsc::unbounded_channel();
        let start = |(index, name): (usize, &&str)| {
            let process = Agent::start(index, name, servers, timings, sender.clone())?;
            Ok(Actor {
                name: (*name).to_owned(),
                pid: process.pid,
                process,
                reigns: Reigns::default(),
                renewed: None,
                connection: None,
                connected_at: None,
                follows: None,
                killed: None,
                silent: false,
            })
        };
        let actors = names.iter().enumerate().map(start).collect::<Result<_, Failure>>()?;
        let clock = Clock::start();
        let observer = Observer::start(servers, timings)?;
        Ok(Self { actors, timeline: Timeline::new(clock.clone()), clock, observer, screen, heard })
    }

    /// What is stored in ZooKeeper.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        self.observer.cluster()
    }

    /// Who leads now, by its own lease, and lives.
    pub(crate) fn leader(&self) -> Option<usize> {
        let now = dcs_zk::now();
        self.actors.iter().position(|actor| actor.killed.is_none() && actor.reigns.at(now).is_some())
    }

    /// The sessions of all agents that are connected to a server.
    pub(crate) fn sessions_at(&self, server: &str) -> Vec<i64> {
        let there = self.actors.iter().filter_map(|actor| actor.connection.as_ref());
        there
            .filter(|(address, _)| address == server)
            .filter_map(|(_, session)| u64::from_str_radix(session.strip_prefix("0x")?, 16).ok())
            .map(u64::cast_signed)
            .collect()
    }

    /// Waits until something is found, and shows everything meanwhile; `why` says what has gone wrong if it is not.
    pub(crate) async fn until<R>(
        &mut self,
        limit: Duration,
        why: &str,
        mut find: impl FnMut(&Self) -> Result<Option<R>, Failure>,
    ) -> Result<R, Failure> {
        let deadline = Instant::now() + limit;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(found) = find(self)? {
                self.show()?;
                return Ok(found);
            }
            let failed = || Failure::failed(format!("{why} within {:.1} s", limit.as_secs_f64()));
            let next = async {
                tokio::select! {
                    heard = self.heard.recv() => heard,
                    _ = tick.tick() => None,
                }
            };
            match timeout_at(deadline, next).await.map_err(|_| failed())? {
                Some((index, heard)) => self.hear(index, heard)?,
                None => self.show()?,
            }
        }
    }

    fn hear(&mut self, index: usize, heard: Heard) -> Result<(), Failure> {
        let Some(actor) = self.actors.get_mut(index) else { return Ok(()) };
        let name = &actor.name;
        match heard {
            Heard::Said(line) => actor.hear(line),
            Heard::Strange(what) => {
                return Err(Failure::failed(format!("{name} cannot be understood: {what}")));
            }
            Heard::Ended(_) if actor.killed.is_some() => actor.silent = true,
            Heard::Ended(why) => return Err(Failure::failed(format!("{name} ended by itself: {why}"))),
        }
        Ok(())
    }

    /// Kills an agent; tells when it was dead.
    pub(crate) async fn kill(&mut self, index: usize) -> Result<Timestamp, Failure> {
        let Some(actor) = self.actors.get_mut(index) else { return Ok(dcs_zk::now()) };
        actor.process.kill().await?;
        let at = dcs_zk::now();
        actor.killed = Some(at);
        Ok(at)
    }

    /// Puts an event on the timeline and tells it.
    pub(crate) fn happened(&mut self, event: Event) -> Result<(), Failure> {
        self.timeline.add(event.clone());
        self.screen.tell(&self.timeline.json(&event))?;
        self.say(&[(Paint::Bold, self.timeline.line(&event))])
    }

    /// What is no event of the story, for programs.
    pub(crate) fn tell(&self, name: &str, fields: Value) -> Result<(), Failure> {
        Ok(self.screen.tell(&self.timeline.object(name, dcs_zk::now(), fields))?)
    }

    /// Lines for people.
    pub(crate) fn say(&mut self, lines: &[(Paint, String)]) -> Result<(), Failure> {
        Ok(self.screen.say(lines)?)
    }

    /// The table stays as it is.
    pub(crate) fn leave_table(&mut self) -> Result<(), Failure> {
        Ok(self.screen.leave_table()?)
    }

    fn show(&mut self) -> Result<(), Failure> {
        let (now, cluster) = (dcs_zk::now(), self.cluster());
        let rows = self.actors.iter().map(|actor| Row::new(actor, &cluster, now)).collect();
        Ok(self.screen.show(&self.clock.time_of_day(now), rows)?)
    }
}
