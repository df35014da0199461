//! Jute record `DeleteRequest`.

record! {
    /// Delete a znode. The answer has no body. Jute record `DeleteRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct DeleteRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// The version the znode must have, or −1 for any.
        pub version: i32,
    }
}
