//! Jute record `GetChildrenRequest`.

record! {
    /// Ask for the names of a znode's children. Jute record `GetChildrenRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetChildrenRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Whether to arm a watch.
        pub watch: bool,
    }
}
