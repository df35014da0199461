//! What is wrong with a configuration.

use thiserror::Error;

/// A value that cannot be used, by the name of its key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct ConfigError {
    key: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }

    /// The key, as in Patroni's YAML: `zookeeper.hosts`.
    pub fn key(&self) -> &str {
        &self.key
    }
}
