//! The states a user of a session sees.

use std::{fmt, time::Duration};

use crate::{error::Cause, hosts::Host, time::Timestamp};

/// Where a session stands, as its user sees it.
///
/// ```text
///              ┌────────────── connection lost ──────────────┐
///              ▼                                             │
///  start ─▶ Connecting ── connected, watches restored ─▶ Connected
///              │   ▲                                         ▲
///   no server for the                                        │
///   negotiated timeout                                       │
///              ▼   └── (a session that expired begins anew)  │
///            Lost ─────── connected after all ───────────────┘
///
///  any ── close() ─▶ Closed
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Not connected; connecting goes on.
    Connecting,
    /// Connected, with a session, its watches restored.
    Connected,
    /// No server could be reached for the negotiated session timeout: presume the session expired. Connecting goes on, since
    /// a recovered ensemble may have kept it.
    Lost,
    /// Closed by the user; final.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Connecting, Self::Connected, Self::Lost, Self::Closed];

    /// A stable word: for metrics, and to match on in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Lost => "lost",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A change of [`State`], with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// Why, unless it is the expected way.
    pub cause: Option<Cause>,
    /// The server concerned.
    pub server: Option<Host>,
    /// The session, 0 when there is none.
    pub session_id: i64,
    /// How many sessions there have been, the current one included.
    pub generation: u64,
    /// When.
    pub at: Timestamp,
    /// How long the state before lasted.
    pub elapsed: Duration,
    /// Connected to a server without a quorum: what it tells may be old, and it refuses writes.
    pub read_only: bool,
}

/// A session as the server granted it. The password is kept by the state machine and shown nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session id; an ephemeral node of this session carries it as `ephemeralOwner`.
    pub session_id: i64,
    /// The timeout that the server granted.
    pub negotiated_timeout: Duration,
    /// 1 for the first session of this client, one more for each that follows an expiry.
    pub generation: u64,
}

/// How an expiry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExpiryCause {
    /// The server refused to resume the session (it granted no timeout).
    Refused,
    /// The server answered with another session than the one asked for.
    Replaced {
        /// The session it gave instead.
        by: i64,
    },
    /// The servers know the session, but are behind what it has seen: the ensemble was restored from a backup.
    ZxidAhead,
}

impl ExpiryCause {
    /// One stable word of a small fixed set: for metrics, and to match on in logs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Replaced { .. } => "replaced",
            Self::ZxidAhead => "zxid_ahead",
        }
    }
}

impl fmt::Display for ExpiryCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the server refused to resume the session"),
            Self::ZxidAhead => {
                f.write_str("the servers are behind what the session has seen: was a backup restored?")
            }
            Self::Replaced { by } => write!(f, "the server gave session {by:#x} instead"),
        }
    }
}
