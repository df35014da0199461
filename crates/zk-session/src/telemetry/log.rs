//! The spans and events of one client.

use std::{sync::Arc, time::Duration};

use tracing::{Span, debug, debug_span, field::display, info, info_span, trace, trace_span, warn};
use zk_jute::OpCode;
use zk_proto::{Cause, ConnectRound, ExpiryCause, Host, Phase, SessionInfo, StateChange};

use super::{
    ANSWERED, AUTH_FAILED, CLOSED, CONNECT, CONNECT_FAILED, CONNECTED, CONNECTING, DISCONNECTED, ESTABLISHED,
    EXPIRED, HOST_FAILED, HOSTS_REPLACED, LOST, MOVED, OPENED, PROBE_ANSWERED, REQUEST, SESSION,
    SPARE_FAILED, SPARE_OPENED, SUSPECTED, TARGET, TIMEOUT_CLAMPED, WATCHES_RESTORED,
};
use crate::client::Outcome;

/// Tells what happens to a client's sessions.
#[derive(Debug)]
pub(crate) struct Log {
    client: Arc<str>,
    /// The session timeout that is asked for.
    asked: Duration,
    /// What was last said to be granted instead.
    clamped: Option<Duration>,
    /// The session that is held, or is being asked for.
    session: Span,
    /// The attempt to connect that is under way.
    attempt: Option<Span>,
    /// Causes that have been told since there was a connection.
    told: Vec<&'static str>,
}

/// An attempt to connect that has failed.
pub(crate) struct FailedAttempt<'a> {
    pub(crate) cause: &'static str,
    pub(crate) reason: &'a str,
    pub(crate) server: Option<&'a Host>,
    pub(crate) phase: Phase,
    pub(crate) elapsed: Duration,
}

impl Log {
    pub(crate) fn new(client: Arc<str>, asked: Duration) -> Self {
        let session = session_span(&client);
        Self { client, asked, clamped: None, session, attempt: None, told: Vec::new() }
    }

    /// The span of what is under way: the attempt to connect, or else the session.
    pub(crate) fn current(&self) -> Span {
        self.attempt.as_ref().unwrap_or(&self.session).clone()
    }

    /// Whether this is told for the first time since there was a connection.
    fn is_news(&mut self, cause: &'static str) -> bool {
        let news = !self.told.contains(&cause);
        if news {
            self.told.push(cause);
        }
        news
    }

    pub(crate) fn connecting(&mut self, cause: &'static str, round: &ConnectRound) {
        let (hosts, budget_ms) = (round.hosts.len(), millis(round.budget));
        let span = debug_span!(target: TARGET, parent: &self.session, CONNECT.name, cause, hosts, budget_ms);
        debug!(name: CONNECTING.name, target: TARGET, parent: &span, cause, hosts, budget_ms, "connecting");
        // One that nobody listens to has no parent to give.
        self.attempt = Some(span).filter(|span| !span.is_disabled());
    }

    pub(crate) fn opened(&self, server: &Host) {
        debug!(name: OPENED.name, target: TARGET, parent: &self.current(), %server, "opened");
    }

    pub(crate) fn connect_failed(&mut self, failed: &FailedAttempt<'_>) {
        let FailedAttempt { cause, reason, server, phase, elapsed } = *failed;
        let (server, elapsed_ms) = (server.map(display), millis(elapsed));
        let span = self.current();
        if self.is_news(cause) {
            info!(name: CONNECT_FAILED.name, target: TARGET, parent: &span, cause, reason, server, phase = phase.name(), elapsed_ms, "connect failed");
        } else {
            debug!(name: CONNECT_FAILED.name, target: TARGET, parent: &span, cause, reason, server, phase = phase.name(), elapsed_ms, "connect failed");
        }
        self.attempt = None;
    }

    /// To be told before what it leads to, a failed attempt or a lost connection.
    pub(crate) fn auth_failed(&mut self, scheme: &str, reason: &str, server: Option<&Host>) {
        let server = server.map(display);
        let span = self.current();
        if self.is_news(AUTH_FAILED.name) {
            warn!(name: AUTH_FAILED.name, target: TARGET, parent: &span, scheme, reason, server, "auth failed");
        } else {
            debug!(name: AUTH_FAILED.name, target: TARGET, parent: &span, scheme, reason, server, "auth failed");
        }
    }

    pub(crate) fn connected(&mut self, change: &StateChange, cause: &'static str, without: Duration) {
        let server = change.server.as_ref().map(display);
        let session_id = format_args!("{:#x}", change.session_id);
        info!(name: CONNECTED.name, target: TARGET, parent: &self.current(), server, session_id,
            generation = change.generation, cause, elapsed_ms = millis(without), "connected");
        self.attempt = None;
        self.told.clear();
    }

    pub(crate) fn watches_restored(&self, watches: usize) {
        debug!(name: WATCHES_RESTORED.name, target: TARGET, parent: &self.session, watches, "watches restored");
    }

    pub(crate) fn disconnected(&self, change: &StateChange, phase: Phase) {
        let cause = change.cause.as_ref();
        info!(name: DISCONNECTED.name, target: TARGET, parent: &self.session,
            cause = cause.map(Cause::kind), reason = cause.map(display),
            server = change.server.as_ref().map(display), phase = phase.name(),
            session_id = format_args!("{:#x}", change.session_id),
            elapsed_ms = millis(change.elapsed), "disconnected");
    }

    pub(crate) fn lost(&self, change: &StateChange) {
        let cause = change.cause.as_ref();
        warn!(name: LOST.name, target: TARGET, parent: &self.session,
            cause = cause.map(Cause::kind), reason = cause.map(display),
            session_id = format_args!("{:#x}", change.session_id),
            elapsed_ms = millis(change.elapsed), "lost");
    }

    pub(crate) fn established(&self, session: SessionInfo) {
        let session_id = display(format!("{:#x}", session.session_id));
        self.session.record("session_id", &session_id).record("generation", session.generation);
        info!(name: ESTABLISHED.name, target: TARGET, parent: &self.session, session_id,
            generation = session.generation, timeout_ms = millis(session.negotiated_timeout), "established");
    }

    /// A server grants this timeout. Told when it is news.
    pub(crate) fn granted(&mut self, timeout: Duration) {
        let clamped = (timeout != self.asked).then_some(timeout);
        if clamped.is_some() && clamped != self.clamped {
            warn!(name: TIMEOUT_CLAMPED.name, target: TARGET, parent: &self.session,
                asked_ms = millis(self.asked), granted_ms = millis(timeout), "timeout clamped");
        }
        self.clamped = clamped;
    }

    pub(crate) fn expired(&mut self, session: SessionInfo, cause: &ExpiryCause) {
        warn!(name: EXPIRED.name, target: TARGET, parent: &self.session, cause = cause.kind(), reason = %cause,
            session_id = format_args!("{:#x}", session.session_id), generation = session.generation, "expired");
        // What is asked for from now on, on the same connection it may be, is the next session.
        self.session = session_span(&self.client);
        self.attempt = None;
    }

    pub(crate) fn suspected(&self, server: &Host) {
        debug!(name: SUSPECTED.name, target: TARGET, parent: &self.session, %server, "suspected");
    }

    pub(crate) fn probe_answered(&self) {
        debug!(name: PROBE_ANSWERED.name, target: TARGET, parent: &self.session, "probe answered");
    }

    pub(crate) fn spare_opened(&self, server: &Host) {
        debug!(name: SPARE_OPENED.name, target: TARGET, parent: &self.session, %server, "spare opened");
    }

    pub(crate) fn spare_failed(&self) {
        debug!(name: SPARE_FAILED.name, target: TARGET, parent: &self.session, "spare failed");
    }

    pub(crate) fn moved(&mut self, server: Option<&Host>, cause: &'static str) {
        let server = server.map(display);
        info!(name: MOVED.name, target: TARGET, parent: &self.session, server, cause, "moved");
    }

    pub(crate) fn hosts_replaced(&self, hosts: usize) {
        debug!(name: HOSTS_REPLACED.name, target: TARGET, parent: &self.session, hosts, "hosts replaced");
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls_reloaded(&self) {
        debug!(name: super::TLS_RELOADED.name, target: TARGET, parent: &self.session, "tls reloaded");
    }

    pub(crate) fn closed(&mut self, change: &StateChange, session_id: i64) {
        self.attempt = None;
        info!(name: CLOSED.name, target: TARGET, parent: &self.session,
            session_id = format_args!("{:#x}", session_id),
            elapsed_ms = millis(change.elapsed), "closed");
    }
}

fn session_span(client: &str) -> Span {
    use tracing::field::Empty;
    info_span!(target: TARGET, parent: None, SESSION.name, client, session_id = Empty, generation = Empty)
}

/// In the span of the dialling.
pub(crate) fn host_failed(server: &Host, reason: &str) {
    debug!(name: HOST_FAILED.name, target: TARGET, %server, reason, "host failed");
}

/// Where the caller of a request is.
pub(crate) fn request_span(client: &str, op: OpCode) -> Span {
    trace_span!(target: TARGET, REQUEST.name, client, %op)
}

/// In the span of the request.
pub(crate) fn answered(outcome: &Outcome) {
    if let Ok(reply) = outcome {
        trace!(name: ANSWERED.name, target: TARGET, error = %reply.err, zxid = reply.zxid, "answered");
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
