//! What a driver reports of a session, for people and their dashboards. Nothing here changes anything.

use std::fmt;

use super::link::Link;
use crate::{session::Session, time::Timestamp};

/// How far the connection is; see the picture at [`Session`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// No connection; the next round of connects comes after a pause.
    Waiting,
    /// A round of connects is under way.
    Dialing,
    /// The connect request was sent.
    Handshaking,
    /// The session is granted; the server is told who we are.
    Authenticating,
    /// Watches are being restored.
    Restoring,
    /// Requests are sent.
    Ready,
    /// The session was closed.
    Closed,
}

impl Phase {
    /// A stable word for logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dialing => "dialing",
            Self::Handshaking => "handshaking",
            Self::Authenticating => "authenticating",
            Self::Restoring => "restoring",
            Self::Ready => "ready",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Vital signs.
impl<T> Session<T> {
    /// How far the connection is.
    pub fn phase(&self) -> Phase {
        match &self.link {
            Link::Idle { .. } => Phase::Waiting,
            Link::Dialing { .. } => Phase::Dialing,
            Link::Handshaking { .. } => Phase::Handshaking,
            Link::Established(established) if established.ready_since.is_some() => Phase::Ready,
            Link::Established(established)
                if established.sasl.is_some() || !established.authenticating.is_empty() =>
            {
                Phase::Authenticating
            }
            Link::Established(_) => Phase::Restoring,
            Link::Closed => Phase::Closed,
        }
    }

    /// Requests that were sent and are not answered, those included that nobody waits for any more.
    pub fn requests_in_flight(&self) -> usize {
        self.pending.in_flight()
    }

    /// Requests that wait to be sent.
    pub fn requests_waiting(&self) -> usize {
        self.pending.len().saturating_sub(self.pending.in_flight())
    }

    /// When the oldest request or ping that is unanswered was sent; `None` when everything is answered.
    pub fn oldest_unanswered(&self) -> Option<Timestamp> {
        match &self.link {
            Link::Established(established) => {
                established.liveness.oldest_unanswered(self.oldest_request(established))
            }
            _ => None,
        }
    }

    /// Watches that are held, on the server or to be restored there.
    pub fn watches(&self) -> usize {
        self.watches.len()
    }
}
