//! Jute record `CheckVersionRequest`.

record! {
    /// Check that a znode exists and has a version, inside a multi. Jute record `CheckVersionRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CheckVersionRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// The version the znode must have, or −1 for any.
        pub version: i32,
    }
}
