//! What can be wrong with TLS settings.

use std::path::PathBuf;

use thiserror::Error;

/// What is wrong with [`TlsOptions`](crate::TlsOptions) or the files they name. Shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("TLS: cannot read {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// The certificates to trust are of no use.
    #[error("TLS: {origin}: {reason}")]
    Ca {
        /// Where they come from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The client's certificate is of no use.
    #[error("TLS: {origin}: {reason}")]
    ClientCertificate {
        /// Where it comes from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The client's private key is of no use, or its password is wrong.
    #[error("TLS: {origin}: {reason}")]
    ClientKey {
        /// Where it comes from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The settings contradict each other, or this build cannot do what they ask for.
    #[error("TLS: {0}")]
    Settings(String),
}
