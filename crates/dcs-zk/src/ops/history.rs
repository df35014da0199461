//! The `history` key.

use super::set_or_create::{KeyWrite, Tries};
use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

impl DcsZk {
    /// Writes the history of timelines (a JSON array as text, see
    /// [`TimelineHistory::encode`](dcs_model::TimelineHistory::encode)), unless the key is known to hold it already. Tells
    /// whether it was written. Tried once. Answers to `ZooKeeper.set_history_value`.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Refused`, where Patroni says `false`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn set_history_value(&self, value: &str) -> Result<bool, DcsError> {
        self.write_history(None, value).await
    }

    pub(super) async fn write_history(&self, lease: Option<&Lease>, value: &str) -> Result<bool, DcsError> {
        self.refuse_without(lease)?;
        let known =
            self.cluster().and_then(|cluster| cluster.history.as_ref().map(|history| history.value.clone()));
        if known.as_deref() == Some(value) {
            return Ok(false);
        }
        self.set_or_create(KeyWrite {
            operation: "set_history_value",
            path: self.config.paths.history(),
            value: value.to_owned(),
            version: None,
            tries: Tries::Once,
            lease,
        })
        .await?;
        Ok(true)
    }
}
