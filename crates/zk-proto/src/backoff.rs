//! The pause between rounds of connects.

use std::time::Duration;

/// No pause before the first round after a healthy connection; later ones exponential with full jitter, bounded.
#[derive(Debug)]
pub(crate) struct Backoff {
    max: Duration,
    rounds: u32,
}

/// The upper end of the first real pause.
const FIRST: Duration = Duration::from_millis(50);

/// What it grows by with each further round. Servers that are back at the beginning of a pause are found at its end, so it has to
/// stay small beside the time that they have taken: an election is over in half a second, and with doubling every tenth client
/// needed twice as long.
const GROWTH: f64 = 1.25;

/// From this round on it grows no more, whatever its bound: 50 ms have become a quarter of an hour.
const LAST_GROWTH: u32 = 44;

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
            Some(growths) => {
                let growth = GROWTH.powf(f64::from(growths.min(LAST_GROWTH)));
                let ceiling = FIRST.mul_f64(growth).min(self.max);
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

    #[test]
    fn servers_that_are_back_after_an_election_are_found_soon() {
        let election = Duration::from_millis(400);
        let mut found: Vec<Duration> = (0..1_000)
            .map(|seed| {
                let (mut rng, mut backoff) =
                    (fastrand::Rng::with_seed(seed), Backoff::new(Duration::from_secs(1)));
                let mut at = Duration::ZERO;
                while at < election {
                    at += backoff.pause(&mut rng);
                }
                at
            })
            .collect();
        found.sort_unstable();
        assert!(found[500] < election.mul_f64(1.25), "{:?}", found[500]);
        assert!(found[900] < election.mul_f64(1.5), "{:?}", found[900]);
    }
}
