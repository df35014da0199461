//! Jute record `SetDataRequest`.

use bytes::Bytes;

record! {
    /// Replace a znode's data. Jute record `SetDataRequest`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetDataRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// The data; null and empty differ.
        pub data: Option<Bytes>,
        /// The version the znode must have, or −1 for any.
        pub version: i32,
    }
}
