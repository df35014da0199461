//! How far the round of the HA loop is, and what that leaves for operations that are tried once.
//!
//! Patroni's rule, `loop_wait + 2 × retry_timeout ≤ ttl`, is a sum over one round: a load and a renewal may each take
//! `retry_timeout`, and everything else has to fit into `loop_wait`. So an operation that is tried once may take what is left of
//! the round. It takes half of that: several of them follow each other in a round, and the halves of halves never exceed it.

use std::time::Duration;

use zk_session::{Timestamp, now};

use crate::{config::Timings, dcs::DcsZk};

/// What an operation that is tried once may take in any case; Patroni's own number.
const LEAST: Duration = Duration::from_secs(1);

impl DcsZk {
    /// A round begins: the sleep between two rounds is over.
    pub(crate) fn round_begins(&self) {
        self.memory().round_began = Some(now());
    }

    /// The cluster is loaded: this begins a round unless one is under way, for agents that do not sleep in
    /// [`watch`](Self::watch).
    pub(crate) fn round_goes_on(&self) {
        let (now, loop_wait) = (now(), self.settings().timings.loop_wait());
        let mut memory = self.memory();
        if memory.round_began.is_none_or(|began| began.after(loop_wait) <= now) {
            memory.round_began = Some(now);
        }
    }

    /// When an operation that is tried once must end if it begins now.
    pub(crate) fn once_deadline(&self) -> Timestamp {
        let now = now();
        let began = self.memory().round_began;
        now.after(share(began, now, self.settings().timings))
    }
}

/// Half of what is left of the round, 1 s at least, `retry_timeout` at most. Before the first round: of a whole one.
fn share(began: Option<Timestamp>, now: Timestamp, timings: Timings) -> Duration {
    let left = began.unwrap_or(now).after(timings.loop_wait()).since(now);
    (left / 2).min(timings.retry_timeout()).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_shrinks_with_the_round_and_never_below_patronis_second() {
        let seconds = Duration::from_secs;
        let timings = Timings::default();
        let began = now();
        let after = |passed| share(Some(began), began.after(seconds(passed)), timings);
        assert_eq!(share(None, began, timings), seconds(5));
        assert_eq!(
            [after(0), after(4), after(9), after(10), after(500)].map(|share| share.as_secs()),
            [5, 3, 1, 1, 1]
        );
        let hasty = Timings::new(seconds(60), seconds(30), seconds(3)).unwrap();
        assert_eq!(share(None, began, hasty), seconds(3), "no longer than one that is tried again");
    }

    #[test]
    fn many_that_use_up_their_shares_end_with_the_round() {
        let (began, timings) = (now(), Timings::default());
        let mut at = began;
        while share(Some(began), at, timings) > LEAST {
            at = at.after(share(Some(began), at, timings));
        }
        assert!(at <= began.after(timings.loop_wait()).before(LEAST), "{at:?}");
    }
}
