//! How an operation of the DCS can fail.

use thiserror::Error;
use zk_session::ErrorCode;

/// Why an operation failed. The kinds are few, because an HA agent acts on them.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DcsError {
    /// Nobody can say: no server answered in time. A leader must stop leading when its lease ends (or go by the failsafe
    /// mode), but has lost nothing yet. Patroni: "ZooKeeper is not responding properly".
    #[error("ZooKeeper is not responding properly ({operation}): {cause}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// The last failure.
        cause: String,
    },
    /// A server said that the leader key is not ours; or the lease that was to be used has ended, and nothing was sent.
    #[error("{member} does not hold the leader key: {holder}")]
    NotOwner {
        /// Us.
        member: String,
        /// Who holds it, in words.
        holder: String,
    },
    /// A server refused it because something changed meanwhile: read again.
    #[error("{operation}: {path} has changed meanwhile ({code})")]
    Conflict {
        /// What was tried.
        operation: &'static str,
        /// The znode.
        path: String,
        /// The server's code.
        code: ErrorCode,
    },
    /// A server refused it, and will again: permissions, quotas.
    #[error("{operation}: ZooKeeper refuses {path}: {code}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// The znode.
        path: String,
        /// The server's code.
        code: ErrorCode,
    },
    /// The call or the configuration is wrong; nothing was sent.
    #[error("{0}")]
    Invalid(String),
}

/// The kinds of [`DcsError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`DcsError::Unavailable`].
    Unavailable,
    /// [`DcsError::NotOwner`].
    NotOwner,
    /// [`DcsError::Conflict`].
    Conflict,
    /// [`DcsError::Refused`].
    Refused,
    /// [`DcsError::Invalid`].
    Invalid,
}

impl DcsError {
    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unavailable { .. } => ErrorKind::Unavailable,
            Self::NotOwner { .. } => ErrorKind::NotOwner,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::Refused { .. } => ErrorKind::Refused,
            Self::Invalid(_) => ErrorKind::Invalid,
        }
    }

    /// Maps the failure of a request. What the caller could not know stays *unavailable*: only a server can refuse.
    pub(crate) fn from_session(operation: &'static str, error: zk_session::Error) -> Self {
        match error {
            zk_session::Error::Rejected(rejected) => match rejected.code {
                ErrorCode::NO_NODE
                | ErrorCode::NODE_EXISTS
                | ErrorCode::BAD_VERSION
                | ErrorCode::NOT_EMPTY => {
                    Self::Conflict { operation, path: rejected.path, code: rejected.code }
                }
                ErrorCode::CONNECTION_LOSS
                | ErrorCode::OPERATION_TIMEOUT
                | ErrorCode::SESSION_EXPIRED
                | ErrorCode::SESSION_MOVED
                | ErrorCode::THROTTLED => Self::Unavailable { operation, cause: rejected.to_string() },
                code => Self::Refused { operation, path: rejected.path, code },
            },
            zk_session::Error::Invalid(invalid) => Self::Invalid(format!("{operation}: {invalid}")),
            error => Self::Unavailable { operation, cause: error.to_string() },
        }
    }
}
