//! The operations, one file per key.

pub(crate) mod leader;
pub(crate) mod member;
