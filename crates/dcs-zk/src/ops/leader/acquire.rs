//! Taking the leader key.

use futures_util::future::join;
use zk_session::{CreateMode, Error, ErrorCode, WhenDisconnected};

use crate::{
    dcs::DcsZk,
    error::DcsError,
    lease::Lease,
    retry::{Pauses, may_settle, until},
};

impl DcsZk {
    /// Contends for the leader key: creates it as an ephemeral node with our name. `None` if another holds it. Answers to
    /// `ZooKeeper.attempt_to_acquire_leader` and `take_leader`.
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
            let client = self.client().with_when_disconnected(WhenDisconnected::Wait);
            let connected = until(&client, deadline).connected().await;
            connected.map_err(|error| DcsError::from_session(OPERATION, error))?;
            self.check_session_is_long_enough(&client)?;
            let reign = self.memory().leadership.clone();
            let bytes = name.as_str().to_owned();
            let created = until(&client, deadline)
                .create_with_parents(&path, bytes, CreateMode::EPHEMERAL, self.acl())
                .await;
            let error = match created {
                Ok((_, stat)) => match self.lease(&client, &stat) {
                    Some(lease) => return Ok(Some(lease.within(reign))),
                    // The session ended right after it got the key: the key is gone, or will be.
                    None => Error::SessionExpired,
                },
                Err(error) if error.code() == Some(ErrorCode::NODE_EXISTS) => {
                    match self.existing_key(&until(&client, deadline), name.as_str()).await {
                        Ok(Existing::Other) => return Ok(None),
                        Ok(Existing::Ours(lease)) => return Ok(Some(lease.within(reign))),
                        // It went away between the create and the read.
                        Ok(Existing::Gone) => Error::SessionExpired,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if !may_settle(&error) || !pauses.pause().await {
                return Err(DcsError::from_session(OPERATION, error));
            }
            tracing::debug!(%error, "contending again");
        }
    }

    /// The key exists: whose is it?
    async fn existing_key(&self, client: &zk_session::Client, name: &str) -> Result<Existing, Error> {
        // A read may lag behind the create that was refused, and show the key of another time.
        let (_, held) = join(client.sync("/"), self.read_leader(client)).await;
        let Some(held) = held? else { return Ok(Existing::Gone) };
        let session = client.status().session.map(|session| session.session_id);
        if session != Some(held.stat.ephemeral_owner) || held.name != name.as_bytes() {
            tracing::info!(holder = %String::from_utf8_lossy(&held.name), "the leader key is taken");
            return Ok(Existing::Other);
        }
        // Ours, from a create whose answer was lost. Only a committed write gives a lease.
        match self.prove(client, &held.stat).await? {
            Some(lease) => Ok(Existing::Ours(lease)),
            None => Ok(Existing::Gone),
        }
    }

    /// Proves with a quorum write that our session is alive and the key still ours.
    async fn prove(
        &self,
        client: &zk_session::Client,
        stat: &zk_session::Stat,
    ) -> Result<Option<Lease>, Error> {
        let check = zk_session::MultiOp::check(self.config.paths.leader(), Some(stat.version));
        // The version alone does not tell: another's key has the same. The read behind the check shows whose it was.
        let (checked, after) = join(client.multi(vec![check]), self.read_leader(client)).await;
        match checked {
            Ok(_) => Ok(after?.and_then(|held| self.lease(client, &held.stat))),
            Err(error) if matches!(error.code(), Some(ErrorCode::NO_NODE | ErrorCode::BAD_VERSION)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

enum Existing {
    Ours(Lease),
    Other,
    Gone,
}
