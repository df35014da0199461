//! TLS: what a user sets, the certificates and keys it leads to, and the handshake.

mod connector;
mod danger;
mod error;
mod material;
mod options;
mod private_key;
mod stream;
mod words;

pub(crate) use connector::{Connector, InUse, Prepared};
pub use error::TlsError;
pub use options::{CaSource, ClientIdentity, TlsOptions, TlsVersion, Verification};
