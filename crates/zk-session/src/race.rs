//! Racing attempts, each started a little later than the one before (after RFC 8305, "Happy Eyeballs").

use std::{future::Future, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};

/// The winner, and what failed before it.
#[derive(Debug)]
pub(crate) struct Won<T, F> {
    pub(crate) value: T,
    pub(crate) failed: Vec<F>,
}

/// Starts the attempts in order: the next one when `stagger` has passed or every one under way has failed. The first
/// success wins and the others are dropped; if all fail, all failures are returned.
pub(crate) async fn race<A, T, F>(attempts: Vec<A>, stagger: Duration) -> Result<Won<T, F>, Vec<F>>
where
    A: Future<Output = Result<T, F>>,
{
    let mut waiting = attempts.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if running.is_empty() {
            match waiting.next() {
                Some(attempt) => running.push(attempt),
                None => return Err(failed),
            }
        }
        tokio::select! {
            biased;
            Some(ended) = running.next() => match ended {
                Ok(value) => return Ok(Won { value, failed }),
                Err(failure) => failed.push(failure),
            },
            () = tokio::time::sleep(stagger), if waiting.len() > 0 => running.extend(waiting.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use tokio::time::{Instant, sleep};

    use super::*;

    type Attempt = Pin<Box<dyn Future<Output = Result<u32, u32>>>>;

    fn attempt(id: u32, takes: u64, succeeds: bool) -> Attempt {
        Box::pin(async move {
            sleep(Duration::from_millis(takes)).await;
            if succeeds { Ok(id) } else { Err(id) }
        })
    }

    const STAGGER: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn dead_ones_cost_a_stagger_each_and_not_their_budget() {
        let start = Instant::now();
        let attempts = vec![attempt(1, 10_000, false), attempt(2, 10_000, false), attempt(3, 10, true)];
        let won = race(attempts, STAGGER).await.unwrap();
        assert_eq!((won.value, won.failed), (3, vec![]));
        assert_eq!(start.elapsed(), Duration::from_millis(210));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_starts_the_next_at_once() {
        let start = Instant::now();
        let won = race(vec![attempt(1, 0, false), attempt(2, 5, true)], STAGGER).await.unwrap();
        assert_eq!((won.value, won.failed), (2, vec![1]));
        assert_eq!(start.elapsed(), Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_all_are_named() {
        let failed = race(vec![attempt(1, 150, false), attempt(2, 0, false)], STAGGER).await.unwrap_err();
        assert_eq!(failed, [2, 1]);
        assert!(race(Vec::<Attempt>::new(), STAGGER).await.is_err());
    }
}
