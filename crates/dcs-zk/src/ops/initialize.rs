//! The `initialize` key.

use zk_session::{CreateMode, Error, ErrorCode, WhenDisconnected};

use crate::{
    dcs::DcsZk,
    error::DcsError,
    retry::{Pauses, may_settle, retry, until},
};

impl DcsZk {
    /// Races for the right to initialize the cluster: creates the key with PostgreSQL's system identifier (empty while it
    /// is not known yet). `false` if another was first. Tried again until `retry_timeout`. Answers to
    /// `ZooKeeper.initialize(create_new=True)`.
    ///
    /// # Errors
    ///
    /// `Unavailable`, also when the answer was lost and the key that is there now may be ours or another's (an empty value
    /// does not tell): Patroni takes that for lost, and nobody initializes. `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: the key may be created.
    pub async fn initialize(&self, sysid: &str) -> Result<bool, DcsError> {
        const OPERATION: &str = "initialize";
        let path = self.config.paths.initialize();
        let deadline = self.retry_deadline();
        let client = self.client().with_when_disconnected(WhenDisconnected::Wait);
        let mut pauses = Pauses::until(deadline);
        let mut lost: Option<Error> = None;
        loop {
            let client = until(&client, deadline);
            let created =
                client.create_with_parents(&path, sysid.to_owned(), CreateMode::PERSISTENT, self.acl()).await;
            let error = match (created, lost.take()) {
                (Ok(_), _) => return Ok(true),
                (Err(error), None) if error.code() == Some(ErrorCode::NODE_EXISTS) => return Ok(false),
                (Err(error), Some(lost)) if error.code() == Some(ErrorCode::NODE_EXISTS) => {
                    return match client.get_data(&path).await {
                        Ok((value, _)) if value != sysid.as_bytes() => Ok(false),
                        Ok(_) if !sysid.is_empty() => Ok(true),
                        _ => Err(DcsError::from_session(OPERATION, lost)),
                    };
                }
                (Err(error), earlier) => {
                    lost = earlier;
                    error
                }
            };
            if error.is_ambiguous() {
                lost = Some(error.clone());
            }
            if !may_settle(&error) || !pauses.pause().await {
                return Err(DcsError::from_session(OPERATION, error));
            }
        }
    }

    /// Writes the system identifier into the key that [`initialize`](Self::initialize) has created. Tried again until
    /// `retry_timeout`. Answers to `ZooKeeper.initialize(create_new=False)`.
    ///
    /// # Errors
    ///
    /// `Conflict` if there is no such key; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn set_initialize_value(&self, sysid: &str) -> Result<(), DcsError> {
        let path = self.config.paths.initialize();
        retry("set_initialize_value", self, self.retry_deadline(), |client| {
            let write = client.set_data(&path, sysid.to_owned(), None);
            async move { write.await.map(|_| ()) }
        })
        .await
    }

    /// Removes the key as it is now, so that another can initialize; an absent one is a success. Tried again until
    /// `retry_timeout`. Answers to `ZooKeeper.cancel_initialization`.
    ///
    /// # Errors
    ///
    /// `Conflict` if it changed meanwhile; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn cancel_initialization(&self) -> Result<(), DcsError> {
        let path = self.config.paths.initialize();
        retry("cancel_initialization", self, self.retry_deadline(), |client| {
            let path = &path;
            async move {
                let cancelled = match client.exists(path).await? {
                    Some(stat) => client.delete(path, Some(stat.version)).await,
                    None => Ok(()),
                };
                match cancelled {
                    Err(error) if error.code() == Some(ErrorCode::NO_NODE) => Ok(()),
                    cancelled => cancelled,
                }
            }
        })
        .await
    }
}
