//! What only a leader may write.

use dcs_model::{Failsafe, ScheduledAt, StatusUpdate, SyncState};

use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

/// The writes that only a leader may do, bound to a lease: from [`DcsZk::as_leader`].
///
/// Each goes out in one `multi` with a guard, and is made only while the leader key is the very znode that the lease is
/// about (see [`Lease::fencing_token`]): owned by our session, and not deleted and made anew in between, which a check of
/// its version alone would not notice. Otherwise it is not made, the lease ends with all its copies, and the answer is
/// [`DcsError::NotOwner`]. A lease that has ended by itself is refused before anything is sent. When an answer was lost and
/// the lease has ended meanwhile, the answer is [`DcsError::Unavailable`]: what was sent may be applied, while we led.
///
/// How: every key that is made anew is one more create in its directory, and servers count those. Each write carries a
/// sequential node, created and deleted within the transaction, whose name only comes out as expected if nothing was created
/// since the leader key was read. It is never there to be read. *Residue:* the count begins anew when the whole scope is removed and
/// made again.
///
/// The same methods of [`DcsZk`] are for those who do not lead: `patronictl`, a member that bootstraps.
///
/// One round trip as a rule. Status, slots and the failsafe topology of every loop belong into
/// [`DcsZk::update_leader`], which is fenced in the same way and renews the lease with it.
#[derive(Debug, Clone, Copy)]
pub struct Fenced<'a> {
    dcs: &'a DcsZk,
    lease: &'a Lease,
}

impl DcsZk {
    /// The writes that only a leader may do, made as the holder of `lease` or not at all.
    pub fn as_leader<'a>(&'a self, lease: &'a Lease) -> Fenced<'a> {
        Fenced { dcs: self, lease }
    }
}

impl Fenced<'_> {
    /// As [`DcsZk::set_config_value`].
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::set_config_value`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_config_value(&self, value: &str, version: Option<i32>) -> Result<i32, DcsError> {
        self.dcs.write_config(Some(self.lease), value, version).await
    }

    /// As [`DcsZk::set_failover_value`].
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::set_failover_value`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_failover_value(&self, value: &str, version: Option<i32>) -> Result<i32, DcsError> {
        self.dcs.write_failover(Some(self.lease), value, version).await
    }

    /// As [`DcsZk::manual_failover`]: a leader withdraws a request that it has carried out or cannot carry out.
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::manual_failover`].
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
        self.dcs.write_manual_failover(Some(self.lease), leader, candidate, scheduled_at, version).await
    }

    /// As [`DcsZk::set_history_value`].
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::set_history_value`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn set_history_value(&self, value: &str) -> Result<bool, DcsError> {
        self.dcs.write_history(Some(self.lease), value).await
    }

    /// As [`DcsZk::write_status`], `optime/leader` for old members included.
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::write_status`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn write_status(&self, update: StatusUpdate) -> Result<bool, DcsError> {
        self.dcs.write_status_as(Some(self.lease), update).await
    }

    /// As [`DcsZk::write_leader_optime`].
    ///
    /// # Errors
    ///
    /// As [`write_status`](Self::write_status).
    ///
    /// # Cancel safety
    ///
    /// As [`write_status`](Self::write_status).
    pub async fn write_leader_optime(&self, last_lsn: i64) -> Result<bool, DcsError> {
        self.dcs.write_optime(Some(self.lease), last_lsn).await
    }

    /// As [`DcsZk::write_failsafe`].
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::write_failsafe`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn write_failsafe(&self, failsafe: Failsafe) -> Result<bool, DcsError> {
        self.dcs.write_failsafe_as(Some(self.lease), failsafe).await
    }

    /// As [`DcsZk::set_sync_state_value`].
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; and those of [`DcsZk::set_sync_state_value`].
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_sync_state_value(
        &self,
        value: &str,
        version: Option<i32>,
    ) -> Result<Option<i32>, DcsError> {
        self.dcs.write_sync(Some(self.lease), value, version).await
    }

    /// As [`DcsZk::write_sync_state`].
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
        self.dcs.write_sync_state_as(Some(self.lease), leader, sync_standby, quorum, version).await
    }

    /// As [`DcsZk::delete_sync_state`].
    ///
    /// # Errors
    ///
    /// As [`set_sync_state_value`](Self::set_sync_state_value).
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn delete_sync_state(&self, version: Option<i32>) -> Result<Option<i32>, DcsError> {
        self.dcs.delete_sync(Some(self.lease), version).await
    }

    /// As [`DcsZk::set_initialize_value`], but a missing key is created: a leader whose cluster has lost it writes it again.
    /// Answers to Patroni's `initialize(create_new=(cluster.initialize is None), sysid)` by the holder of the lock.
    ///
    /// # Errors
    ///
    /// `NotOwner` when the lease is over; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn set_initialize_value(&self, sysid: &str) -> Result<(), DcsError> {
        self.dcs.write_initialize(self.lease, sysid).await
    }
}
