//! One-shot watches as futures.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::{mpsc, oneshot};
use zk_jute::EventType;
use zk_proto::WatchId;

use crate::{driver::Command, path::Chroot, persistent_watcher::PersistentSender};

/// What a watch saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// The server reported a change.
    Changed {
        /// The kind of change.
        kind: EventType,
        /// The path that changed, below the chroot.
        path: String,
        /// The zxid of the change, from servers that tell it (3.9 and later) and not for what happened while there was no
        /// connection.
        zxid: Option<i64>,
    },
    /// Only told to a [`PersistentWatcher`](crate::PersistentWatcher): events are lost; look again at everything.
    Resync,
    /// Only told to a [`PersistentWatcher`](crate::PersistentWatcher): the server of the new connection knows no such watches,
    /// and this one is gone: look again, and use one-shot watches.
    Unsupported,
    /// The session ended, and the watch with it: look again.
    SessionLost,
    /// The client was closed.
    Closed,
}

impl WatchEvent {
    /// Whether no other can follow.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self, Self::Unsupported | Self::SessionLost | Self::Closed)
    }
}

/// The task's end of a watch.
#[derive(Debug)]
pub(crate) enum WatchSender {
    Once(oneshot::Sender<WatchEvent>),
    Persistent(PersistentSender),
}

/// A one-shot watch: a future that ends when what it watches changes, the session ends, or the client is closed. It
/// survives reconnects: what changed in between is reported once.
///
/// Dropping it gives the watch up. It is no handle on the client: when the last of those is dropped, it ends, too.
///
/// # Cancel safety
///
/// Polling it through a reference and giving up (`select!` on `&mut watcher`) loses nothing.
#[derive(Debug)]
pub struct OneshotWatcher {
    id: WatchId,
    events: oneshot::Receiver<WatchEvent>,
    /// Weak: a watch does not keep the session alive.
    commands: mpsc::WeakUnboundedSender<Command>,
    chroot: Chroot,
    done: bool,
}

impl OneshotWatcher {
    pub(crate) fn new(
        id: WatchId,
        events: oneshot::Receiver<WatchEvent>,
        commands: mpsc::WeakUnboundedSender<Command>,
        chroot: Chroot,
    ) -> Self {
        Self { id, events, commands, chroot, done: false }
    }
}

impl Future for OneshotWatcher {
    type Output = WatchEvent;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<WatchEvent> {
        if self.done {
            return Poll::Pending;
        }
        let Poll::Ready(received) = Pin::new(&mut self.events).poll(context) else { return Poll::Pending };
        self.done = true;
        Poll::Ready(match received {
            Ok(WatchEvent::Changed { kind, path, zxid }) => {
                WatchEvent::Changed { kind, path: self.chroot.to_caller(&path), zxid }
            }
            Ok(event) => event,
            Err(_) => WatchEvent::Closed,
        })
    }
}

impl Drop for OneshotWatcher {
    fn drop(&mut self) {
        if !self.done {
            // Without a sender, or a receiver, the session is over, and every watch with it.
            if let Some(commands) = self.commands.upgrade() {
                let _ = commands.send(Command::ForgetWatch(self.id));
            }
        }
    }
}
