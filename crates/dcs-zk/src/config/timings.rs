//! The times everything else is derived from.

use std::time::Duration;

use super::error::ConfigError;

/// Patroni's three times. `loop_wait + 2 × retry_timeout ≤ ttl` always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    ttl: Duration,
    loop_wait: Duration,
    retry_timeout: Duration,
}

impl Default for Timings {
    /// Patroni's defaults: ttl 30 s, loop_wait 10 s, retry_timeout 10 s.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(30),
            loop_wait: Duration::from_secs(10),
            retry_timeout: Duration::from_secs(10),
        }
    }
}

impl Timings {
    /// Checks Patroni's rule: a loop with one failed and one repeated operation must fit into the session.
    ///
    /// # Errors
    ///
    /// A zero, or `loop_wait + 2 × retry_timeout > ttl`.
    pub fn new(ttl: Duration, loop_wait: Duration, retry_timeout: Duration) -> Result<Self, ConfigError> {
        for (key, value) in [("ttl", ttl), ("loop_wait", loop_wait), ("retry_timeout", retry_timeout)] {
            if value.is_zero() {
                return Err(ConfigError::new(key, "must be longer than 0 s"));
            }
        }
        let needed = loop_wait.saturating_add(retry_timeout.saturating_mul(2));
        if needed > ttl {
            return Err(ConfigError::new(
                "ttl",
                format!("loop_wait + 2 × retry_timeout = {needed:?} must not exceed ttl = {ttl:?}"),
            ));
        }
        Ok(Self { ttl, loop_wait, retry_timeout })
    }

    /// The times Patroni would use for these settings: the least are 20, 1 and 3 seconds, and when the rule is violated
    /// `loop_wait` gives way, then `retry_timeout`. Answers to `Config._validate_and_adjust_timeouts`.
    pub fn adjusted(ttl: u32, loop_wait: u32, retry_timeout: u32) -> Self {
        let (ttl, mut loop_wait, mut retry_timeout) = (ttl.max(20), loop_wait.max(1), retry_timeout.max(3));
        if 1 + 2 * u64::from(retry_timeout) > u64::from(ttl) {
            loop_wait = 1;
            retry_timeout = (ttl - 1) / 2;
        } else if u64::from(loop_wait) + 2 * u64::from(retry_timeout) > u64::from(ttl) {
            loop_wait = ttl - 2 * retry_timeout;
        }
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Self { ttl: seconds(ttl), loop_wait: seconds(loop_wait), retry_timeout: seconds(retry_timeout) }
    }

    /// The session timeout to ask for.
    pub fn ttl(self) -> Duration {
        self.ttl
    }

    /// The time between two rounds of the HA loop.
    pub fn loop_wait(self) -> Duration {
        self.loop_wait
    }

    /// How long an operation that is retried may take altogether.
    pub fn retry_timeout(self) -> Duration {
        self.retry_timeout
    }

    /// `max(loop_wait − 2 s, 2 s)`, as Patroni has it; never more than a third of the ttl, so that there is time left to
    /// find another server when loops are long or sessions short.
    pub fn read_timeout(self) -> Duration {
        let two = Duration::from_secs(2);
        self.loop_wait.saturating_sub(two).max(two).min(self.ttl / 3)
    }

    /// `max(retry_timeout / 2, 1 s)`, as Patroni has it at start.
    pub fn connect_timeout(self) -> Duration {
        (self.retry_timeout / 2).max(Duration::from_secs(1))
    }

    /// What an operation that is tried once may take: a fifth of the loop, 1 s at least. Patroni: always 1 s.
    pub fn once_timeout(self) -> Duration {
        (self.loop_wait / 5).max(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_checked() {
        let seconds = Duration::from_secs;
        assert!(Timings::new(seconds(30), seconds(10), seconds(10)).is_ok());
        assert_eq!(Timings::new(seconds(29), seconds(10), seconds(10)).unwrap_err().key(), "ttl");
        assert_eq!(Timings::new(seconds(30), seconds(0), seconds(10)).unwrap_err().key(), "loop_wait");
    }

    #[test]
    fn adjusting_answers_to_patroni() {
        let adjusted = |ttl, loop_wait, retry_timeout| {
            let timings = Timings::adjusted(ttl, loop_wait, retry_timeout);
            (timings.ttl.as_secs(), timings.loop_wait.as_secs(), timings.retry_timeout.as_secs())
        };
        assert_eq!(adjusted(30, 10, 10), (30, 10, 10));
        assert_eq!(adjusted(30, 15, 10), (30, 10, 10));
        assert_eq!(adjusted(30, 10, 20), (30, 1, 14));
        assert_eq!(adjusted(5, 0, 1), (20, 1, 3));
        assert_eq!(adjusted(u32::MAX, u32::MAX, u32::MAX).0, u64::from(u32::MAX));
    }

    #[test]
    fn derived_times_answer_to_patroni() {
        let timings = Timings::default();
        assert_eq!(timings.read_timeout(), Duration::from_secs(8));
        assert_eq!(timings.connect_timeout(), Duration::from_secs(5));
        let short =
            Timings::new(Duration::from_secs(5), Duration::from_secs(1), Duration::from_secs(2)).unwrap();
        assert!(short.read_timeout() < Duration::from_secs(2));
    }
}
