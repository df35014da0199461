//! SASL: one exchange for each connection.

mod challenge;
mod digest_md5;

pub(crate) use digest_md5::{DigestMd5, SaslError, Step};
