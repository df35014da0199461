//! Where the task puts up what happens to the session: the newest picture, and every event.

use tokio::sync::{broadcast, watch};
use tracing::{info, warn};
use zk_proto::{Cause, ExpiryCause, SessionInfo, State, StateChange, Timestamp};

use crate::status::{SessionEvent, Status};

/// Events that a reader may be behind.
const EVENTS: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Board {
    status: watch::Sender<Status>,
    events: broadcast::Sender<SessionEvent>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self { status: watch::Sender::new(Status::new()), events: broadcast::Sender::new(EVENTS) }
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// For those who want to subscribe to the events later. It does not keep the end from being told.
    pub(crate) fn events(&self) -> broadcast::WeakSender<SessionEvent> {
        self.events.downgrade()
    }

    /// Nobody is woken by a new proof alone.
    pub(crate) fn quorum_proof(&self, proof: Option<Timestamp>) {
        self.status.send_if_modified(|status| {
            status.quorum_proof = proof;
            false
        });
    }

    /// What went wrong last, while there is no connection.
    pub(crate) fn cause(&self, cause: Option<&Cause>) {
        self.status.send_if_modified(|status| {
            let news = status.state != State::Connected && status.cause.as_ref() != cause;
            if news {
                status.cause = cause.cloned();
            }
            news
        });
    }

    pub(crate) fn state(&self, change: StateChange, session: Option<SessionInfo>) {
        let server = change.server.as_ref().map(ToString::to_string);
        let cause = change.cause.as_ref().map(tracing::field::display);
        info!(from = %change.from, to = %change.to, server, cause, elapsed = ?change.elapsed,
            session = format_args!("{:#x}", change.session_id), "session state");
        self.status.send_modify(|status| {
            status.state = change.to;
            status.server = change.server.clone().filter(|_| change.to == State::Connected);
            status.cause.clone_from(&change.cause);
            status.session = session;
        });
        self.tell(SessionEvent::State(change));
    }

    pub(crate) fn established(&self, session: SessionInfo) {
        info!(session = format_args!("{:#x}", session.session_id), timeout = ?session.negotiated_timeout,
            generation = session.generation, "session established");
        self.status.send_modify(|status| status.session = Some(session));
        self.tell(SessionEvent::Established(session));
    }

    pub(crate) fn expired(&self, session: SessionInfo, cause: ExpiryCause) {
        warn!(session = format_args!("{:#x}", session.session_id), %cause, "session expired");
        self.status.send_modify(|status| {
            status.session = None;
            status.quorum_proof = None;
        });
        self.tell(SessionEvent::Expired { session, cause });
    }

    fn tell(&self, event: SessionEvent) {
        // An error means that nobody listens.
        let _ = self.events.send(event);
    }
}
