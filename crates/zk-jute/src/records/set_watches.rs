//! Jute record `SetWatches`.

record! {
    /// Arm one-shot watches again after a reconnect. The answer has no body. Jute record `SetWatches`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetWatches<'a> {
        /// The last zxid the client has seen: what changed since then is told at once.
        pub relative_zxid: i64,
        /// Paths with a data watch.
        pub data_watches: Vec<&'a str>,
        /// Paths with a watch for their creation.
        pub exist_watches: Vec<&'a str>,
        /// Paths with a child watch.
        pub child_watches: Vec<&'a str>,
    }
}
