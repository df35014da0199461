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

    /// How long one attempt to connect may take: half of `retry_timeout` at start, half of `loop_wait` after a reload that
    /// changed it, 1 s at least, or a tenth of the ttl where that is longer. Patroni's own formula; see
    /// [`Config::with_connect_timeout`](super::Config::with_connect_timeout) for another time.
    ///
    /// The session also never gives an attempt more than the time it has left divided by twice the number of servers.
    pub fn connect_timeout(self, basis: ConnectBasis) -> Duration {
        let basis = match basis {
            ConnectBasis::RetryTimeout => self.retry_timeout,
            ConnectBasis::LoopWait => self.loop_wait,
        };
        (basis / 2).max(Duration::from_secs(1)).max(self.ttl / 10)
    }
}

/// What the connect timeout is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectBasis {
    /// At start, and after `retry_timeout` was changed.
    #[default]
    RetryTimeout,
    /// After a reload with another `loop_wait`.
    LoopWait,
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
        assert_eq!(timings.connect_timeout(ConnectBasis::RetryTimeout), Duration::from_secs(5));
        let short =
            Timings::new(Duration::from_secs(5), Duration::from_secs(1), Duration::from_secs(2)).unwrap();
        assert!(short.read_timeout() < Duration::from_secs(2));
        assert_eq!(short.connect_timeout(ConnectBasis::RetryTimeout), Duration::from_secs(1));
        // (ttl, loop_wait, retry_timeout) → (read timeout, connect timeout at start, after a reload)
        for (times, derived) in [
            ((30, 10, 10), (8, 5, 5)),
            ((20, 1, 3), (2, 2, 2)),
            ((60, 20, 10), (18, 6, 10)),
            ((60, 3, 20), (2, 10, 6)),
            ((300, 100, 100), (98, 50, 50)),
            // Longer loops than a third of the session: Patroni waits for 28 s here, and the session is lost.
            ((36, 30, 3), (12, 3, 15)),
        ] {
            let seconds = Duration::from_secs;
            let timings = Timings::new(seconds(times.0), seconds(times.1), seconds(times.2)).unwrap();
            let start = timings.connect_timeout(ConnectBasis::RetryTimeout);
            let reloaded = timings.connect_timeout(ConnectBasis::LoopWait);
            assert_eq!(timings.read_timeout(), seconds(derived.0), "{times:?}");
            let truncated = (start.as_secs(), reloaded.as_secs());
            assert_eq!(truncated, (derived.1, derived.2), "{times:?}");
        }
    }
}
