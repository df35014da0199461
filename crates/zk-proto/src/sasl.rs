//! SASL: one exchange for each connection.

mod challenge;
mod digest_md5;

pub(crate) use digest_md5::DigestMd5;

use crate::secret::Secret;

/// What a mechanism makes of a token of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaslStep {
    /// Send this token.
    Respond(Secret),
    /// The exchange is complete: nothing is to be sent, and the server has proved what the mechanism has it prove.
    Done,
}

/// Who takes the steps.
#[derive(Debug)]
pub(crate) enum Mechanism {
    /// We do, at once.
    DigestMd5(DigestMd5),
    /// The driver: its steps may block.
    ByDriver,
}
