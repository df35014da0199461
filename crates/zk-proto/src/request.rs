//! What a caller asks of the session.

use bytes::Bytes;
use zk_jute::{EventType, OpCode};

use crate::time::Timestamp;

/// A request, encoded but for its header. `T` is the caller's handle on it: it comes back with the outcome, exactly once.
#[derive(Debug)]
pub struct Request<T> {
    /// The operation.
    pub op: OpCode,
    /// The record that follows the request header on the wire.
    pub body: Bytes,
    /// The watch that the server leaves when the request succeeds; the body must ask for it.
    pub watch: Option<(WatchOn, WatchId)>,
    /// When to give up.
    pub deadline: Timestamp,
    /// Whether to wait for a connection.
    pub when_disconnected: WhenDisconnected,
    /// The caller's handle.
    pub token: T,
}

/// What to do with a request while there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenDisconnected {
    /// Fail at once as *not sent*.
    Fail,
    /// Wait for a connection until the deadline.
    Wait,
}

/// The caller's name for a watch; the session only compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WatchId(pub u64);

/// What a watch watches. Paths are absolute on the server, chroot included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WatchOn {
    /// Set by `getData`: data changed, node deleted.
    Data(String),
    /// Set by `exists`: data changed, node deleted — or created, if it is absent.
    Exists(String),
    /// Set by `getChildren`: children changed, node deleted.
    Children(String),
    /// Set by `addWatch`: every change of the node and of its list of children, until it is given up.
    Persistent(String),
    /// Set by `addWatch`: every change of the node and of everything below it, until it is given up.
    Recursive(String),
}

impl WatchOn {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Data(path)
            | Self::Exists(path)
            | Self::Children(path)
            | Self::Persistent(path)
            | Self::Recursive(path) => path,
        }
    }

    pub(crate) fn is_persistent(&self) -> bool {
        matches!(self, Self::Persistent(_) | Self::Recursive(_))
    }

    /// Whether an event is one that this watch waits for.
    pub(crate) fn concerns(&self, kind: EventType, path: &str) -> bool {
        let (own, kinds) = match self {
            Self::Data(own) => (own, [EventType::NODE_DATA_CHANGED, EventType::NODE_DELETED].as_slice()),
            Self::Exists(own) => (
                own,
                [EventType::NODE_CREATED, EventType::NODE_DATA_CHANGED, EventType::NODE_DELETED].as_slice(),
            ),
            Self::Children(own) => {
                (own, [EventType::NODE_CHILDREN_CHANGED, EventType::NODE_DELETED].as_slice())
            }
            Self::Persistent(own) => return own == path,
            Self::Recursive(own) => return is_at_or_below(own, path),
        };
        own == path && kinds.contains(&kind)
    }
}

/// Whether `path` is `above` or lies below it; a sibling whose name only begins alike does not.
fn is_at_or_below(above: &str, path: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || above == "/")
}
