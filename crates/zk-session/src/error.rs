//! How a call can fail.

use std::fmt;

use thiserror::Error;
use zk_jute::ErrorCode;
use zk_proto::{Cause, ProtocolError, RequestError};

/// Why a call failed. What matters most is what it says about the server's data:
///
/// * [`NotSent`](Self::NotSent), [`Overloaded`](Self::Overloaded), [`Closed`](Self::Closed), [`AuthFailed`](Self::AuthFailed),
///   [`SessionExpired`](Self::SessionExpired), [`Invalid`](Self::Invalid): the server has not seen the request.
/// * [`Rejected`](Self::Rejected): the server has seen it and refused it.
/// * [`Unknown`](Self::Unknown): it was sent, the answer is lost; the server may have applied it or not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Never sent; safe to repeat.
    #[error("not sent: {0}")]
    NotSent(#[source] Cause),
    /// The server refused it.
    #[error(transparent)]
    Rejected(Rejected),
    /// Sent, but the answer is lost.
    #[error("sent, but the answer is lost: {0}")]
    Unknown(#[source] Cause),
    /// The server did not accept who we say we are; nothing was sent. It may heal: the client goes on trying.
    #[error("authentication failed ({scheme}): {reason}")]
    AuthFailed {
        /// The scheme, or `sasl`.
        scheme: String,
        /// Why.
        reason: String,
    },
    /// The session that the request waited in expired before it was sent.
    #[error("the session expired before the request was sent")]
    SessionExpired,
    /// Too many requests wait already.
    #[error("overloaded: too many requests are waiting")]
    Overloaded,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// The call itself is wrong; nothing was sent.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The kinds of [`enum@Error`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`Error::NotSent`].
    NotSent,
    /// [`Error::Rejected`], with the server's code.
    Rejected(ErrorCode),
    /// [`Error::Unknown`].
    Unknown,
    /// [`Error::AuthFailed`].
    AuthFailed,
    /// [`Error::SessionExpired`].
    SessionExpired,
    /// [`Error::Overloaded`].
    Overloaded,
    /// [`Error::Closed`].
    Closed,
    /// [`Error::Invalid`].
    Invalid,
}

impl Error {
    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotSent(_) => ErrorKind::NotSent,
            Self::Rejected(rejected) => ErrorKind::Rejected(rejected.code),
            Self::Unknown(_) => ErrorKind::Unknown,
            Self::AuthFailed { .. } => ErrorKind::AuthFailed,
            Self::SessionExpired => ErrorKind::SessionExpired,
            Self::Overloaded => ErrorKind::Overloaded,
            Self::Closed => ErrorKind::Closed,
            Self::Invalid(_) => ErrorKind::Invalid,
        }
    }

    /// The server's code, if the server refused the request.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Rejected(rejected) => Some(rejected.code),
            _ => None,
        }
    }

    /// Whether repeating the request may help and cannot apply it twice.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::NotSent(_) | Self::AuthFailed { .. } | Self::SessionExpired | Self::Overloaded => true,
            Self::Rejected(rejected) => {
                matches!(
                    rejected.code,
                    ErrorCode::THROTTLED
                        | ErrorCode::SESSION_MOVED
                        | ErrorCode::SESSION_EXPIRED
                        | ErrorCode::NOT_READ_ONLY
                )
            }
            Self::Unknown(_) | Self::Closed | Self::Invalid(_) => false,
        }
    }

    /// Whether the server may have applied the request.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Unknown(_) => true,
            // Codes with which a server says that it does not know either.
            Self::Rejected(rejected) => {
                matches!(rejected.code, ErrorCode::CONNECTION_LOSS | ErrorCode::OPERATION_TIMEOUT)
            }
            _ => false,
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotSent(Cause::AuthFailed { scheme, reason }) => {
                Self::AuthFailed { scheme: scheme.to_string(), reason: reason.to_string() }
            }
            RequestError::NotSent(cause) => Self::NotSent(cause),
            RequestError::Unknown(cause) => Self::Unknown(cause),
            RequestError::SessionExpired => Self::SessionExpired,
            RequestError::Overloaded => Self::Overloaded,
            RequestError::Closed => Self::Closed,
            RequestError::TooLarge { len, limit } => Self::Invalid(Invalid::TooLarge { len, limit }),
            _ => Self::Unknown(Cause::NotConnected),
        }
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Unknown(error.into())
    }
}

/// What the server refused, and with which code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The server's code; unknown ones are kept as they are.
    pub code: ErrorCode,
    /// The path it is about, as the caller gave it.
    pub path: String,
    /// In a multi: the index of the operation that failed.
    pub op_index: Option<usize>,
    /// In a multi: the operation that failed was a [`MultiOp::Check`](crate::MultiOp::Check). The world is not as the multi
    /// requires, and nothing is wrong with what it was to do.
    pub guard: bool,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.code)?;
        match self.op_index {
            Some(index) if self.guard => write!(f, " (operation {index} of the multi, a guard)"),
            Some(index) => write!(f, " (operation {index} of the multi)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejected {}

/// A call that no server needs to see to know that it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Not a ZooKeeper path.
    #[error("{path:?} is not a ZooKeeper path: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Not a list of servers.
    #[error(transparent)]
    Hosts(#[from] zk_proto::ConnectStringError),
    /// A chroot where only servers can be given.
    #[error("the chroot cannot change while the client lives: give servers only")]
    Chroot,
    /// An access control list without an entry.
    #[error("an empty ACL: nobody could use the node")]
    EmptyAcl,
    /// A kind of node that this call does not create.
    #[error("{0} nodes have a call of their own")]
    Mode(zk_jute::CreateMode),
    /// TLS settings that are of no use.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::TlsError),
    /// A time to live that the protocol cannot carry.
    #[error("a time to live of {0:?}: it must be between 1 ms and 2^40 - 1 ms")]
    TimeToLive(std::time::Duration),
    /// The request is larger than the server takes.
    #[error("a request of {len} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Its length on the wire.
        len: usize,
        /// The limit.
        limit: usize,
    },
}
