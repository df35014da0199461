//! The `sync` key.

use dcs_model::SyncState;

use super::set_or_create::{KeyWrite, Tries};
use crate::{dcs::DcsZk, error::DcsError, lease::Lease, retry::retry};

impl DcsZk {
    /// Writes a value to the `sync` key, if it has this version; returns the new version, 0 when it was just created. An
    /// empty value for a missing key is a success that creates nothing: `None`. Tried again until `retry_timeout`. Answers to
    /// `ZooKeeper.set_sync_state_value`.
    ///
    /// # Errors
    ///
    /// `Conflict` where Patroni says `false`; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_sync_state_value(
        &self,
        value: &str,
        version: Option<i32>,
    ) -> Result<Option<i32>, DcsError> {
        self.write_sync(None, value, version).await
    }

    pub(super) async fn write_sync(
        &self,
        lease: Option<&Lease>,
        value: &str,
        version: Option<i32>,
    ) -> Result<Option<i32>, DcsError> {
        self.refuse_without(lease)?;
        let path = self.config.paths.sync();
        if value.is_empty() && self.is_missing(&path).await? {
            return Ok(None);
        }
        self.set_or_create(KeyWrite {
            operation: "set_sync_state_value",
            path,
            value: value.to_owned(),
            version,
            tries: Tries::Retry,
            lease,
        })
        .await
        .map(Some)
    }

    /// Writes the synchronous replication state, if the key has this version; returns it as it is now. Standbys are sorted
    /// and joined with commas. Answers to `AbstractDCS.write_sync_state`.
    ///
    /// # Errors
    ///
    /// As [`set_sync_state_value`](Self::set_sync_state_value).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn write_sync_state(
        &self,
        leader: Option<&str>,
        sync_standby: &[&str],
        quorum: Option<i64>,
        version: Option<i32>,
    ) -> Result<SyncState, DcsError> {
        self.write_sync_state_as(None, leader, sync_standby, quorum, version).await
    }

    pub(super) async fn write_sync_state_as(
        &self,
        lease: Option<&Lease>,
        leader: Option<&str>,
        sync_standby: &[&str],
        quorum: Option<i64>,
        version: Option<i32>,
    ) -> Result<SyncState, DcsError> {
        let value = SyncState::value(leader, sync_standby, quorum);
        let version = self.write_sync(lease, &value.to_json(), version).await?;
        Ok(SyncState::from_value(version, &value))
    }

    /// Empties the synchronous replication state, if the key has this version: the key stays, with `{}`. Returns its new
    /// version. Answers to `ZooKeeper.delete_sync_state`.
    ///
    /// # Errors
    ///
    /// As [`set_sync_state_value`](Self::set_sync_state_value).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn delete_sync_state(&self, version: Option<i32>) -> Result<Option<i32>, DcsError> {
        self.delete_sync(None, version).await
    }

    pub(super) async fn delete_sync(
        &self,
        lease: Option<&Lease>,
        version: Option<i32>,
    ) -> Result<Option<i32>, DcsError> {
        self.write_sync(lease, SyncState::DELETED, version).await
    }

    async fn is_missing(&self, path: &str) -> Result<bool, DcsError> {
        retry("set_sync_state_value", self, self.retry_deadline(), |client| {
            let read = client.exists(path);
            async move { Ok(read.await?.is_none()) }
        })
        .await
    }
}
