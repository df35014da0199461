//! The `failsafe` key.

use dcs_model::Failsafe;

use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

impl DcsZk {
    /// Writes the topology for the failsafe mode (member name → API URL), unless the key is known to hold it already. Tells
    /// whether it was written. Tried once. Answers to `AbstractDCS.write_failsafe`.
    ///
    /// A leader's topology goes out with the renewal of its lease: see [`update_leader`](Self::update_leader), which is
    /// fenced. This write is not; [`as_leader`](Self::as_leader) has one that is.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn write_failsafe(&self, failsafe: Failsafe) -> Result<bool, DcsError> {
        self.write_failsafe_as(None, failsafe).await
    }

    pub(super) async fn write_failsafe_as(
        &self,
        lease: Option<&Lease>,
        failsafe: Failsafe,
    ) -> Result<bool, DcsError> {
        self.refuse_without(lease)?;
        let Some(failsafe) = failsafe_to_write(Some(failsafe), self.memory().last_failsafe.as_ref()) else {
            return Ok(false);
        };
        self.write_once(lease, "write_failsafe", self.config.paths.failsafe(), failsafe.to_json()).await?;
        let mut memory = self.memory();
        memory.last_failsafe = Some(failsafe);
        memory.failsafe_exists = true;
        Ok(true)
    }

    /// The topology for the failsafe mode as it was last read or written; answers to `AbstractDCS.failsafe`. It outlives
    /// the cached cluster: it is what a leader goes by when ZooKeeper cannot be reached.
    pub fn failsafe(&self) -> Option<Failsafe> {
        self.memory().last_failsafe.clone()
    }
}

/// The topology, or `None` if it is stored already.
pub(crate) fn failsafe_to_write(failsafe: Option<Failsafe>, last: Option<&Failsafe>) -> Option<Failsafe> {
    failsafe.filter(|failsafe| last.is_none_or(|last| !failsafe.same_as(last)))
}
