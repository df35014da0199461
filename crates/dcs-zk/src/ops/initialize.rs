//! The `initialize` key.

use std::sync::OnceLock;

use zk_session::{CreateMode, Error, ErrorCode, WhenDisconnected};

use super::set_or_create::{KeyWrite, Tries};
use crate::{
    dcs::DcsZk,
    error::DcsError,
    lease::Lease,
    retry::{Pauses, retry, until},
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
        let mut pauses = Pauses::until(deadline);
        let mut lost: Option<Error> = None;
        loop {
            let client = until(&self.client(), deadline).with_when_disconnected(WhenDisconnected::Wait);
            let created = client
                .create_with_parents(&path, sysid.to_owned(), CreateMode::PERSISTENT, &self.acl())
                .await;
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
            if !self.may_settle_in_a_session(&client, &error) || !pauses.pause().await {
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

    /// By the holder of the lock.
    pub(super) async fn write_initialize(&self, lease: &Lease, sysid: &str) -> Result<(), DcsError> {
        self.set_or_create(KeyWrite {
            operation: "set_initialize_value",
            path: self.config.paths.initialize(),
            value: sysid.to_owned(),
            version: None,
            tries: Tries::Retry,
            lease: Some(lease),
        })
        .await
        .map(|_| ())
    }

    /// Removes the key as it is now, so that another can initialize; an absent one is a success. Tried again until
    /// `retry_timeout`. Answers to `ZooKeeper.cancel_initialization`. **Better:** when the answer is lost, Patroni's next try
    /// removes whatever key is there then, also that of another who initializes by now.
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
        // The key that is meant: the one that the first try finds.
        let meant = OnceLock::new();
        retry("cancel_initialization", self, self.retry_deadline(), |client| {
            let (path, meant) = (&path, &meant);
            async move {
                let found = client.exists(path).await?;
                let cancelled = match found {
                    Some(stat) if *meant.get_or_init(|| stat.czxid) == stat.czxid => {
                        client.delete(path, Some(stat.version)).await
                    }
                    _ => Ok(()),
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
