//! The pause between rounds of connects.

use std::time::Duration;

/// No pause before the first round after a healthy connection; later ones exponential with full jitter, bounded.
#[derive(Debug)]
pub(crate) struct Backoff {
    max: Duration,
    rounds: u32,
}

/// The upper end of the first real pause; it doubles with each further round.
const FIRST: Duration = Duration::from_millis(50);

/// The lower end of every real pause. Full jitter may draw nearly zero several times in a row; this keeps a client whose
/// servers refuse at once from turning in a hot loop.
const LEAST: Duration = Duration::from_millis(20);

impl Backoff {
    pub(crate) fn new(max: Duration) -> Self {
        Self { max: max.max(LEAST), rounds: 0 }
    }

    /// A connection was healthy: the next round starts at once.
    pub(crate) fn reset(&mut self) {
        self.rounds = 0;
    }

    /// How long to wait before the next round: nothing the first time after a reset.
    pub(crate) fn pause(&mut self, rng: &mut fastrand::Rng) -> Duration {
        let rounds = self.rounds;
        self.rounds = rounds.saturating_add(1);
        match rounds.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => {
                let ceiling = FIRST.saturating_mul(2u32.saturating_pow(doublings.min(16))).min(self.max);
                ceiling.mul_f64(rng.f64()).max(LEAST)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_stay_bounded_and_only_the_first_is_zero() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::new(Duration::from_secs(1));
        assert_eq!(backoff.pause(&mut rng), Duration::ZERO);
        let pauses: Vec<Duration> = (0..200).map(|_| backoff.pause(&mut rng)).collect();
        assert!(pauses[0] <= FIRST);
        assert!(pauses.iter().all(|pause| *pause >= LEAST && *pause <= Duration::from_secs(1)));
        assert!(pauses.iter().any(|pause| *pause > Duration::from_millis(800)));
        backoff.reset();
        assert_eq!(backoff.pause(&mut rng), Duration::ZERO);
        assert!(backoff.pause(&mut rng) <= FIRST);
    }
}
