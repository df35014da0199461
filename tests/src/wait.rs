//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

/// Looks every few milliseconds until there is something to see.
///
/// # Panics
///
/// When there is nothing after `within`; the message names `what`.
pub async fn eventually<T>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < within, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
