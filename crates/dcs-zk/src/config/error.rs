//! What is wrong with a configuration.

use thiserror::Error;

/// A piece of a configuration as a message shows it: no more than its first word. Where a quote is missing, all that follows can
/// be one value or key, and there may be a secret in it.
pub(crate) fn first_word(text: &str) -> String {
    match text.trim().split_once(char::is_whitespace) {
        None => text.to_owned(),
        Some((word, _)) => format!("{word} …"),
    }
}

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
