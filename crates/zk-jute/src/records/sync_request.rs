//! Jute record `SyncRequest`.

record! {
    /// Wait until the server has caught up with the leader. Jute record `SyncRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SyncRequest<'a> {
        /// A path; servers catch up with everything, whatever it is.
        pub path: &'a str,
    }
}
