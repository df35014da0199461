//! Jute record `SyncResponse`.

record! {
    /// The answer to sync. Jute record `SyncResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SyncResponse<'a> {
        /// The request's path.
        pub path: &'a str,
    }
}
