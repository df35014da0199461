//! Taking the leader key.

use futures_util::future::join;
use zk_session::{Client, CreateMode, Error, ErrorCode, Timestamp};

use super::{Fence, Guarded};
use crate::{
    dcs::DcsZk,
    error::DcsError,
    lease::Lease,
    retry::{Pauses, until},
};

impl DcsZk {
    /// Contends for the leader key: creates it as an ephemeral node with our name. `None` if another holds it. Answers to
    /// `ZooKeeper.attempt_to_acquire_leader`.
    ///
    /// Tried again until `retry_timeout`, and parents are made as needed. **Better:** when the answer to the create is lost,
    /// Patroni's next try finds its own key and gives up; here a key that our session owns is ours. Ownership is the
    /// session, never the name: a key of an earlier life of this member is not ours, and ends with its session.
    ///
    /// # Errors
    ///
    /// `Unavailable`, on which a primary demotes itself; `Refused` by an ACL; `Invalid` without a name, or when the server
    /// granted a session too short for the loop.
    ///
    /// # Cancel safety
    ///
    /// Not safe: the key may be created. It is ours then; the next call finds it.
    pub async fn attempt_to_acquire_leader(&self) -> Result<Option<Lease>, DcsError> {
        const OPERATION: &str = "attempt_to_acquire_leader";
        let name = self.name()?.clone();
        let path = self.config.paths.leader();
        let deadline = self.retry_deadline();
        let mut pauses = Pauses::until(deadline);
        loop {
            // Before the client: whoever replaces that ends the reign behind it, and no lease of the old session is left.
            let reign = self.memory().leadership.clone();
            let client = self.connected(OPERATION, deadline).await?;
            self.check_session_is_long_enough(&client)?;
            let bytes = name.as_str().to_owned();
            let created = until(&client, deadline)
                .create_with_parents(&path, bytes, CreateMode::EPHEMERAL, &self.acl())
                .await;
            let error = match created {
                // What the guard of the next write needs is not known yet.
                Ok((_, stat)) => match self.lease(&client, &Fence::new(None, stat)) {
                    Some(lease) => return Ok(Some(lease.within(reign))),
                    // The session ended right after it got the key: the key is gone, or will be.
                    None => Error::SessionExpired,
                },
                Err(error) if error.code() == Some(ErrorCode::NODE_EXISTS) => {
                    match self.existing_key(&client, deadline, name.as_str()).await {
                        Ok(Existing::Other) => return Ok(None),
                        Ok(Existing::Ours(lease)) => return Ok(Some(lease.within(reign))),
                        // It went away between the create and the read.
                        Ok(Existing::Gone) => Error::SessionExpired,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if !self.may_settle_in_a_session(&client, &error) || !pauses.pause().await {
                return Err(DcsError::from_session(OPERATION, error));
            }
            tracing::debug!(%error, "contending again");
        }
    }

    /// Takes the leader key of a cluster that was just initialized; the same as
    /// [`attempt_to_acquire_leader`](Self::attempt_to_acquire_leader), under Patroni's other name for it: with ZooKeeper a key
    /// that exists is never overwritten. Answers to `ZooKeeper.take_leader`.
    ///
    /// # Errors
    ///
    /// As [`attempt_to_acquire_leader`](Self::attempt_to_acquire_leader).
    ///
    /// # Cancel safety
    ///
    /// As [`attempt_to_acquire_leader`](Self::attempt_to_acquire_leader).
    pub async fn take_leader(&self) -> Result<Option<Lease>, DcsError> {
        self.attempt_to_acquire_leader().await
    }

    /// The key exists: whose is it?
    async fn existing_key(
        &self,
        client: &Client,
        deadline: Timestamp,
        name: &str,
    ) -> Result<Existing, Error> {
        // A read may lag behind the create that was refused, and show the key of another time.
        let (_, held) = {
            let client = until(client, deadline);
            join(client.sync("/"), self.read_leader(&client)).await
        };
        let Some(held) = held? else { return Ok(Existing::Gone) };
        let session = client.status().session.map(|session| session.session_id);
        if !held.is_of(session, name) {
            tracing::info!(holder = %String::from_utf8_lossy(&held.name), "the leader key is taken");
            return Ok(Existing::Other);
        }
        // Ours, from a create whose answer was lost. Only a committed write gives a lease.
        self.memory().fence = Some(held.fence);
        match self.write_guarded(client, deadline, name, None, &[]).await? {
            Guarded::Done(done) => {
                let lease = done.still()?.ok().and_then(|fence| self.lease(client, &fence));
                Ok(lease.map_or(Existing::Gone, Existing::Ours))
            }
            Guarded::NotOurs(_) => Ok(Existing::Gone),
        }
    }
}

enum Existing {
    Ours(Lease),
    Other,
    Gone,
}
