//! How what arrives is read where many requests are under way: when it may be left unread for a moment, so that more of it is read
//! at once, and after how much of it others are to have their turn.
//!
//! A busy server answers one request after the other, and a client that reads each answer as it comes is woken for each: that
//! costs several times what the answer itself does. Where many requests are under way and are answered in dribs, a pause costs
//! little: the server keeps most of them in its hands meanwhile, so it does as much as before, and who asks as fast as it
//! answers gets as many answers.
//!
//! A server that has answered them all at once has nothing to do before the next are there: half of the answers are enough for
//! it to go on, while the client takes in the rest.

use std::time::Duration;

use crate::session::Session;

/// How long a pause is. A driver's timer may take as long again.
const PAUSE: Duration = Duration::from_millis(1);

/// Not where an answer takes less: what is under way would all be answered in a pause, and the server be left with nothing.
const LEAST_ROUND_TRIP: Duration = Duration::from_millis(4);

/// Not with fewer requests under way: there is little to collect, and a second write costs more than a half gains.
const LEAST_IN_FLIGHT: usize = 64;

/// Not where more comes at once: it is collected already, and a window that is full would hold the server up.
const MOST_BYTES: usize = 32 * 1024;

/// What came at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Delivery {
    pub(super) bytes: usize,
    /// Of these, how many were of whole frames.
    pub(super) taken: usize,
    pub(super) answered: usize,
    /// Before they came.
    pub(super) in_flight: usize,
}

impl Delivery {
    /// How many bytes answer half of what was under way, as these tell; never nothing.
    fn half(self) -> Option<usize> {
        let each = self.taken.checked_div(self.answered).filter(|each| *each > 0)?;
        (self.in_flight >= LEAST_IN_FLIGHT).then(|| each.saturating_mul(self.in_flight / 2))
    }
}

impl<T> Session<T> {
    /// How long the driver may wait, after it has given bytes to [`handle_bytes`](Self::handle_bytes), before it reads again,
    /// even if more arrives at once; `None`: not at all. Only where at least 64 requests are under way, no more than those were
    /// answered at once, and an answer takes 4 ms or longer as it is.
    pub fn read_pause(&self) -> Option<Duration> {
        let in_flight = self.pending.in_flight();
        let trickle = in_flight >= LEAST_IN_FLIGHT
            && self.delivery.answered <= in_flight
            && self.delivery.bytes <= MOST_BYTES
            && self.round_trip >= LEAST_ROUND_TRIP;
        (trickle && self.link.is_ready()).then_some(PAUSE)
    }
    /// After how many bytes that are read without a break a driver is to let others ask, and send that, before it reads more; `None`:
    /// after all that is there. Half of what answers all that was under way, by what came last, if that was at least 64 requests;
    /// never nothing.
    pub fn read_portion(&self) -> Option<usize> {
        self.delivery.half()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_many_answers_is_a_portion() {
        let half = |in_flight, answered, taken| Delivery { bytes: taken, taken, answered, in_flight }.half();
        assert_eq!(half(128, 128, 12_800), Some(6_400));
        assert_eq!(half(128, 64, 6_400), Some(6_400), "the same, told by half of them");
        assert_eq!(half(32, 32, 3_200), None, "few");
        assert_eq!(half(128, 0, 4_096), None, "a part of a large one");
        assert_eq!(half(128, 128, 10), None, "they ended, and were not answered");
        assert_eq!(half(usize::MAX, 1, usize::MAX), Some(usize::MAX));
    }
}
