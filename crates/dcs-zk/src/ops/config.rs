//! The `config` key.

use super::set_or_create::{KeyWrite, Tries};
use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

impl DcsZk {
    /// Writes the dynamic configuration (a JSON object as text), if the key has this version; returns the new version.
    /// Without a version a missing key is created. Tried again until `retry_timeout`. Answers to
    /// `ZooKeeper.set_config_value`.
    ///
    /// # Errors
    ///
    /// `Conflict` where Patroni says `false`; `Unavailable`, `Refused`.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied.
    pub async fn set_config_value(&self, value: &str, version: Option<i32>) -> Result<i32, DcsError> {
        self.write_config(None, value, version).await
    }

    pub(super) async fn write_config(
        &self,
        lease: Option<&Lease>,
        value: &str,
        version: Option<i32>,
    ) -> Result<i32, DcsError> {
        self.set_or_create(KeyWrite {
            operation: "set_config_value",
            path: self.config.paths.config(),
            value: value.to_owned(),
            version,
            tries: Tries::Retry,
            lease,
        })
        .await
    }
}
