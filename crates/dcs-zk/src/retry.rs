//! The one retry policy of this crate; answers to Patroni's `KazooRetry`.

use std::{future::Future, time::Duration};

use zk_session::{Client, Timestamp, WhenDisconnected, now};

use crate::{dcs::DcsZk, error::DcsError};

/// The longest pause between tries; answers to `KazooRetry(max_delay=1)`.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The first pause, doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The pauses between the tries of one operation.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
    deadline: Timestamp,
}

impl Pauses {
    pub(crate) fn until(deadline: Timestamp) -> Self {
        Self { next: FIRST_PAUSE, deadline }
    }

    /// Waits before another try. `false` at once if there would be no time left for it.
    pub(crate) async fn pause(&mut self) -> bool {
        let jittered = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(MAX_PAUSE);
        if now().after(jittered) >= self.deadline {
            return false;
        }
        tokio::time::sleep(jittered).await;
        true
    }
}

/// Tries again until the deadline, everything included: reconnects, waits and the tries themselves. Also when an answer was
/// lost: only for what is as good made twice as once.
///
/// While there is no connection the request waits for one inside the session; a pause is made only where the server
/// answered, or where a connection ends as soon as it begins.
pub(crate) async fn retry<R, F>(
    operation: &'static str,
    dcs: &DcsZk,
    deadline: Timestamp,
    mut attempt: impl FnMut(Client) -> F,
) -> Result<R, DcsError>
where
    F: Future<Output = Result<R, zk_session::Error>>,
{
    let mut pauses = Pauses::until(deadline);
    loop {
        // Each try asks the client that is in use then: another operation may have restarted the session.
        let client = dcs.client();
        let waiting = client.with_when_disconnected(WhenDisconnected::Wait);
        let error = match attempt(until(&waiting, deadline)).await {
            Ok(value) => return Ok(value),
            Err(zk_session::Error::Closed) if !client.is_same(&dcs.client()) => continue,
            Err(error) => error,
        };
        if !may_settle(&error) || !pauses.pause().await {
            return Err(DcsError::from_session(operation, error));
        }
        tracing::debug!(operation, %error, "trying again");
    }
}

/// Whether another try may tell more than this error does.
pub(crate) fn may_settle(error: &zk_session::Error) -> bool {
    error.is_retriable() || error.is_ambiguous()
}

/// The same session, with calls that end at `deadline`.
pub(crate) fn until(client: &Client, deadline: Timestamp) -> Client {
    client.with_timeout(deadline.since(now()))
}
