//! Jute record `GetDataRequest`.

record! {
    /// Ask for a znode's data and stat. Jute record `GetDataRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetDataRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Whether to arm a watch.
        pub watch: bool,
    }
}
