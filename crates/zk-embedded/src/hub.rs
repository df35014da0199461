//! The engine behind a lock, with a clock and the connections' ways out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{
    engine::{Engine, What},
    moment::Moment,
    outbox::Outbox,
    watches::ConnectionId,
};

/// What all tasks of a server share.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    /// tokio's clock, which tests can stop.
    started: Instant,
    /// What the wall clock said then, in milliseconds since 1970.
    started_wall: i64,
    /// That the engine may have to be ticked earlier than was known.
    rescheduled: Notify,
}

#[derive(Debug)]
struct State {
    engine: Engine,
    outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    deadline: Option<Duration>,
}

impl Hub {
    pub(crate) fn new(engine: Engine, started_wall: i64) -> Self {
        Self {
            state: Mutex::new(State { engine, outboxes: HashMap::new(), deadline: None }),
            started: Instant::now(),
            started_wall,
            rescheduled: Notify::new(),
        }
    }

    /// Lets the engine do something now, and hands out what it has to say.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Engine, Moment) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state.engine, self.now());
        self.settle(&mut state);
        result
    }

    /// A client has connected.
    pub(crate) fn accept(&self, server: usize, address: &str) -> (ConnectionId, Arc<Outbox>) {
        let mut state = self.lock();
        let id = state.engine.accept(server, address);
        let outbox = Arc::new(Outbox::default());
        state.outboxes.insert(id, Arc::clone(&outbox));
        self.settle(&mut state);
        (id, outbox)
    }

    /// A client is gone.
    pub(crate) fn disconnect(&self, id: ConnectionId) {
        let mut state = self.lock();
        state.outboxes.remove(&id);
        state.engine.disconnect(id);
    }

    /// Ticks the engine whenever it is due, for ever.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = self.lock().deadline;
            let due = async {
                match deadline.and_then(|deadline| self.started.checked_add(deadline)) {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.with(Engine::tick),
                () = self.rescheduled.notified() => {}
            }
        }
    }

    fn settle(&self, state: &mut State) {
        for output in state.engine.take_outputs() {
            let closes = matches!(output.what, What::Close);
            if let Some(outbox) = state.outboxes.get(&output.to) {
                outbox.push(output.what);
            }
            if closes {
                state.outboxes.remove(&output.to);
            }
        }
        let deadline = state.engine.next_deadline();
        if deadline != state.deadline {
            state.deadline = deadline;
            self.rescheduled.notify_one();
        }
    }

    fn now(&self) -> Moment {
        let elapsed = self.started.elapsed();
        let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Moment { elapsed, wall: self.started_wall.saturating_add(millis) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
