//! The `status` key, and `optime/leader` before it.

use dcs_model::{
    StatusUpdate,
    json::{Object, deep_compare},
};

use super::set_or_create::{KeyWrite, Tries};
use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

impl DcsZk {
    /// Writes the leader's WAL position and slots, unless the key is known to hold them already; what the update keeps is
    /// taken from what was last read or written. Tells whether it was written. Tried once. While a member older than 2.1.0
    /// is registered, `optime/leader` is written as well. Answers to `AbstractDCS.write_status`.
    ///
    /// A leader's status goes out with the renewal of its lease: see [`update_leader`](Self::update_leader), which is fenced.
    /// This write is not; [`as_leader`](Self::as_leader) has one that is.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn write_status(&self, update: StatusUpdate) -> Result<bool, DcsError> {
        self.write_status_as(None, update).await
    }

    pub(super) async fn write_status_as(
        &self,
        lease: Option<&Lease>,
        update: StatusUpdate,
    ) -> Result<bool, DcsError> {
        self.refuse_without(lease)?;
        let optime = update.optime;
        let value = status_to_write(update, &self.memory().last_status);
        let written = value.is_some();
        if let Some(value) = value {
            let path = self.config.paths.status();
            self.write_once(lease, "write_status", path, value.to_json()).await?;
            let mut memory = self.memory();
            memory.last_status = value;
            memory.status_exists = true;
        }
        self.write_optime_for_old_members(lease, optime).await?;
        Ok(written)
    }

    /// Writes the leader's WAL position alone, in bytes; otherwise as [`write_status`](Self::write_status). Answers to
    /// `AbstractDCS.write_leader_optime`.
    ///
    /// # Errors
    ///
    /// As [`write_status`](Self::write_status).
    ///
    /// # Cancel safety
    ///
    /// As [`write_status`](Self::write_status).
    pub async fn write_leader_optime(&self, last_lsn: i64) -> Result<bool, DcsError> {
        self.write_optime(None, last_lsn).await
    }

    pub(super) async fn write_optime(&self, lease: Option<&Lease>, last_lsn: i64) -> Result<bool, DcsError> {
        self.write_status_as(lease, StatusUpdate::optime(last_lsn)).await
    }

    /// Members older than 2.1.0 read the leader's position from `optime/leader`.
    pub(super) async fn write_optime_for_old_members(
        &self,
        lease: Option<&Lease>,
        optime: i64,
    ) -> Result<(), DcsError> {
        let needed = self.cluster().is_some_and(|cluster| cluster.needs_leader_optime());
        if !needed || self.memory().last_optime == Some(optime) {
            return Ok(());
        }
        let path = self.config.paths.leader_optime();
        self.write_once(lease, "write_leader_optime", path, optime.to_string()).await?;
        self.memory().last_optime = Some(optime);
        Ok(())
    }

    pub(super) async fn write_once(
        &self,
        lease: Option<&Lease>,
        operation: &'static str,
        path: String,
        value: String,
    ) -> Result<i32, DcsError> {
        self.set_or_create(KeyWrite { operation, path, value, version: None, tries: Tries::Once, lease })
            .await
    }
}

/// The new value of `status`, or `None` if it says what is stored already.
pub(crate) fn status_to_write(update: StatusUpdate, last: &Object) -> Option<Object> {
    let value = update.merge(last);
    (!deep_compare(&value, last)).then_some(value)
}
