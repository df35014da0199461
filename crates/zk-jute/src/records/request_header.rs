//! Jute record `RequestHeader`.

use crate::OpCode;

record! {
    /// What precedes every request but the first. Jute record `RequestHeader`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RequestHeader {
        /// Chosen by the client and repeated in the reply; reserved values are in [`xid`](crate::xid).
        pub xid: i32,
        /// What is asked; says which record follows. Jute: `type`.
        pub op: OpCode,
    }
}
