//! One clock for everything that is shown: that of leases. The time of day is looked at once.

use dcs_zk::Timestamp;
use jiff::{SignedDuration, Zoned};

/// What turns times of the clock of leases into times of day.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    wall: Zoned,
    zero: Timestamp,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { wall: Zoned::now(), zero: dcs_zk::now() }
    }

    fn wall(&self, at: Timestamp) -> Zoned {
        let signed = |duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        let offset = signed(at.since(self.zero)).saturating_sub(signed(self.zero.since(at)));
        self.wall.saturating_add(offset)
    }

    /// For people.
    pub(crate) fn time_of_day(&self, at: Timestamp) -> String {
        self.wall(at).strftime("%H:%M:%S%.3f").to_string()
    }

    /// For programs: RFC 3339, UTC.
    pub(crate) fn rfc3339(&self, at: Timestamp) -> String {
        format!("{:.3}", self.wall(at).timestamp())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_directions() {
        let wall = "2026-01-02T03:04:05.500Z[UTC]".parse().unwrap();
        let clock = Clock { wall, zero: Timestamp::from_epoch(Duration::from_secs(100)) };
        let at = |millis| clock.rfc3339(Timestamp::from_epoch(Duration::from_millis(millis)));
        assert_eq!(
            (at(101_250), at(99_000)),
            ("2026-01-02T03:04:06.750Z".into(), "2026-01-02T03:04:04.500Z".into())
        );
    }
}
