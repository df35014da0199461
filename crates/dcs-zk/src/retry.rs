//! The one retry policy of this crate.

use std::{future::Future, time::Duration};

use zk_session::{Client, Timestamp, WhenDisconnected, now};

use crate::error::DcsError;

/// The longest pause between tries; answers to `KazooRetry(max_delay=1)`.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The first pause, doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Tries again until the deadline, everything included: reconnects, waits and the tries themselves. Also when an answer was
/// lost: only for what is as good made twice as once.
///
/// While there is no connection the request waits for one inside the session; a pause is made only where the server
/// answered, or where a connection ends as soon as it begins.
pub(crate) async fn retry<R, F>(
    operation: &'static str,
    client: &Client,
    deadline: Timestamp,
    mut attempt: impl FnMut(Client) -> F,
) -> Result<R, DcsError>
where
    F: Future<Output = Result<R, zk_session::Error>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let left = deadline.since(now());
        let error =
            match attempt(client.with_timeout(left).with_when_disconnected(WhenDisconnected::Wait)).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
        if !may_repeat(&error) {
            return Err(DcsError::from_session(operation, error));
        }
        let jittered = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        if now().after(jittered) >= deadline {
            return Err(DcsError::from_session(operation, error));
        }
        tracing::debug!(operation, %error, "trying again");
        tokio::time::sleep(jittered).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

fn may_repeat(error: &zk_session::Error) -> bool {
    error.is_retriable() || error.is_ambiguous()
}
