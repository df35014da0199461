//! Jute record `GetACLRequest`.

record! {
    /// Ask for a znode's ACL and stat. Jute record `GetACLRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct GetACLRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
    }
}
