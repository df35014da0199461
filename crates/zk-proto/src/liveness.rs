//! Is the server alive? Judged by bytes received, never by bytes sent.

use std::{collections::VecDeque, time::Duration};

use crate::time::Timestamp;

/// The ping schedule and the read timeout of one connection.
///
/// A ping goes out every half read timeout, or more often if told so, whatever else is sent or received. The link is dead one read timeout after the
/// last byte received while anything is unanswered — but whatever is unanswered has had at least half a read timeout to be
/// answered: a process that was frozen, and pings late when it wakes, does not mistake its own silence for the server's.
#[derive(Debug)]
pub(crate) struct Liveness {
    read_timeout: Duration,
    ping_interval: Duration,
    last_received: Timestamp,
    next_ping: Timestamp,
    pings: VecDeque<Timestamp>,
    /// When the first byte of the frame that is still incomplete arrived.
    partial_since: Option<Timestamp>,
}

/// The shortest read timeout.
const LEAST_READ_TIMEOUT: Duration = Duration::from_millis(10);

/// The shortest time between pings.
const LEAST_PING_INTERVAL: Duration = Duration::from_millis(5);

impl Liveness {
    /// Pings every half read timeout, or at `ping_interval` if that is shorter.
    pub(crate) fn new(now: Timestamp, read_timeout: Duration, ping_interval: Option<Duration>) -> Self {
        let read_timeout = read_timeout.max(LEAST_READ_TIMEOUT);
        let half = half(read_timeout);
        let ping_interval =
            ping_interval.map_or(half, |interval| interval.max(LEAST_PING_INTERVAL).min(half));
        Self {
            read_timeout,
            ping_interval,
            last_received: now,
            next_ping: now.after(ping_interval),
            pings: VecDeque::new(),
            partial_since: None,
        }
    }

    /// Changes the read timeout of the live connection. The silence so far is not held against the server.
    pub(crate) fn set_read_timeout(
        &mut self,
        now: Timestamp,
        read_timeout: Duration,
        ping_interval: Option<Duration>,
    ) {
        *self = Self {
            pings: std::mem::take(&mut self.pings),
            partial_since: self.partial_since,
            ..Self::new(now, read_timeout, ping_interval)
        };
    }

    pub(crate) fn received(&mut self, now: Timestamp) {
        self.last_received = self.last_received.max(now);
    }

    /// Tells whether an incomplete frame is in the buffer after the complete ones were taken out.
    pub(crate) fn partial_frame(&mut self, now: Timestamp, took_frames: bool, incomplete: bool) {
        self.partial_since = match (incomplete, took_frames) {
            (false, _) => None,
            (true, true) => Some(now),
            (true, false) => self.partial_since.or(Some(now)),
        };
    }

    /// When an incomplete frame has taken too long, however steadily it drips, or an answer, whatever else is received.
    /// `oldest_request` is when the oldest unanswered request was sent.
    pub(crate) fn stalled_at(&self, cap: Duration, oldest_request: Option<Timestamp>) -> Option<Timestamp> {
        let since =
            [self.partial_since, self.oldest_unanswered(oldest_request)].into_iter().flatten().min()?;
        Some(since.after(cap.max(self.read_timeout)))
    }

    /// When the next ping is due.
    pub(crate) fn ping_at(&self) -> Timestamp {
        self.next_ping
    }

    /// Notes a ping that goes out now. The schedule stays fixed; slots that were missed are not made up for.
    pub(crate) fn pinged(&mut self, now: Timestamp) {
        self.pings.push_back(now);
        let due = self.next_ping.after(self.ping_interval);
        self.next_ping = if due > now { due } else { now.after(self.ping_interval) };
    }

    /// Notes a pong; the time its ping went out, or `None` if there was no ping.
    pub(crate) fn ponged(&mut self) -> Option<Timestamp> {
        self.pings.pop_front()
    }

    /// When the link is dead, if nothing more arrives. `oldest_request` is when the oldest unanswered request was sent.
    pub(crate) fn dead_at(&self, oldest_request: Option<Timestamp>) -> Option<Timestamp> {
        let oldest = self.oldest_unanswered(oldest_request)?;
        Some(self.last_received.max(oldest.before(half(self.read_timeout))).after(self.read_timeout))
    }

    /// Since when nothing has been received although something is unanswered.
    pub(crate) fn silent_since(&self, oldest_request: Option<Timestamp>) -> Option<Timestamp> {
        self.oldest_unanswered(oldest_request).map(|oldest| oldest.max(self.last_received))
    }

    /// When the oldest unanswered request or ping was sent.
    pub(crate) fn oldest_unanswered(&self, oldest_request: Option<Timestamp>) -> Option<Timestamp> {
        [oldest_request, self.pings.front().copied()].into_iter().flatten().min()
    }
}

fn half(duration: Duration) -> Duration {
    duration.checked_div(2).unwrap_or(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: Duration = Duration::from_secs(8);

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(secs))
    }

    #[test]
    fn pings_keep_their_schedule_whatever_is_received() {
        let mut liveness = Liveness::new(at(0), R, None);
        for n in 1..10 {
            assert_eq!(liveness.ping_at(), at(4 * n));
            liveness.pinged(liveness.ping_at());
            liveness.received(at(4 * n + 1));
            assert!(liveness.ponged().is_some());
        }
        assert!(liveness.ponged().is_none());
    }

    #[test]
    fn a_silent_server_is_dead_one_read_timeout_after_its_last_byte() {
        let mut liveness = Liveness::new(at(0), R, None);
        liveness.received(at(3));
        assert_eq!(liveness.dead_at(None), None, "nothing is unanswered");
        liveness.pinged(at(4));
        assert_eq!(liveness.dead_at(None), Some(at(11)));
        liveness.pinged(at(8));
        assert_eq!(liveness.dead_at(None), Some(at(11)), "more pings change nothing");
        // A client that writes every second notices just the same: only the oldest unanswered request counts.
        assert_eq!(liveness.dead_at(Some(at(10))), Some(at(11)));
    }

    #[test]
    fn a_frozen_process_gives_the_server_half_a_read_timeout_to_answer() {
        let mut liveness = Liveness::new(at(0), R, None);
        liveness.pinged(at(100));
        assert_eq!(liveness.dead_at(None), Some(at(104)));
        assert_eq!(liveness.ping_at(), at(104), "no burst of missed pings");
    }

    #[test]
    fn a_shorter_read_timeout_starts_to_count_when_it_is_set() {
        let mut liveness = Liveness::new(at(0), Duration::from_secs(60), None);
        liveness.set_read_timeout(at(29), R, None);
        assert_eq!(liveness.ping_at(), at(33));
        liveness.pinged(at(33));
        assert_eq!(liveness.dead_at(None), Some(at(37)));
    }

    #[test]
    fn a_dripping_frame_has_a_cap() {
        let mut liveness = Liveness::new(at(0), R, None);
        assert_eq!(liveness.stalled_at(R, None), None);
        liveness.partial_frame(at(1), false, true);
        liveness.partial_frame(at(2), false, true);
        assert_eq!(liveness.stalled_at(Duration::from_secs(30), None), Some(at(31)));
        liveness.partial_frame(at(5), true, true);
        assert_eq!(liveness.stalled_at(Duration::from_secs(30), None), Some(at(35)));
        liveness.partial_frame(at(6), true, false);
        assert_eq!(liveness.stalled_at(R, None), None);
    }
}
