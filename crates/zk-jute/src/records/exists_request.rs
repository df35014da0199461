//! Jute record `ExistsRequest`.

record! {
    /// Ask for a znode's stat, or for word of its creation. Jute record `ExistsRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ExistsRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Whether to arm a watch, on a znode that exists or on its creation.
        pub watch: bool,
    }
}
