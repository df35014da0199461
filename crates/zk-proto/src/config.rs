//! What a session is told before it starts.

use std::time::Duration;

use crate::{
    auth::{Credential, Sasl},
    hosts::Host,
    session::SessionCredentials,
};

/// Settings of one [`Session`](crate::Session). All have defaults but the hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The servers. Must not be empty: a session without hosts can never connect.
    pub hosts: Vec<Host>,
    /// The session timeout to ask for, 1 ms to `i32::MAX` ms (default 30 s). The server clamps it to 2..=20 of its ticks.
    pub session_timeout: Duration,
    /// How long a link may be silent before it is dead (default: a third of the negotiated session timeout). Independent of
    /// the session timeout; 10 ms at least.
    pub read_timeout: Option<Duration>,
    /// How often to ping, 5 ms at least (default, and at most: every half read timeout). Shorter finds a dead server sooner
    /// while nothing else is asked, for a ping each time.
    pub ping_interval: Option<Duration>,
    /// Whether a silent server is left before the read timeout, once it answers no probe and another one is ready (default
    /// `true`).
    pub suspicion: bool,
    /// How long a link may be silent, with something unanswered, before its server is probed and a spare is dialled (default:
    /// the smaller of a quarter of the read timeout and 500 ms). Never less than eight smoothed round trips.
    pub hedge_after: Option<Duration>,
    /// How long it may be silent before the session moves to the spare (default twice `hedge_after`).
    pub move_after: Option<Duration>,
    /// How long a follower may keep to itself that it has heard from us: half a tick of the servers (default 1.5 s, which covers
    /// ticks up to 3 s, or a quarter of the negotiated timeout if that is less, since servers grant no less than two ticks). Set
    /// it where ticks are longer, or `minSessionTimeout` is less than two of them. See
    /// [`Session::quorum_proof`](crate::Session::quorum_proof).
    pub relay_delay: Option<Duration>,
    /// The most that one attempt (resolve, TCP, TLS, connect response) may take (default 1 s, 10 ms at least). An attempt
    /// also never takes more than the time left of the session divided by twice the number of hosts.
    pub connect_timeout: Duration,
    /// The longest pause between rounds of connects (default 1 s).
    pub max_backoff: Duration,
    /// A session to resume instead of beginning a new one (default none). If it is over by then, that is announced as an
    /// expiry, and a new one begins.
    pub resume: Option<SessionCredentials>,
    /// Identities to add to every connection (default none).
    pub credentials: Vec<Credential>,
    /// How to authenticate with SASL on every connection (default not at all).
    pub sasl: Option<Sasl>,
    /// How long `close` waits for the server's answer (default 2 s).
    pub close_timeout: Duration,
    /// Whether a server that can only read is good enough (default `false`).
    pub allow_read_only: bool,
    /// Requests that may wait or be in flight at once, 1 at least (default 16,384). More are refused as overload.
    pub max_requests: usize,
    /// Bytes of requests that may wait to be sent (default 64 MiB). More are refused as overload.
    pub max_queued_bytes: usize,
    /// The largest frame to accept (default 1 MiB and 4 KiB).
    pub max_frame: zk_jute::FrameLimit,
    /// The largest request to send, header included (default 1,048,575 bytes, the default of ZooKeeper's `jute.maxbuffer`:
    /// a server closes the connection on anything larger).
    pub max_request: zk_jute::FrameLimit,
}

/// Half a tick of servers whose ticks are 3 s.
const RELAY_DELAY: Duration = Duration::from_millis(1_500);

/// One byte less than 1 MiB: `BinaryInputArchive.maxBuffer`.
const MAX_REQUEST: zk_jute::FrameLimit = match zk_jute::FrameLimit::new(0xf_ffff) {
    Ok(limit) => limit,
    Err(_) => zk_jute::FrameLimit::DEFAULT,
};

impl Config {
    /// The defaults, for these servers.
    pub fn new(hosts: Vec<Host>) -> Self {
        Self {
            hosts,
            session_timeout: Duration::from_secs(30),
            read_timeout: None,
            ping_interval: None,
            suspicion: true,
            hedge_after: None,
            move_after: None,
            relay_delay: None,
            connect_timeout: Duration::from_secs(1),
            max_backoff: Duration::from_secs(1),
            resume: None,
            credentials: Vec::new(),
            sasl: None,
            close_timeout: Duration::from_secs(2),
            allow_read_only: false,
            max_requests: 16_384,
            max_queued_bytes: 64 * 1024 * 1024,
            max_frame: zk_jute::FrameLimit::default(),
            max_request: MAX_REQUEST,
        }
    }

    /// The relay delay in a session with this timeout.
    pub(crate) fn relay_delay(&self, negotiated: Duration) -> Duration {
        self.relay_delay.unwrap_or_else(|| RELAY_DELAY.min(negotiated.checked_div(4).unwrap_or_default()))
    }

    /// The session timeout as the protocol carries it: milliseconds, at least 1.
    pub(crate) fn session_timeout_ms(&self) -> i32 {
        i32::try_from(self.session_timeout.as_millis()).unwrap_or(i32::MAX).max(1)
    }
}
