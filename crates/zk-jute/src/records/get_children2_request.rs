//! Jute record `GetChildren2Request`.

record! {
    /// Ask for the names of a znode's children and its stat. Jute record `GetChildren2Request`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetChildren2Request<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Whether to arm a watch.
        pub watch: bool,
    }
}
