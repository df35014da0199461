//! One call after the other through every fault, in the process of a contender in Rust; and what is said of each.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    GET_PATH,
    rust::Peer,
    serve::{AnyError, answer},
};

/// The word of the order.
const ORDER: &str = "probe";

/// How often a contender calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From the end of one call to the beginning of the next: the resolution of what is measured.
    pub gap: Duration,
    /// How often there is a call that nobody waits for, besides.
    pub besides: Option<Duration>,
}

impl Pace {
    /// The order in the contenders' protocol.
    pub(super) fn order(self) -> String {
        let besides = self.besides.unwrap_or_default();
        format!("{ORDER} {} {}\n", self.gap.as_millis(), besides.as_millis())
    }

    /// The pace that is ordered. `None` of another order.
    pub(super) fn of(order: &str) -> Option<Self> {
        let mut numbers = order.strip_prefix(ORDER)?.split_whitespace().map(str::parse);
        let gap = Duration::from_millis(numbers.next()?.ok()?);
        let besides = Duration::from_millis(numbers.next()?.ok()?);
        Some(Self { gap, besides: (!besides.is_zero()).then_some(besides) })
    }
}

/// One call of a contender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// When it was made, on `CLOCK_MONOTONIC`, in nanoseconds.
    pub begun: u64,
    /// When it was answered or had failed.
    pub ended: u64,
    /// The session, of a call that was answered well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<i64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `CLOCK_MONOTONIC`, in nanoseconds: the one clock that all contenders and the program that measures can read.
pub fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // It begins at 0 when the machine starts.
    let part = |part: i64| u64::try_from(part).unwrap_or_default();
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// Calls until it is dropped.
pub(super) async fn run<C: Peer>(client: &C, pace: Pace) -> Result<(), AnyError> {
    let calling = one_by_one(client, pace.gap);
    match pace.besides {
        Some(every) => tokio::select! {
            ended = calling => ended,
            () = unawaited(client, every) => Ok(()),
        },
        None => calling.await,
    }
}

async fn one_by_one<C: Peer>(client: &C, gap: Duration) -> Result<(), AnyError> {
    loop {
        let begun = monotonic();
        let (session, error) = match client.get(GET_PATH).await {
            Ok(_) => (client.session(), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let call = Call { begun, ended: monotonic(), session, error };
        answer(&serde_json::to_string(&call)?)?;
        sleep(gap).await;
    }
}

async fn unawaited<C: Peer>(client: &C, every: Duration) {
    let mut beat = interval(every);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let client = client.clone();
        tokio::spawn(async move {
            // That it may fail is the point.
            let _ = client.get(GET_PATH).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_understood() {
        let milliseconds = Duration::from_millis;
        let quiet = Pace { gap: milliseconds(5), besides: None };
        let sending = Pace { gap: milliseconds(1), besides: Some(milliseconds(500)) };
        assert_eq!((quiet.order().as_str(), sending.order().as_str()), ("probe 5 0\n", "probe 1 500\n"));
        assert_eq!([quiet, sending].map(|pace| Pace::of(&pace.order())), [Some(quiet), Some(sending)]);
        assert_eq!(Pace::of("pipelined-get 256 1000"), None);
    }
}
