//! What waits to be written on a connection.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use tokio::{sync::Notify, time::Instant};

use crate::engine::What;

/// While more than this waits to be written, nothing is read.
const FULL: usize = 1 << 20;
/// A client that leaves more than this unread is given up: events come whether it reads or not.
const OVERFULL: usize = 64 << 20;

/// The way out of a connection. Filled by the engine, emptied by the connection's task.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Frames, and when they may go.
    queue: VecDeque<(Option<Instant>, Bytes)>,
    bytes: usize,
    /// Nothing that comes from now on may go earlier.
    not_before: Option<Instant>,
    stalled: bool,
    closing: bool,
}

/// What the connection's task is to do.
#[derive(Debug)]
pub(crate) struct Orders {
    /// Bytes that may be written now.
    pub(crate) write: BytesMut,
    /// When there will be more.
    pub(crate) more_at: Option<Instant>,
    pub(crate) may_read: bool,
    pub(crate) stalled: bool,
    /// There will be nothing more.
    pub(crate) closing: bool,
}

impl Outbox {
    pub(crate) fn push(&self, what: What) {
        let mut state = self.lock();
        match what {
            What::Send(bytes) => {
                state.bytes = state.bytes.saturating_add(bytes.len());
                let due = state.not_before;
                state.queue.push_back((due, bytes));
                if state.bytes > OVERFULL {
                    state.queue.clear();
                    state.closing = true;
                }
            }
            What::Delay(delay) => {
                let due = Instant::now().checked_add(delay);
                state.not_before = state.not_before.max(due);
            }
            What::Stall => state.stalled = true,
            What::Resume => state.stalled = false,
            What::Close => state.closing = true,
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits until something has been pushed since the last call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What is to be done now, with so many bytes handed out before and not yet written. Bytes are handed out once.
    pub(crate) fn orders(&self, unwritten: usize) -> Orders {
        let now = Instant::now();
        let mut state = self.lock();
        let mut write = BytesMut::new();
        while let Some((due, bytes)) = state.queue.front()
            && due.is_none_or(|due| due <= now)
            && !state.stalled
            && unwritten == 0
        {
            write.extend_from_slice(bytes);
            state.bytes = state.bytes.saturating_sub(bytes.len());
            state.queue.pop_front();
        }
        let unwritten = unwritten.saturating_add(write.len());
        Orders {
            write,
            // What is due already waits for something else.
            more_at: state.queue.front().and_then(|(due, _)| *due).filter(|due| *due > now),
            may_read: !state.stalled && !state.closing && state.bytes.saturating_add(unwritten) < FULL,
            stalled: state.stalled,
            closing: state.closing && (state.queue.is_empty() || state.stalled),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
