//! The one retry policy of this crate; answers to Patroni's `KazooRetry`.

use std::{future::Future, time::Duration};

use zk_session::{Cause, Client, Error, Timestamp, WhenDisconnected, now};

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
    F: Future<Output = Result<R, Error>>,
{
    let mut pauses = Pauses::until(deadline);
    loop {
        // Each try asks the client that is in use then: another operation may have restarted the session.
        let client = dcs.client();
        let waiting = client.with_when_disconnected(WhenDisconnected::Wait);
        let error = match attempt(until(&waiting, deadline)).await {
            Ok(value) => return Ok(value),
            Err(Error::Closed) if dcs.is_replaced(&client) => continue,
            Err(error) => error,
        };
        if !may_settle(&error) || !pauses.pause().await {
            return Err(DcsError::from_session(operation, explained(error, &client)));
        }
        tracing::debug!(operation, %error, "trying again");
    }
}

impl DcsZk {
    /// The client of the day, connected; also if another session takes its place meanwhile. Calls made with it wait for a
    /// connection.
    pub(crate) async fn connected(
        &self,
        operation: &'static str,
        deadline: Timestamp,
    ) -> Result<Client, DcsError> {
        loop {
            let client = self.client().with_when_disconnected(WhenDisconnected::Wait);
            match until(&client, deadline).connected().await {
                Ok(()) => return Ok(client),
                Err(Error::Closed) if self.is_replaced(&client) => {}
                Err(error) => return Err(DcsError::from_session(operation, error)),
            }
        }
    }

    /// Whether another try may tell more than this error of a try with `client`, also if that was replaced: the next one is made
    /// with another.
    pub(crate) fn may_settle_in_a_session(&self, client: &Client, error: &Error) -> bool {
        may_settle(error) || (*error == Error::Closed && self.is_replaced(client))
    }

    fn is_replaced(&self, client: &Client) -> bool {
        !client.is_same(&self.client())
    }
}

/// A request that waited in vain for a connection does not know why there is none: the session does.
fn explained(error: Error, client: &Client) -> Error {
    match (error, client.status().cause) {
        (Error::NotSent(Cause::Deadline), Some(cause)) => Error::NotSent(cause),
        (error, _) => error,
    }
}

/// Whether another try may tell more than this error does.
pub(crate) fn may_settle(error: &Error) -> bool {
    error.is_retriable() || error.is_ambiguous()
}

/// The same session, with calls that end at `deadline`, however many of them follow each other.
pub(crate) fn until(client: &Client, deadline: Timestamp) -> Client {
    client.with_timeout(deadline.since(now())).with_deadline(deadline)
}
