//! The clock of the session.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use zk_proto::Timestamp;

/// The time since the machine was booted, the time it slept included.
///
/// `Instant` stands still while a machine sleeps; a lease must not. Elsewhere than on Linux this is the monotonic clock.
pub fn now() -> Timestamp {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;
    let time = clock_gettime(CLOCK);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Timestamp::from_epoch(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_moves_forward() {
        let before = super::now();
        while super::now() == before {}
        assert!(super::now() > before);
    }
}
