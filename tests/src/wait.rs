//! Waiting for a condition, with a limit.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Asks `probe` every few milliseconds until it gives a value.
///
/// # Panics
///
/// When `limit` has passed; the message names `what`.
pub async fn wait_for<R, F: Future<Output = Option<R>>>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> F,
) -> R {
    let start = Instant::now();
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
