//! Where the task puts up what happens to the session: the newest picture, every event, the log and the metrics.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::Span;
use zk_proto::{
    Cause, ConnectRound, ExpiryCause, Host, Phase, Session, SessionInfo, State, StateChange, Timestamp,
    WatchNotice,
};

use crate::{
    client::Outcome,
    events::{Events, Subscriptions},
    metrics::{Record, Recorder, Stopwatch},
    status::{SessionEvent, Status},
    telemetry::{FailedAttempt, Log},
};

/// What had ended the connection before the first one.
const START: &str = "start";

#[derive(Debug)]
pub(crate) struct Board {
    status: watch::Sender<Status>,
    events: Events,
    log: Log,
    recorder: Recorder,
    /// What ended the newest connection, and when.
    lost_by: &'static str,
    lost_at: Timestamp,
    attempt: Option<Attempt>,
    /// How far the connection was before what happens now.
    phase: Phase,
}

/// An attempt to connect: dialling until a transport opens, and what follows on it until the session is connected.
#[derive(Debug)]
struct Attempt {
    since: Timestamp,
    server: Option<Host>,
}

/// The newest picture, and every event.
impl Board {
    /// `asked` is the session timeout to ask for.
    pub(crate) fn new(client: &Arc<str>, asked: Duration, now: Timestamp) -> Self {
        Self {
            status: watch::Sender::new(Status::new()),
            events: Events::new(),
            log: Log::new(Arc::clone(client), asked),
            recorder: Recorder::new(client),
            lost_by: START,
            lost_at: now,
            attempt: None,
            phase: Phase::Waiting,
        }
    }

    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// For those who want to subscribe to the events later.
    pub(crate) fn subscriptions(&self) -> Subscriptions {
        self.events.subscriptions()
    }

    /// What a lease is made of. Nobody is woken by it alone.
    ///
    /// The timeout that the session was resumed with holds from then on, and not only once the connection is ready: where a
    /// server grants less than the one before, a lease that goes on with the old one would be too long.
    pub(crate) fn lease<T>(&self, session: &Session<T>) {
        self.status.send_if_modified(|status| {
            status.quorum_proof = session.quorum_proof();
            if let (Some(shown), Some(held)) = (&mut status.session, session.session())
                && shown.generation == held.generation
            {
                *shown = held;
            }
            false
        });
    }

    /// The session has been obeyed in everything.
    pub(crate) fn settled<T>(&mut self, session: &Session<T>) {
        self.phase = session.phase();
        self.cause(session.last_cause());
        self.sample(session);
    }

    /// What went wrong last, while there is no connection.
    fn cause(&self, cause: Option<&Cause>) {
        self.status.send_if_modified(|status| {
            let news = status.state != State::Connected && status.cause.as_ref() != cause;
            if news {
                status.cause = cause.cloned();
            }
            news
        });
    }

    pub(crate) fn state<T>(&mut self, change: StateChange, session: &Session<T>) {
        let info = session.session();
        self.log_state(&change, info);
        let server = change.server.clone().filter(|_| change.to == State::Connected);
        self.recorder.state(change.to, server.as_ref());
        if change.to == State::Connected && session.watches() > 0 {
            self.log.watches_restored(session.watches());
        }
        self.status.send_modify(|status| {
            status.state = change.to;
            status.server = server;
            status.read_only = change.read_only && change.to == State::Connected;
            status.cause.clone_from(&change.cause);
            status.session = info;
        });
        if change.to == State::Closed {
            // Nothing settles after the end.
            self.sample(session);
        }
        self.events.tell(SessionEvent::State(change));
    }

    pub(crate) fn established(&mut self, session: SessionInfo) {
        self.log.established(session);
        self.log.granted(session.negotiated_timeout);
        self.recorder.established();
        self.status.send_modify(|status| status.session = Some(session));
        self.events.tell(SessionEvent::Established(session));
    }

    pub(crate) fn expired(&mut self, session: SessionInfo, cause: ExpiryCause) {
        self.log.expired(session, &cause);
        self.recorder.expired(&cause);
        self.status.send_modify(|status| {
            status.session = None;
            status.quorum_proof = None;
        });
        self.events.tell(SessionEvent::Expired { session, cause });
    }
}

/// Connections.
impl Board {
    /// The span of what is under way.
    pub(crate) fn span(&self) -> Span {
        self.log.current()
    }

    /// A round of connects begins.
    pub(crate) fn connecting(&mut self, now: Timestamp, round: &ConnectRound) {
        // Only a new list of servers takes the place of a round that is under way.
        self.attempt_failed(now, &Cause::Reconfigured);
        self.attempt = Some(Attempt { since: now, server: None });
        self.log.connecting(self.lost_by, round);
    }

    /// The round has opened a transport.
    pub(crate) fn opened(&mut self, server: &Host) {
        self.log.opened(server);
        if let Some(attempt) = &mut self.attempt {
            attempt.server = Some(server.clone());
        }
    }

    /// The spare becomes the connection: an attempt without any dialling.
    pub(crate) fn moved(&mut self, now: Timestamp, server: Option<Host>) {
        self.recorder.suspicion("moved");
        self.log.moved(server.as_ref(), self.lost_by);
        self.attempt = Some(Attempt { since: now, server });
    }

    /// The transport is gone. That of a ready connection is told by the change of state.
    pub(crate) fn dropped(&mut self, now: Timestamp, cause: &Cause) {
        if let Cause::AuthFailed { scheme, reason } = cause {
            let status = self.status.borrow();
            let attempted = self.attempt.as_ref().and_then(|attempt| attempt.server.as_ref());
            self.log.auth_failed(scheme, reason, attempted.or(status.server.as_ref()));
        }
        self.attempt_failed(now, cause);
    }

    /// The attempt that is under way, if any, has failed.
    pub(crate) fn attempt_failed(&mut self, now: Timestamp, cause: &Cause) {
        let Some(attempt) = self.attempt.take() else { return };
        self.recorder.connect(self.lost_by, cause.kind());
        self.log.connect_failed(&FailedAttempt {
            cause: cause.kind(),
            reason: &cause.to_string(),
            server: attempt.server.as_ref(),
            phase: self.phase,
            elapsed: now.since(attempt.since),
        });
    }

    fn log_state(&mut self, change: &StateChange, session: Option<SessionInfo>) {
        let without = change.at.since(self.lost_at);
        if change.from == State::Connected {
            let cause = change.cause.as_ref().map_or(START, Cause::kind);
            (self.lost_by, self.lost_at) = (cause, change.at);
            self.recorder.disconnected(cause);
        }
        match change.to {
            State::Connected => {
                self.attempt = None;
                self.recorder.connect(self.lost_by, "connected");
                self.recorder.disconnection(self.lost_by, without);
                self.log.connected(change, self.lost_by, without);
                if let Some(session) = session {
                    self.log.granted(session.negotiated_timeout);
                }
            }
            State::Connecting if change.from == State::Connected => self.log.disconnected(change, self.phase),
            State::Lost => self.log.lost(change),
            State::Closed => {
                if change.from != State::Connected {
                    self.recorder.disconnection(self.lost_by, without);
                }
                self.attempt_failed(change.at, &Cause::Closed);
                // The change knows it no more.
                let session_id = self.status.borrow().session.map_or(0, |session| session.session_id);
                self.log.closed(change, session_id);
            }
            // A session that has expired begins anew, which is told as such.
            _ => {}
        }
    }

    pub(crate) fn hosts_replaced(&self, hosts: usize) {
        self.log.hosts_replaced(hosts);
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls_reloaded(&self) {
        self.log.tls_reloaded();
    }
}

/// Suspicion.
impl Board {
    pub(crate) fn probing(&mut self, server: &Host) {
        self.recorder.suspicion("probe");
        self.log.suspected(server);
    }

    pub(crate) fn probed(&mut self, answered: bool) {
        self.recorder.suspicion(if answered { "probe_answered" } else { "probe_failed" });
        if answered {
            self.log.probe_answered();
        }
    }

    pub(crate) fn dialling_spare(&mut self) {
        self.recorder.suspicion("spare_dialled");
    }

    pub(crate) fn spare_opened(&mut self, server: &Host) {
        self.recorder.suspicion("spare_opened");
        self.log.spare_opened(server);
    }

    pub(crate) fn spare_failed(&mut self) {
        self.recorder.suspicion("spare_failed");
        self.log.spare_failed();
    }

    pub(crate) fn spare_dropped(&mut self) {
        self.recorder.suspicion("spare_dropped");
    }
}

/// What is only measured.
impl Board {
    pub(crate) fn ponged(&mut self, round_trip: Duration) {
        self.recorder.ponged(round_trip);
    }

    pub(crate) fn replied(&mut self, stopwatch: &Stopwatch, outcome: &Outcome) {
        self.recorder.replied(stopwatch, outcome);
    }

    pub(crate) fn watch_event(&mut self, notice: &WatchNotice, watchers: usize) {
        self.recorder.watch_event(notice, watchers);
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.recorder.received(bytes);
    }

    pub(crate) fn sent(&mut self, bytes: usize) {
        self.recorder.sent(bytes);
    }

    /// When [`settled`](Self::settled) should be called at the latest.
    pub(crate) fn sample_due(&self) -> Option<Timestamp> {
        self.recorder.sample_due()
    }

    fn sample<T>(&mut self, session: &Session<T>) {
        let status = self.status.borrow();
        let without = !matches!(status.state, State::Connected | State::Closed);
        self.recorder.sample(session, &status, without.then_some(self.lost_at));
    }
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use zk_jute::{records::ConnectResponse, write_frame};
    use zk_proto::{Config, Credential, Event, Opened};

    use super::*;

    /// Has the session granted with this timeout. It is not connected yet: its identity is not confirmed.
    fn grant(session: &mut Session<()>, timeout: i32) {
        let now = crate::now();
        let host = session.poll_connect().expect("a round").hosts[0].clone();
        session.transport_opened(now, Opened { host, failed: vec![], started_at: now });
        let password = Bytes::from_static(&[7; 16]);
        let response =
            ConnectResponse { protocol_version: 0, timeout, session_id: 7, password, read_only: Some(false) };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        session.handle_bytes(now, &mut bytes);
    }

    #[test]
    fn a_timeout_that_is_granted_anew_counts_before_the_connection_is_ready() {
        let mut config = Config::new(vec![Host::new("zk1", 2181), Host::new("zk2", 2181)]);
        config.credentials.push(Credential::new("digest", "user:password"));
        let mut session = Session::new(config, crate::now(), 1);
        let mut board = Board::new(&"test".into(), Duration::from_secs(30), crate::now());
        let status = board.status();
        let granted = |status: &Status| status.session.map(|session| session.negotiated_timeout.as_secs());

        grant(&mut session, 30_000);
        while let Some(event) = session.poll_event() {
            if let Event::SessionEstablished(info) = event {
                board.established(info);
            }
        }
        assert_eq!(granted(&status.borrow()), Some(30));
        session.transport_lost(crate::now(), Cause::ConnectionClosed);
        grant(&mut session, 4_000);
        assert_eq!(session.state(), State::Connecting);
        board.lease(&session);
        assert_eq!(granted(&status.borrow()), Some(4));
    }
}
