//! Persistent watches as queues of events.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;
use zk_proto::WatchId;

use crate::{driver::Command, path::Chroot, watcher::WatchEvent};

/// Events that may wait for a watcher; one place more is kept for its end.
const QUEUE: usize = 1_024;

/// A persistent watch: one event after the other until the session ends, the client is closed, or it is dropped.
///
/// It survives reconnects, but the server keeps no events for it meanwhile: after each reconnect, and when its queue
/// overflowed because nobody read it, it is told [`WatchEvent::Resync`], which means "look again at everything".
///
/// Dropping it gives the watch up, on the server too unless something else is watched on the same path.
#[derive(Debug)]
pub struct PersistentWatcher {
    id: WatchId,
    events: mpsc::Receiver<WatchEvent>,
    overflowed: Arc<AtomicBool>,
    /// Weak: a watch does not keep the session alive.
    commands: mpsc::WeakUnboundedSender<Command>,
    chroot: Chroot,
}

/// The task's end of it.
#[derive(Debug)]
pub(crate) struct PersistentSender {
    events: mpsc::Sender<WatchEvent>,
    overflowed: Arc<AtomicBool>,
}

impl PersistentWatcher {
    pub(crate) fn new(
        id: WatchId,
        commands: mpsc::WeakUnboundedSender<Command>,
        chroot: Chroot,
    ) -> (PersistentSender, Self) {
        let (sender, events) = mpsc::channel(QUEUE + 1);
        let overflowed = Arc::new(AtomicBool::new(false));
        let sender = PersistentSender { events: sender, overflowed: Arc::clone(&overflowed) };
        (sender, Self { id, events, overflowed, commands, chroot })
    }

    /// The next event; `None` after the last one, which is [`WatchEvent::SessionLost`], [`WatchEvent::Unsupported`] or
    /// [`WatchEvent::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Safe: no event is lost.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        let event = self.events.recv().await?;
        if !self.overflowed.swap(false, Ordering::AcqRel) {
            return Some(match event {
                WatchEvent::Changed { kind, path, zxid } => {
                    WatchEvent::Changed { kind, path: self.chroot.to_caller(&path), zxid }
                }
                event => event,
            });
        }
        // Some were dropped: those that are left are no use without them, but for the end.
        let mut last = event;
        while !last.is_end() {
            match self.events.try_recv() {
                Ok(event) => last = event,
                Err(_) => return Some(WatchEvent::Resync),
            }
        }
        Some(last)
    }
}

impl Drop for PersistentWatcher {
    fn drop(&mut self) {
        // Without a sender, or a receiver, the session is over, and every watch with it.
        if let Some(commands) = self.commands.upgrade() {
            let _ = commands.send(Command::ForgetWatch(self.id));
        }
    }
}

impl PersistentSender {
    /// Queues an event. Tells whether more can follow.
    pub(crate) fn send(&self, event: WatchEvent) -> bool {
        let end = event.is_end();
        if end || self.events.capacity() > 1 {
            // It fails only when the watcher was dropped, of which a command tells.
            let _ = self.events.try_send(event);
        } else {
            self.overflowed.store(true, Ordering::Release);
        }
        !end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher() -> (PersistentSender, PersistentWatcher) {
        let (commands, _) = mpsc::unbounded_channel();
        PersistentWatcher::new(WatchId(1), commands.downgrade(), Chroot::default())
    }

    fn changed(n: usize) -> WatchEvent {
        WatchEvent::Changed { kind: zk_jute::EventType::NODE_DATA_CHANGED, path: format!("/{n}"), zxid: None }
    }

    #[tokio::test]
    async fn events_that_nobody_reads_become_one_resync() {
        let (sender, mut watcher) = watcher();
        for n in 0..100_000 {
            assert!(sender.send(changed(n)));
        }
        assert_eq!(watcher.next().await, Some(WatchEvent::Resync));
        assert!(sender.send(changed(7)));
        assert_eq!(watcher.next().await, Some(changed(7)), "and it goes on");
    }

    #[tokio::test]
    async fn the_end_finds_a_place_in_a_full_queue() {
        let (sender, mut watcher) = watcher();
        for n in 0..5_000 {
            sender.send(changed(n));
        }
        assert!(!sender.send(WatchEvent::SessionLost));
        drop(sender);
        assert_eq!(watcher.next().await, Some(WatchEvent::SessionLost));
        assert_eq!(watcher.next().await, None);
    }
}
