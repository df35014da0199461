//! The state machine of one session.

mod authenticate;
mod handover;
mod inbound;
mod link;
mod op_support;
mod read_only;
mod reading;
mod restore;
mod suspicion;
mod timers;
mod vitals;
mod zxid_trust;

use std::{collections::VecDeque, time::Duration};

use bytes::{BufMut, BytesMut};
pub use handover::SessionCredentials;
use link::Link;
pub use link::{ConnectRound, Opened};
use op_support::OpSupport;
use reading::Delivery;
use suspicion::Suspicion;
pub use vitals::Phase;
use zk_jute::{
    Encode, FrameDecoder, FrameLimit, OpCode, Raw,
    records::{RemoveWatchesRequest, RequestHeader},
};
use zxid_trust::ZxidTrust;

use crate::{
    backoff::Backoff,
    config::Config,
    error::{Cause, RequestError},
    event::{Event, WatchNotice},
    handshake::Granted,
    hosts::{Host, Hosts},
    outbound::{Unsent, put_frame},
    pending::{Ended, Pending},
    quorum_proof::QuorumProof,
    request::{Request, WatchId, WhenDisconnected},
    state::{ExpiryCause, SessionInfo, State, StateChange},
    time::Timestamp,
    watches::{Forgotten, Watches},
    xid::XidCounter,
};

/// How much [`Session::poll_transmit`] collects into one write.
const TRANSMIT_CHUNK: usize = 64 * 1024;

/// A ZooKeeper session without I/O. `T` is the caller's handle on a request.
///
/// # States of the link
///
/// ```text
///   ┌────────────▶ Idle ◀──────────────┬───────────────────┐
///   │               │ pause over       │ refused, silent,  │ closed, dead, garbage
///   │ no server     ▼                  │ garbage           │
///   ├─────────── Dialing               │                   │
///   │               │ transport_opened │                   │
///   │               ▼                  │                   │
///   │           Handshaking ───────────┘                   │
///   │               │ session granted                      │
///   │               ▼                                      │
///   │          Established: restoring watches ─▶ ready ────┤
///   │                                                      │ close()
///   └── expired: the next generation begins                ▼
///                                                        Closed
/// ```
///
/// [`State`] is what a user sees of it.
///
/// # Calling contract
///
/// After **every** call of an input or a command, in this order:
/// 1. [`poll_event`](Self::poll_event) until `None`; obey [`Event::DropTransport`] before anything else;
/// 2. [`poll_connect`](Self::poll_connect): if it gives a round, dial, and answer with
///    [`transport_opened`](Self::transport_opened) or [`dial_failed`](Self::dial_failed), exactly once per round;
/// 3. [`poll_transmit`](Self::poll_transmit) whenever the connection can take bytes;
/// 4. [`poll_timeout`](Self::poll_timeout): call [`handle_timeout`](Self::handle_timeout) then, not before reading what has
///    arrived: bytes in the socket are proof of life that a late timer must not overlook;
/// 5. if it likes, and bytes were handled, leave what arrives unread for as long as [`read_pause`](Self::read_pause) says,
///    and after as much as [`read_portion`](Self::read_portion) says let others submit, and send that, before it reads more.
///
/// Inputs are [`handle_bytes`](Self::handle_bytes), `handle_timeout`, `transport_opened`, `dial_failed`,
/// [`transport_lost`](Self::transport_lost), and what comes of [`Event::Probe`] and [`Event::DialSpare`]:
/// [`probe_answered`](Self::probe_answered), [`spare_opened`](Self::spare_opened), [`spare_failed`](Self::spare_failed),
/// [`read_write_found`](Self::read_write_found) after [`Event::FindReadWrite`], and [`sasl_stepped`](Self::sasl_stepped) after
/// [`Event::SaslStep`].
/// Commands are [`submit`](Self::submit), [`add_auth`](Self::add_auth), [`forget_watch`](Self::forget_watch),
/// [`set_hosts`](Self::set_hosts), [`set_read_timeout`](Self::set_read_timeout), [`forget_spare`](Self::forget_spare),
/// [`malformed_reply`](Self::malformed_reply), [`detach`](Self::detach) and [`close`](Self::close). The time given must not
/// go back.
#[derive(Debug)]
pub struct Session<T> {
    config: Config,
    rng: fastrand::Rng,
    hosts: Hosts,
    backoff: Backoff,
    link: Link<T>,
    /// Counts connections, so that a late word about one is not taken for another.
    connection: u64,
    frames: FrameDecoder,
    /// The round that `poll_connect` has not yet handed out.
    round: Option<ConnectRound>,

    /// The session we hold, or will try to resume.
    granted: Option<Granted>,
    /// The session was begun at a read-only server, and is known there alone.
    local: bool,
    /// The pause of the search that found a server with a quorum, until a session is granted.
    moved_after: Option<Duration>,
    generation: u64,
    /// The newest zxid of any reply; never of an event.
    last_zxid: i64,
    /// The watches have been told of everything up to here. Follows `last_zxid`, but not while watches are being restored: if
    /// that is cut short, the next connection must restore them from where the first one began.
    watches_zxid: i64,
    zxid_trust: ZxidTrust,
    /// Servers of this round that closed the connection when they had read the connect request.
    refusals: usize,
    /// When a server last spoke to this session.
    last_heard: Timestamp,
    quorum_proof: QuorumProof,
    /// The smoothed round trip; zero before the first.
    round_trip: Duration,
    suspicion: Option<Suspicion>,

    state: State,
    state_since: Timestamp,
    /// Why there is no connection, for those who ask.
    last_cause: Option<Cause>,
    /// `close` was called; it ends then at the latest.
    closing: Option<Timestamp>,

    pending: Pending<T>,
    watches: Watches,
    op_support: OpSupport,
    xids: XidCounter,
    /// What the newest bytes were.
    delivery: Delivery,
    /// Bytes that go out before any request: handshake, watches, pings.
    out: Unsent,
    events: VecDeque<Event<T>>,
}

/// Construction and getters.
impl<T> Session<T> {
    /// A session that wants to be connected at once. The seed decides host order and jitter: give each process its own.
    pub fn new(config: Config, now: Timestamp, seed: u64) -> Self {
        let granted = config.resume.clone().map(|resume| Self::to_resume(resume, config.session_timeout));
        let mut session = Self {
            hosts: Hosts::new(config.hosts.clone()),
            backoff: Backoff::new(config.max_backoff),
            rng: fastrand::Rng::with_seed(seed),
            config,
            link: Link::Idle { retry_at: now },
            connection: 0,
            frames: FrameDecoder::new(FrameLimit::CONNECT_RESPONSE),
            round: None,
            granted,
            local: false,
            moved_after: None,
            generation: 0,
            last_zxid: 0,
            watches_zxid: 0,
            zxid_trust: ZxidTrust::Trusted,
            refusals: 0,
            last_heard: now,
            quorum_proof: QuorumProof::default(),
            round_trip: Duration::ZERO,
            suspicion: None,
            state: State::Connecting,
            state_since: now,
            last_cause: None,
            closing: None,
            pending: Pending::new(),
            watches: Watches::default(),
            op_support: OpSupport::default(),
            xids: XidCounter::new(),
            delivery: Delivery::default(),
            out: Unsent::default(),
            events: VecDeque::new(),
        };
        session.start_dialing(now);
        session
    }

    /// The state as a user sees it.
    pub fn state(&self) -> State {
        self.state
    }

    /// The session that is held, or will be resumed.
    pub fn session(&self) -> Option<SessionInfo> {
        self.granted.as_ref().map(|granted| self.info(granted))
    }

    /// The leader has last heard of this session no earlier than when this was sent; `None` without a committed write in it.
    ///
    /// Only committed writes prove anything: a follower answers pings and reads by itself, even one that is cut off from the
    /// leader. And what they prove is not that they were heard, but that what was said half a tick before them had been
    /// passed on: the leader counts by what followers pass on with its pings, not by the writes they forward.
    pub fn quorum_proof(&self) -> Option<Timestamp> {
        self.quorum_proof.get()
    }

    /// Requests that wait or are in flight.
    pub fn pending_requests(&self) -> usize {
        self.pending.len()
    }

    /// Why there is no connection: the last thing that went wrong.
    pub fn last_cause(&self) -> Option<&Cause> {
        self.last_cause.as_ref()
    }

    fn info(&self, granted: &Granted) -> SessionInfo {
        SessionInfo {
            session_id: granted.session_id,
            negotiated_timeout: granted.negotiated_timeout,
            generation: self.generation,
        }
    }

    fn read_timeout(&self, negotiated: Duration) -> Duration {
        self.config.read_timeout.unwrap_or_else(|| negotiated.checked_div(3).unwrap_or(negotiated))
    }
}

/// Commands.
impl<T> Session<T> {
    /// Takes a request. Its outcome comes as [`Event::Reply`], exactly once, by its deadline at the latest.
    pub fn submit(&mut self, now: Timestamp, request: Request<T>) {
        match self.refusal(now, &request) {
            Some(error) => self.events.push_back(Event::Reply { token: request.token, outcome: Err(error) }),
            None => self.pending.push(request),
        }
    }

    fn refusal(&self, now: Timestamp, request: &Request<T>) -> Option<RequestError> {
        let frame_len = request.body.len().saturating_add(8);
        let limit = self.config.max_request.get();
        if self.closing.is_some() || self.state == State::Closed {
            Some(RequestError::Closed)
        } else if frame_len > limit {
            Some(RequestError::TooLarge { len: frame_len, limit })
        } else if self.pending.len() >= self.config.max_requests.max(1)
            || self.pending.queued_bytes().saturating_add(frame_len)
                > self.config.max_queued_bytes.max(frame_len)
        {
            Some(RequestError::Overloaded)
        } else if request.deadline <= now {
            Some(RequestError::NotSent(Cause::Deadline))
        } else if self.state != State::Connected && request.when_disconnected == WhenDisconnected::Fail {
            Some(RequestError::NotSent(self.last_cause.clone().unwrap_or(Cause::NotConnected)))
        } else {
            None
        }
    }

    /// Forgets a watch that nobody waits for, here and on the server. The server may still report it once; nobody is told.
    pub fn forget_watch(&mut self, id: WatchId) {
        match self.watches.forget(id) {
            Forgotten::NotArmed => self.pending.forget_watch(id),
            // A request that is under way may be about to leave the same watch for somebody else.
            Forgotten::Last(watcher_type, path)
                if self.state == State::Connected
                    && self.closing.is_none()
                    && !self.op_support.remove_watches.is_missing()
                    && !self.pending.will_watch(&path) =>
            {
                let request = RemoveWatchesRequest { path: &path, watcher_type };
                self.pending.push_internal(OpCode::REMOVE_WATCHES, request.to_bytes());
            }
            // On the next connection it is simply not restored.
            Forgotten::Last(..) | Forgotten::Shared => {}
        }
    }

    /// Changes the read timeout, also of the live connection. `None`: a third of the negotiated session timeout.
    pub fn set_read_timeout(&mut self, now: Timestamp, read_timeout: Option<Duration>) {
        self.config.read_timeout = read_timeout;
        let Some(negotiated) = self.granted.as_ref().map(|granted| granted.negotiated_timeout) else {
            return;
        };
        let read_timeout = self.read_timeout(negotiated);
        if let Link::Established(established) = &mut self.link {
            established.liveness.set_read_timeout(now, read_timeout, self.config.ping_interval);
        }
    }

    /// Changes how long one attempt to connect may take, from the next attempt on.
    pub fn set_connect_timeout(&mut self, connect_timeout: Duration) {
        self.config.connect_timeout = connect_timeout;
    }

    /// Replaces the list of servers. If the connected one is no longer in it, the session moves: it is not lost.
    pub fn set_hosts(&mut self, now: Timestamp, hosts: Vec<Host>) {
        // A spare may lead to a server that is no longer wanted.
        self.calm();
        if hosts == self.config.hosts {
            return;
        }
        self.config.hosts.clone_from(&hosts);
        self.hosts.replace(hosts);
        match &self.link {
            Link::Handshaking { host, .. } if !self.hosts.contains(host) => {
                self.lose_link(now, Cause::Reconfigured);
            }
            Link::Established(established) if !self.hosts.contains(&established.host) => {
                self.lose_link(now, Cause::Reconfigured);
            }
            // The round that is due, or under way, is for the old list.
            Link::Idle { .. } | Link::Dialing { .. } => self.start_dialing(now),
            Link::Handshaking { .. } | Link::Established(_) | Link::Closed => {}
        }
    }

    /// Gives up the spare transport: it was made with settings that hold no more.
    pub fn forget_spare(&mut self) {
        self.calm();
    }

    /// The reply that came on this connection was not the record it should be: the connection is not to be trusted.
    pub fn malformed_reply(&mut self, now: Timestamp, connection: u64, error: zk_jute::DecodeError) {
        if connection == self.connection {
            self.lose_link(now, crate::error::ProtocolError::Body(error).into());
        }
    }

    /// Ends the session: requests made before are still sent, then `closeSession`; for that a lost connection is replaced.
    /// Ends within the close timeout.
    /// Calling it again changes nothing.
    pub fn close(&mut self, now: Timestamp) {
        if self.closing.is_some() || self.state == State::Closed {
            return;
        }
        self.closing = Some(now.after(self.config.close_timeout));
        // A session that lost its connection a moment ago is not left to its timeout: nodes of it would stay that long.
        let worth_ending = self.state == State::Connected || self.session_to_resume().is_some();
        if worth_ending && self.state != State::Lost {
            self.pending.push_close();
        } else {
            self.finish_close(now);
        }
    }

    fn finish_close(&mut self, now: Timestamp) {
        if self.state == State::Closed {
            return;
        }
        if self.link.has_transport() {
            self.events.push_back(Event::DropTransport(Cause::Closed));
        }
        self.calm();
        self.auth_lost(&Cause::Closed);
        self.link = Link::Closed;
        self.round = None;
        self.out.clear();
        let lost = self.pending.connection_lost(&Cause::Closed);
        let queued = self.pending.fail_queued(&RequestError::Closed);
        self.end_requests(lost);
        self.end_requests(queued);
        self.drop_watches(WatchNotice::Closed);
        self.granted = None;
        self.quorum_proof.reset();
        self.change_state(now, State::Closed, Some(Cause::Closed));
    }
}

/// Outputs.
impl<T> Session<T> {
    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event<T>> {
        self.events.pop_front()
    }

    /// A round of connects to make, if one is due.
    pub fn poll_connect(&mut self) -> Option<ConnectRound> {
        self.round.take()
    }

    /// Appends bytes for the connection to `buf` until there are none or `buf` has 64 KiB. What was appended counts as sent.
    /// Tells whether anything was appended.
    pub fn poll_transmit(&mut self, now: Timestamp, buf: &mut BytesMut) -> bool {
        let before = buf.len();
        if !self.out.is_empty() {
            buf.put(self.out.split());
        }
        if self.link.is_ready() {
            while buf.len() < TRANSMIT_CHUNK {
                let Some((xid, op, body)) = self.pending.send_next(now, || self.xids.next_xid()) else {
                    break;
                };
                put_frame(buf, &RequestHeader { xid, op }, &Raw(body));
            }
        }
        buf.len() > before
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` after the end.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        [self.pending.next_deadline(), self.closing_at(), self.lost_at(), self.link_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Common steps.
impl<T> Session<T> {
    fn change_state(&mut self, now: Timestamp, to: State, cause: Option<Cause>) {
        if self.state == to {
            return;
        }
        let change = StateChange {
            from: self.state,
            to,
            cause,
            server: self.link.host().cloned(),
            session_id: self.granted.as_ref().map_or(0, |granted| granted.session_id),
            generation: self.generation,
            at: now,
            elapsed: now.since(self.state_since),
            read_only: self.is_read_only(),
        };
        self.state = to;
        self.state_since = now;
        self.events.push_back(Event::State(change));
    }

    fn end_requests(&mut self, ended: Vec<Ended<T>>) {
        self.events
            .extend(ended.into_iter().map(|(token, error)| Event::Reply { token, outcome: Err(error) }));
    }

    fn drop_watches(&mut self, notice: WatchNotice) {
        let watches = self.watches.take_all();
        if !watches.is_empty() {
            self.events.push_back(Event::Watch { watches, notice });
        }
    }

    /// The session we held is over for certain.
    fn expire_session(&mut self, now: Timestamp, cause: ExpiryCause) {
        let Some(granted) = self.granted.take() else { return };
        let session = self.info(&granted);
        self.quorum_proof.reset();
        self.events.push_back(Event::SessionExpired { session, cause });
        let ended = self.pending.fail_queued(&RequestError::SessionExpired);
        self.end_requests(ended);
        self.drop_watches(WatchNotice::SessionLost);
        self.change_state(now, State::Connecting, Some(Cause::SessionExpired));
    }
}

/// Whether an answer to this operation, without an error, proves that the leader and a quorum committed something for it.
fn is_committed_write(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::CREATE
            | OpCode::CREATE2
            | OpCode::CREATE_CONTAINER
            | OpCode::CREATE_TTL
            | OpCode::DELETE
            | OpCode::SET_DATA
            | OpCode::SET_ACL
            | OpCode::MULTI
            | OpCode::RECONFIG
    )
}
