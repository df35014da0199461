//! What can go wrong, and what became of a request.

use std::{sync::Arc, time::Duration};

use thiserror::Error;

/// Why a connection, a session or a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Cause {
    /// There was no connection when the request was made, or the connection it waited for did not come.
    #[error("not connected")]
    NotConnected,
    /// The deadline of the request passed.
    #[error("the deadline passed")]
    Deadline,
    /// The server closed the connection.
    #[error("the server closed the connection")]
    ConnectionClosed,
    /// The server took the connection and closed it when it had read the connect request.
    #[error(
        "the server closed the connection instead of answering (not serving, too many connections, or TLS on one side only)"
    )]
    ClosedUnanswered,
    /// The operating system (or TLS) reported an error on the connection.
    #[error("{0}")]
    Io(Arc<str>),
    /// Nothing was received for one read timeout while something was unanswered.
    #[error("the server was silent for {} ms", silent.as_millis())]
    ReadTimeout {
        /// How long nothing was received.
        silent: Duration,
    },
    /// Bytes arrive, but within a session timeout no reply, or none that is whole.
    #[error("the server sends, but no whole reply within the session timeout")]
    StalledReply,
    /// The server was silent and did not answer a probe either, and another one was ready.
    #[error("the server was silent for {} ms and does not answer a probe", silent.as_millis())]
    Suspected {
        /// How long nothing was received.
        silent: Duration,
    },
    /// The server accepted the connection but did not answer the connect request in time.
    #[error("the server did not answer the connect request in time")]
    HandshakeTimeout,
    /// The server sent something that the protocol does not allow.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The server has no quorum and offers reads only.
    #[error("the server is read-only")]
    ReadOnlyServer,
    /// The server has no quorum, and another one that has was found.
    #[error("moving from a read-only server to one with a quorum")]
    ReadWriteFound,
    /// The server said that the session has moved to another connection.
    #[error("the session moved to another server")]
    SessionMoved,
    /// The server said that the session is over.
    #[error("the session expired")]
    SessionExpired,
    /// The server does not know the request, and ends the connection of whoever sends one that it does not know.
    #[error("the server does not know the request, and ends the connection for it")]
    Unimplemented,
    /// No server of the round could be reached; the text names each with its reason.
    #[error("no server can be reached: {0}")]
    NoServer(Arc<str>),
    /// The connection had only to tell whether the servers know the session.
    #[error("it was only to be seen whether the session is known")]
    Probed,
    /// The user of the client changed how servers are reached; the session goes on with a new connection.
    #[error("reconnecting to use new settings")]
    Reconfigured,
    /// The server did not accept who we say we are. It is tried again, slowly: it may heal.
    #[error("authentication failed ({scheme}): {reason}")]
    AuthFailed {
        /// The scheme, or `sasl`.
        scheme: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
    /// The user of the client asked for it.
    #[error("closed by the client")]
    Closed,
}

impl Cause {
    /// One stable word of a small fixed set: for metrics, and to match on in logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotConnected => "not_connected",
            Self::Deadline => "deadline",
            Self::ConnectionClosed => "connection_closed",
            Self::ClosedUnanswered => "closed_unanswered",
            Self::Io(_) => "io",
            Self::ReadTimeout { .. } => "read_timeout",
            Self::StalledReply => "stalled_reply",
            Self::Suspected { .. } => "suspected",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::Protocol(_) => "protocol",
            Self::ReadOnlyServer => "read_only_server",
            Self::ReadWriteFound => "read_write_found",
            Self::SessionMoved => "session_moved",
            Self::SessionExpired => "session_expired",
            Self::Unimplemented => "unimplemented",
            Self::NoServer(_) => "no_server",
            Self::Probed => "probed",
            Self::Reconfigured => "reconfigured",
            Self::AuthFailed { .. } => "auth_failed",
            Self::Closed => "closed",
        }
    }
}

/// What a server sent that the protocol does not allow. The connection is dropped; the session goes on with another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The length in front of a frame is out of bounds.
    #[error(transparent)]
    Frame(#[from] zk_jute::FrameError),
    /// A record does not decode.
    #[error("malformed {what}: {source}")]
    Decode {
        /// The record.
        what: &'static str,
        /// What is wrong with it.
        source: zk_jute::DecodeError,
    },
    /// A reply is not the one that is due.
    #[error("a reply to request {got} arrived where {expected} was due")]
    XidMismatch {
        /// The xid of the oldest unanswered request.
        expected: i32,
        /// The xid of the reply.
        got: i32,
    },
    /// A reply to nothing.
    #[error("a reply (xid {xid}) arrived that nothing asked for")]
    Unsolicited {
        /// The xid of the reply.
        xid: i32,
    },
    /// The connect response makes no sense.
    #[error("bad connect response: {0}")]
    ConnectResponse(&'static str),
    /// The server refused to restore the watches.
    #[error("the server refused to restore watches: {0}")]
    SetWatches(zk_jute::ErrorCode),
    /// The answer to a multi does not fit its operations.
    #[error("a multi of {asked} operations got {answered} results")]
    Multi {
        /// How many operations there were.
        asked: usize,
        /// How many results make sense.
        answered: usize,
    },
    /// The body of a reply did not decode where the request was made.
    #[error("malformed reply: {0}")]
    Body(zk_jute::DecodeError),
}

/// How a request ended without an answer of the server. Exactly one of these three kinds holds:
///
/// * it was never written to a connection, so repeating it is safe;
/// * it was (or may have been) written, and nobody here can say whether the server applied it;
/// * the client refused it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Never written to a connection: the server has not seen it.
    #[error("not sent: {0}")]
    NotSent(Cause),
    /// Sent, but the answer is lost: the server may have applied it or not.
    #[error("sent, but the answer is lost: {0}")]
    Unknown(Cause),
    /// The session it was meant for expired before it was sent.
    #[error("the session expired before the request was sent")]
    SessionExpired,
    /// Too many requests are waiting.
    #[error("overloaded: too many requests are waiting")]
    Overloaded,
    /// Larger than the frame limit; the server would close the connection.
    #[error("a request of {len} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Its length on the wire.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}

impl RequestError {
    /// One stable word of a small fixed set: for metrics, and to match on in logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NotSent(_) => "not_sent",
            Self::Unknown(_) => "unknown",
            Self::SessionExpired => "session_expired",
            Self::Overloaded => "overloaded",
            Self::TooLarge { .. } => "too_large",
            Self::Closed => "closed",
        }
    }
}
