//! The channel of the session's events. It has room for all of them at once, and so is made only when somebody asks: most
//! clients are never asked, and a process may have thousands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::status::SessionEvent;

/// Events that a reader may be behind.
const EVENTS: usize = 1_024;

#[derive(Debug)]
enum Channel {
    /// Nobody listens.
    Unasked,
    Open(broadcast::Sender<SessionEvent>),
    /// No event can come.
    Ended,
}

fn locked(channel: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    // It is replaced whole: a panic leaves nothing half done.
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end that tells. The events end when it is dropped.
#[derive(Debug)]
pub(crate) struct Events(Arc<Mutex<Channel>>);

/// The end that is asked for listeners. It does not keep the end from being told.
#[derive(Debug)]
pub(crate) struct Subscriptions(Arc<Mutex<Channel>>);

impl Events {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Channel::Unasked)))
    }

    pub(crate) fn subscriptions(&self) -> Subscriptions {
        Subscriptions(Arc::clone(&self.0))
    }

    pub(crate) fn tell(&self, event: SessionEvent) {
        let mut channel = locked(&self.0);
        // An error means that whoever listened is gone.
        if matches!(&*channel, Channel::Open(listeners) if listeners.send(event).is_err()) {
            *channel = Channel::Unasked;
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        *locked(&self.0) = Channel::Ended;
    }
}

impl Subscriptions {
    /// Every event from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<SessionEvent> {
        let mut channel = locked(&self.0);
        match &*channel {
            Channel::Open(listeners) => listeners.subscribe(),
            Channel::Unasked => {
                let (listeners, listener) = broadcast::channel(EVENTS);
                *channel = Channel::Open(listeners);
                listener
            }
            // Its sender is gone already.
            Channel::Ended => broadcast::channel(1).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::error::RecvError;

    use super::*;

    fn event(number: u64) -> SessionEvent {
        SessionEvent::Missed(number)
    }

    #[tokio::test]
    async fn listeners_get_every_event_from_then_on_and_the_end() {
        let events = Events::new();
        let subscriptions = events.subscriptions();
        events.tell(event(1));
        let mut first = subscriptions.subscribe();
        events.tell(event(2));
        let mut second = subscriptions.subscribe();
        events.tell(event(3));
        drop(events);
        for (listener, heard) in [(&mut first, vec![2, 3]), (&mut second, vec![3])] {
            for number in heard {
                assert_eq!(listener.recv().await, Ok(event(number)));
            }
            assert_eq!(listener.recv().await, Err(RecvError::Closed));
        }
        let late = subscriptions.subscribe().recv().await;
        assert_eq!(late, Err(RecvError::Closed), "who comes later is told the end");
    }

    #[tokio::test]
    async fn there_is_a_channel_only_while_somebody_listens() {
        let events = Events::new();
        let subscriptions = events.subscriptions();
        let is_open = || matches!(*locked(&subscriptions.0), Channel::Open(_));
        events.tell(event(1));
        assert!(!is_open());
        let listeners = (subscriptions.subscribe(), subscriptions.subscribe());
        drop(listeners.0);
        events.tell(event(2));
        assert!(is_open());
        drop(listeners.1);
        events.tell(event(3));
        assert!(!is_open());
        let mut again = subscriptions.subscribe();
        events.tell(event(4));
        assert_eq!(again.recv().await, Ok(event(4)));
    }

    #[tokio::test]
    async fn who_is_too_far_behind_is_told_how_much_was_missed() {
        let events = Events::new();
        let mut listener = events.subscriptions().subscribe();
        (0..EVENTS as u64 + 10).for_each(|number| events.tell(event(number)));
        assert_eq!(listener.recv().await, Err(RecvError::Lagged(10)));
        assert_eq!(listener.recv().await, Ok(event(10)));
    }
}
