//! The connection: rounds of connects, the handshake, the restoration of watches, and its end.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use zk_jute::{FrameDecoder, FrameLimit};

use super::{
    authenticate::{Exchange, Unanswered},
    op_support::OpSupport,
    read_only::Search,
    restore::Restoring,
};

use crate::{
    config::Config,
    error::Cause,
    event::Event,
    handshake::{Granted, write_connect_request},
    hosts::Host,
    liveness::Liveness,
    session::Session,
    state::{ExpiryCause, State},
    time::Timestamp,
};

/// A connection that was ready for this long was healthy: the next round after it starts without a pause.
const HEALTHY_AFTER: Duration = Duration::from_secs(1);

/// The least pause after a server has refused to believe who we are.
const AUTH_PAUSE: Duration = Duration::from_secs(1);

/// The least budget of an attempt, however little is left of the session.
const LEAST_BUDGET: Duration = Duration::from_millis(100);

/// The least connect timeout: with none at all, an attempt is over when it begins, and the next one is due at once.
const LEAST_CONNECT_TIMEOUT: Duration = Duration::from_millis(10);

/// The delay between the starts of racing connects.
const STAGGER: Duration = Duration::from_millis(100);

/// A round of connects for the driver: dial these hosts, each later than the one before by `stagger` or as soon as that
/// one failed, and report the first transport that opens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectRound {
    /// The hosts in the order to try them.
    pub hosts: Vec<Host>,
    /// What one attempt (resolve, TCP, TLS) may take.
    pub budget: Duration,
    /// How much later than the one before an attempt starts.
    pub stagger: Duration,
}

impl ConnectRound {
    pub(super) fn new(hosts: Vec<Host>, budget: Duration) -> Self {
        Self { hosts, budget, stagger: STAGGER.min(budget.checked_div(2).unwrap_or(budget)) }
    }
}

/// A transport that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The host it leads to.
    pub host: Host,
    /// The hosts of the round that failed before it opened.
    pub failed: Vec<Host>,
    /// When the attempt began: the connect response has what is left of its budget.
    pub started_at: Timestamp,
}

/// See the picture at [`Session`].
#[derive(Debug)]
pub(super) enum Link<T> {
    Idle { retry_at: Timestamp },
    Dialing { budget: Duration },
    Handshaking { host: Host, asked: Timestamp, deadline: Timestamp },
    Established(Box<Established<T>>),
    Closed,
}

#[derive(Debug)]
pub(super) struct Established<T> {
    pub(super) host: Host,
    pub(super) liveness: Liveness,
    /// The SASL exchange that is under way.
    pub(super) sasl: Option<Exchange>,
    /// `addauth` requests that are unanswered.
    pub(super) authenticating: VecDeque<Unanswered<T>>,
    pub(super) restoring: Restoring,
    /// When the server was last asked for what comes before ready.
    pub(super) asked_at: Timestamp,
    pub(super) ready_since: Option<Timestamp>,
    /// The server can only read: others are asked.
    pub(super) read_write_search: Option<Search>,
}

impl<T> Link<T> {
    pub(super) fn host(&self) -> Option<&Host> {
        match self {
            Self::Handshaking { host, .. } => Some(host),
            Self::Established(established) => Some(&established.host),
            Self::Idle { .. } | Self::Dialing { .. } | Self::Closed => None,
        }
    }

    pub(super) fn has_transport(&self) -> bool {
        self.host().is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self, Self::Established(established) if established.ready_since.is_some())
    }
}

/// Inputs about transports.
impl<T> Session<T> {
    /// The round of [`poll_connect`](Self::poll_connect) has opened a transport; the others are to be dropped.
    pub fn transport_opened(&mut self, now: Timestamp, opened: Opened) {
        let &Link::Dialing { budget } = &self.link else {
            // Nobody waits for it any more: closed meanwhile, or a driver that breaks the contract.
            self.events.push_back(Event::DropTransport(Cause::Closed));
            return;
        };
        for host in opened.failed.iter().chain([&opened.host]) {
            self.hosts.tried(host);
        }
        let deadline = opened.started_at.after(budget).min(now.after(self.patience(budget))).max(now);
        self.handshake(now, opened.host, deadline);
    }

    /// How long a server may take to answer the connect request. Two cannot be asked at once (a session must not be asked
    /// for twice), so while others of the round are untried they share one budget: servers that take connections and never
    /// answer cost one budget together, not one each, and with suspicion no more than a silent link is waited for. The last of a
    /// round has a whole one: if all are slow, it is waited for.
    fn patience(&self, budget: Duration) -> Duration {
        if self.hosts.round().is_empty() {
            return budget;
        }
        let share = budget.checked_div(self.hosts.count()).unwrap_or(budget);
        let share = if self.config.suspicion { share.min(self.move_after()) } else { share };
        share.max(LEAST_BUDGET)
    }

    /// The transport to this host becomes the link: asks for our session on it.
    fn handshake(&mut self, now: Timestamp, host: Host, deadline: Timestamp) {
        self.connection = self.connection.saturating_add(1);
        self.frames = FrameDecoder::new(FrameLimit::CONNECT_RESPONSE);
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        write_connect_request(
            &mut out,
            self.session_to_resume(),
            self.zxid_to_show(),
            self.config.session_timeout_ms(),
            self.config.allow_read_only,
        );
        self.out = out;
        self.link = Link::Handshaking { host, asked: now, deadline };
    }

    /// No host of the round could be reached; `reasons` names each with its reason, for people.
    pub fn dial_failed(&mut self, now: Timestamp, reasons: &str) {
        if matches!(self.link, Link::Dialing { .. }) {
            self.last_cause = Some(Cause::NoServer(Arc::from(reasons)));
            self.hosts.end_round();
            self.next_round(now);
        }
    }

    /// The connection ended: closed by the server, or failed.
    pub fn transport_lost(&mut self, now: Timestamp, cause: Cause) {
        if self.link.has_transport() {
            let unanswered =
                matches!(self.link, Link::Handshaking { .. }) && cause == Cause::ConnectionClosed;
            self.end_link(now, if unanswered { Cause::ClosedUnanswered } else { cause });
        }
    }
}

/// Steps.
impl<T> Session<T> {
    /// We give the connection up, and the driver must, too.
    pub(super) fn lose_link(&mut self, now: Timestamp, cause: Cause) {
        if self.link.has_transport() {
            self.events.push_back(Event::DropTransport(cause.clone()));
            self.end_link(now, cause);
        }
    }

    /// Accounts for the end of a connection that had a transport, and plans what follows.
    fn end_link(&mut self, now: Timestamp, cause: Cause) {
        self.out.clear();
        self.last_cause = Some(cause.clone());
        self.suspect_op(&cause);
        self.auth_lost(&cause);
        match std::mem::replace(&mut self.link, Link::Closed) {
            Link::Established(established) => {
                let ready_for = established.ready_since.map(|since| now.since(since));
                if ready_for.is_some_and(|ready_for| ready_for >= HEALTHY_AFTER) {
                    self.backoff.reset();
                }
                self.hosts.end_round();
                self.refusals = 0;
                self.hosts.lost(established.host.clone());
                let ended = self.pending.connection_lost(&cause);
                self.end_requests(ended);
                // The host is still the link's when the change is reported.
                self.link = Link::Established(established);
                if self.state == State::Connected {
                    self.change_state(now, State::Connecting, Some(cause));
                }
                self.next_round(now);
            }
            Link::Handshaking { host, .. } => {
                self.hosts.lost(host);
                if matches!(cause, Cause::ClosedUnanswered | Cause::Io(_)) {
                    self.connect_refused();
                }
                self.next_round(now);
            }
            Link::Idle { .. } | Link::Dialing { .. } | Link::Closed => self.next_round(now),
        }
    }

    /// Goes on with the round if hosts are left in it; begins another after a pause if not.
    fn next_round(&mut self, now: Timestamp) {
        // Nothing is left to be ended.
        if self.closing.is_some() && self.session_to_resume().is_none() {
            self.link = Link::Closed;
            self.finish_close(now);
            return;
        }
        if let Some(host) = self.take_spare() {
            self.events.push_back(Event::UseSpare);
            // A spare may be as silent as the server that was left for it: then the round goes on.
            self.hosts.start_round_with(&host, &mut self.rng);
            let budget = self.attempt_budget(now);
            self.handshake(now, host, now.after(self.patience(budget)));
            return;
        }
        let mut pause = Duration::ZERO;
        if self.hosts.round().is_empty() {
            self.round_failed(now);
            pause = self.backoff.pause(&mut self.rng);
            if matches!(self.last_cause, Some(Cause::AuthFailed { .. })) {
                pause = pause.max(AUTH_PAUSE);
            }
        }
        self.link = Link::Idle { retry_at: now.after(pause) };
        if pause.is_zero() {
            self.start_dialing(now);
        }
    }

    pub(super) fn start_dialing(&mut self, now: Timestamp) {
        if self.hosts.round().is_empty() {
            self.hosts.start_round(&mut self.rng);
        }
        let budget = self.attempt_budget(now);
        self.link = Link::Dialing { budget };
        self.round = Some(ConnectRound::new(self.hosts.round().to_vec(), budget));
    }

    /// At most the connect timeout, and at most the time left of the session divided by twice the number of hosts: even if
    /// every other host swallows its whole budget, the living one is reached in time.
    pub(super) fn attempt_budget(&self, now: Timestamp) -> Duration {
        let Config { connect_timeout, session_timeout, .. } = self.config;
        let connect_timeout = connect_timeout.max(LEAST_CONNECT_TIMEOUT);
        let left = match &self.granted {
            Some(granted) => self.last_heard.after(granted.negotiated_timeout).since(now),
            None => session_timeout,
        };
        if left.is_zero() {
            return connect_timeout;
        }
        let share = left.checked_div(self.hosts.count().saturating_mul(2)).unwrap_or(left);
        connect_timeout.min(share.max(LEAST_BUDGET))
    }

    /// The server granted a session: ours, or a new one.
    pub(super) fn session_granted(&mut self, now: Timestamp, granted: Granted) {
        let asked = self.session_to_resume().map(|ours| ours.session_id);
        if asked == Some(granted.session_id) {
            if !self.may_resume(now) {
                return;
            }
        } else {
            self.session_changes();
        }
        if asked.is_some_and(|asked| asked != granted.session_id) {
            self.expire_session(now, ExpiryCause::Replaced { by: granted.session_id });
            if self.closing.is_some() {
                self.finish_close(now);
                return;
            }
        }
        // A session that was resumed from another process is new to this client, too.
        let new = self.session_to_resume().is_none() || self.generation == 0;
        if new {
            self.generation = self.generation.saturating_add(1);
            self.op_support = OpSupport::default();
        }
        let info = self.info(&granted);
        let read_timeout = self.read_timeout(granted.negotiated_timeout);
        let moved_after = self.moved_after.take();
        let read_write_search = granted.read_only.then(|| Search::new(now, moved_after));
        self.local = granted.read_only && self.session_to_resume().is_none();
        self.granted = Some(granted);
        self.last_heard = now;
        if new {
            self.events.push_back(Event::SessionEstablished(info));
        }
        let Link::Handshaking { host, asked, .. } = &self.link else { return };
        let host = host.clone();
        self.quorum_proof.linked(*asked, self.config.relay_delay(info.negotiated_timeout));
        self.link = Link::Established(Box::new(Established {
            host,
            liveness: Liveness::new(now, read_timeout, self.config.ping_interval),
            sasl: None,
            authenticating: VecDeque::new(),
            restoring: Restoring::default(),
            asked_at: now,
            ready_since: None,
            read_write_search,
        }));
        self.authenticate(now, info.negotiated_timeout);
    }

    /// The server refused to resume our session: the next generation begins at once.
    pub(super) fn session_refused(&mut self, now: Timestamp) {
        self.events.push_back(Event::DropTransport(Cause::SessionExpired));
        self.out.clear();
        self.session_changes();
        self.expire_session(now, ExpiryCause::Refused);
        self.last_cause = Some(Cause::SessionExpired);
        self.hosts.end_round();
        // No pause: the servers are well, they only forgot us. A server that grants, drops and refuses in turn pays the
        // pause at the drop.
        if self.closing.is_none() {
            self.start_dialing(now);
        } else {
            self.finish_close(now);
        }
    }
}
