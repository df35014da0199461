//! Jute record `MultiHeader`.

use crate::{ErrorCode, OpCode};

record! {
    /// What precedes every op and every result in a multi, and ends both. Jute record `MultiHeader`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct MultiHeader {
        /// The op or the kind of result; [`OpCode::ERROR`] for errors and at the end. Jute: `type`.
        pub op: OpCode,
        /// Whether this is the end.
        pub done: bool,
        /// The result's error; −1 in requests and at the end.
        pub err: ErrorCode,
    }
}

impl MultiHeader {
    /// The header after the last op or result.
    pub const END: Self = Self { op: OpCode::ERROR, done: true, err: ErrorCode::SYSTEM_ERROR };

    /// Its length on the wire in bytes.
    pub const LEN: usize = 9;
}
