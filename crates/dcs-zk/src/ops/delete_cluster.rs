//! The whole scope.

use crate::{dcs::DcsZk, error::DcsError, retry::retry};

impl DcsZk {
    /// Removes everything that is stored about the cluster, or about our group of it; an absent one is a success. Tried again
    /// until `retry_timeout`. Answers to `ZooKeeper.delete_cluster`.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Refused`; some of the keys may be gone then.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied; the same call again sees to it.
    pub async fn delete_cluster(&self) -> Result<(), DcsError> {
        let directory = self.config.paths.directory();
        retry("delete_cluster", self, self.retry_deadline(), |client| client.delete_recursive(&directory))
            .await
    }
}
