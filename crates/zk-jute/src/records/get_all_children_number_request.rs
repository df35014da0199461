//! Jute record `GetAllChildrenNumberRequest`.

record! {
    /// Ask how many descendants a znode has. Jute record `GetAllChildrenNumberRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetAllChildrenNumberRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
    }
}
