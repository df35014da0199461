//! Time, as the state machines are told it.

use std::time::Duration;

/// A point in time on both of a server's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Since the server was started: what sessions are counted with.
    pub(crate) elapsed: Duration,
    /// Milliseconds since 1970: what znodes are stamped with.
    pub(crate) wall: i64,
}
