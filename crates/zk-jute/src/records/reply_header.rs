//! Jute record `ReplyHeader`.

use crate::ErrorCode;

record! {
    /// What precedes every reply but the first, and every watch event. Jute record `ReplyHeader`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ReplyHeader {
        /// The request's, or a reserved value of [`xid`](crate::xid).
        pub xid: i32,
        /// The last zxid the server has seen; the write's own zxid in the reply to a write; −1 in watch events.
        pub zxid: i64,
        /// How it went; unless it is OK no record follows.
        pub err: ErrorCode,
    }
}
