//! The time the session is told.

use std::time::Duration;

/// A point in time, counted from an epoch that the caller chooses once and keeps.
///
/// A driver on Linux counts from boot with `CLOCK_BOOTTIME`, which goes on while the machine sleeps; a simulation counts
/// from zero. Only differences matter. All arithmetic saturates: no input can make it panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The point `since_epoch` after the caller's epoch.
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// Time since the caller's epoch.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// The point `duration` later.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// The point `duration` earlier, the epoch at the earliest.
    #[must_use]
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }

    /// Time that has passed since `earlier`; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
