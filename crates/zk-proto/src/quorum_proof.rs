//! What is known of when the ensemble's leader last heard of our session.
//!
//! The leader counts sessions out by what it has heard. A follower tells it only with the answer to its next ping, every half
//! tick, which sessions have spoken to it; a forwarded write does not count. So a write that was answered proves this: the
//! follower was in touch with the leader when the write got there, and what we had said half a tick before that had been
//! passed on. The leader has heard of us no earlier than when we said **that** — not when the write was sent.
//!
//! ```text
//!   we:        ping ───────── ping ────────────────── write ─────▶ answered
//!   follower:     └▶ table ──┐   └▶ table (not yet passed on)
//!   leader:                  └▶ heard of us: counts from here     └▶ commits
//! ```
//!
//! A connect request that was answered is passed on at once: the leader creates or confirms the session itself.

use std::{collections::VecDeque, time::Duration};

use crate::time::Timestamp;

/// Messages of one link that were answered are remembered this far apart: a stream of requests needs no more.
const RESOLUTION: Duration = Duration::from_millis(20);

/// At most this many are remembered; should more be needed, the oldest are used earlier than they might.
const REMEMBERED: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct QuorumProof {
    /// How long a follower may keep to itself what it heard.
    relay_delay: Duration,
    /// The newest message of this link that has certainly been passed on, if a write was answered after it.
    relayed: Option<Timestamp>,
    /// Answered messages of this link that are not old enough yet: when answered, when sent.
    recent: VecDeque<(Timestamp, Timestamp)>,
    proof: Option<Timestamp>,
}

impl QuorumProof {
    /// No earlier than when this was sent has the leader last heard of the session, if a write was answered in it.
    pub(crate) fn get(&self) -> Option<Timestamp> {
        self.proof
    }

    /// Another session.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Another link of the same session: `asked` is when the connect request was sent. What an earlier server heard and did
    /// not pass on counts no more.
    pub(crate) fn linked(&mut self, asked: Timestamp, relay_delay: Duration) {
        self.relay_delay = relay_delay;
        self.relayed = Some(asked);
        self.recent.clear();
    }

    /// A message was answered.
    pub(crate) fn answered(&mut self, now: Timestamp, sent_at: Timestamp) {
        let close = self.recent.back().is_some_and(|(answered, _)| now.since(*answered) < RESOLUTION);
        if !close && self.recent.len() < REMEMBERED {
            self.recent.push_back((now, sent_at));
        }
    }

    /// A write that was sent then was committed.
    pub(crate) fn committed(&mut self, sent_at: Timestamp) {
        while let Some((answered, sent)) = self.recent.front().copied() {
            if answered.after(self.relay_delay) > sent_at {
                break;
            }
            self.relayed = self.relayed.max(Some(sent));
            self.recent.pop_front();
        }
        self.proof = self.proof.max(self.relayed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_millis(millis))
    }

    #[test]
    fn a_write_proves_what_was_passed_on_before_it_and_not_itself() {
        let mut proof = QuorumProof::default();
        proof.linked(at(0), SECOND);
        assert_eq!(proof.get(), None, "reads and pings alone prove nothing");
        proof.answered(at(4_010), at(4_000));
        proof.committed(at(4_900));
        assert_eq!(proof.get(), Some(at(0)), "the ping may not have been passed on yet");
        proof.committed(at(5_010));
        assert_eq!(proof.get(), Some(at(4_000)));
        proof.answered(at(8_010), at(8_000));
        proof.committed(at(8_500));
        assert_eq!(proof.get(), Some(at(4_000)));
    }

    #[test]
    fn another_link_begins_with_its_connect_request() {
        let mut proof = QuorumProof::default();
        proof.linked(at(0), SECOND);
        proof.answered(at(5_000), at(4_990));
        proof.linked(at(5_500), SECOND);
        proof.committed(at(9_000));
        assert_eq!(proof.get(), Some(at(5_500)));
        proof.reset();
        assert_eq!(proof.get(), None);
    }

    #[test]
    fn a_stream_of_requests_stays_bounded_and_keeps_its_resolution() {
        let mut proof = QuorumProof::default();
        proof.linked(at(0), SECOND);
        for n in 0..100_000 {
            proof.answered(at(n), at(n));
            if n % 10 == 0 {
                proof.committed(at(n));
            }
        }
        assert!(proof.recent.len() <= 60, "{}", proof.recent.len());
        let got = proof.get().unwrap();
        assert!(got <= at(98_991) && got >= at(98_950), "{got:?}");
    }
}
