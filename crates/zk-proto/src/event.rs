//! What the session tells its driver.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{ErrorCode, EventType};

use crate::{
    error::{Cause, RequestError},
    hosts::Host,
    request::WatchId,
    secret::Secret,
    session::ConnectRound,
    state::{ExpiryCause, SessionInfo, StateChange},
    time::Timestamp,
};

/// Something that happened, in the order in which it happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<T> {
    /// A request ended. Each request ends exactly once.
    Reply {
        /// The caller's handle on the request.
        token: T,
        /// The server's answer, or how the request ended without one.
        outcome: Result<Reply, RequestError>,
    },
    /// Watches fired. One-shot ones are gone from the session, persistent ones stay but for the end of the session.
    Watch {
        /// The watches.
        watches: Vec<WatchId>,
        /// What they saw.
        notice: WatchNotice,
    },
    /// The state changed.
    State(StateChange),
    /// A new session was established. A generation number counts them.
    SessionEstablished(SessionInfo),
    /// The session is over for certain: its ephemeral nodes are gone or will be. A new one follows unless the client is closed.
    SessionExpired {
        /// The session that ended.
        session: SessionInfo,
        /// How it is known.
        cause: ExpiryCause,
    },
    /// The server answered a ping. Nothing is to be done; it is told for whoever measures.
    Pong {
        /// The time from the ping to its answer.
        round_trip: Duration,
    },
    /// Ask this server on a connection of its own whether it is alive (the four-letter word `srvr`; any answer will do), and
    /// tell [`Session::probe_answered`](crate::Session::probe_answered) with the same connection number.
    Probe {
        /// The server of the link.
        host: Host,
        /// The link that is suspected.
        connection: u64,
    },
    /// Dial another server beside the live link, and answer with [`Session::spare_opened`](crate::Session::spare_opened) or
    /// [`Session::spare_failed`](crate::Session::spare_failed). Nothing is sent on it.
    DialSpare(ConnectRound),
    /// The server of the link can only read. Ask these others, each on a connection of its own, whether they have a quorum (the
    /// four-letter word `isro`), and name the first that has to
    /// [`Session::read_write_found`](crate::Session::read_write_found) with the same connection number. Nothing is expected
    /// if there is none.
    FindReadWrite {
        /// Whom to ask, and within what time.
        round: ConnectRound,
        /// The link that is read-only.
        connection: u64,
    },
    /// The spare, open or being dialled, is not needed.
    DropSpare,
    /// The spare is the connection now; the old one was dropped before.
    UseSpare,
    /// Take a step of SASL, of the mechanism that [`Sasl::ByDriver`](crate::Sasl::ByDriver) stands for, and tell
    /// [`Session::sasl_stepped`](crate::Session::sasl_stepped) with the same connection number what came of it.
    SaslStep {
        /// The server of the link.
        host: Host,
        /// The link that is to be authenticated.
        connection: u64,
        /// The server's token; `None` begins a new exchange, in which the client speaks first.
        challenge: Option<Secret>,
    },
    /// The driver must drop its connection now and feed no more bytes of it.
    DropTransport(Cause),
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The error code; [`ErrorCode::OK`] for success.
    pub err: ErrorCode,
    /// The zxid of the reply header: for a write its own, for a read the newest the server has applied.
    pub zxid: i64,
    /// The record after the reply header.
    pub body: Bytes,
    /// When the request was handed to the connection.
    pub sent_at: Timestamp,
    /// The generation of the session that was asked.
    pub generation: u64,
    /// The connection it came on, for [`Session::malformed_reply`](crate::Session::malformed_reply).
    pub connection: u64,
}

/// What a watch saw.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchNotice {
    /// The server reported an event.
    Event {
        /// The kind of event.
        kind: EventType,
        /// The path on the server, chroot included.
        path: String,
        /// The zxid of the change, from servers that tell it (3.9 and later).
        zxid: Option<i64>,
    },
    /// A persistent watch was without a connection, and what happened meanwhile is lost to it: look again.
    Resync,
    /// The server of the new connection knows no persistent watches, or does not take this one: the watch is gone, and what it
    /// watches may have changed.
    Unsupported,
    /// The session that held the watch ended: the watch is gone, and what it watches may have changed.
    SessionLost,
    /// The session was closed by its user.
    Closed,
}
