//! The `failover` key.

use dcs_model::{Failover, ScheduledAt};

use super::set_or_create::{KeyWrite, Tries};
use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

impl DcsZk {
    /// Writes a value to the `failover` key, if it has this version; returns the new version. Without a version a missing
    /// key is created. Tried once. Answers to `ZooKeeper.set_failover_value`.
    ///
    /// # Errors
    ///
    /// `Conflict` where Patroni says `false`; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_failover_value(&self, value: &str, version: Option<i32>) -> Result<i32, DcsError> {
        self.write_failover(None, value, version).await
    }

    pub(super) async fn write_failover(
        &self,
        lease: Option<&Lease>,
        value: &str,
        version: Option<i32>,
    ) -> Result<i32, DcsError> {
        self.set_or_create(KeyWrite {
            operation: "set_failover_value",
            path: self.config.paths.failover(),
            value: value.to_owned(),
            version,
            tries: Tries::Once,
            lease,
        })
        .await
    }

    /// Asks for a switchover (from `leader`, to `candidate` if one is named) or a failover (to `candidate`), now or at
    /// `scheduled_at`; returns the new version of the key. Without any of them the request is withdrawn. Answers to
    /// `AbstractDCS.manual_failover`.
    ///
    /// # Errors
    ///
    /// As [`set_failover_value`](Self::set_failover_value).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn manual_failover(
        &self,
        leader: Option<&str>,
        candidate: Option<&str>,
        scheduled_at: Option<ScheduledAt>,
        version: Option<i32>,
    ) -> Result<i32, DcsError> {
        self.write_manual_failover(None, leader, candidate, scheduled_at, version).await
    }

    pub(super) async fn write_manual_failover(
        &self,
        lease: Option<&Lease>,
        leader: Option<&str>,
        candidate: Option<&str>,
        scheduled_at: Option<ScheduledAt>,
        version: Option<i32>,
    ) -> Result<i32, DcsError> {
        let value = Failover::value(leader, candidate, scheduled_at).to_json();
        self.write_failover(lease, &value, version).await
    }
}
