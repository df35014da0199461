//! Jute record `SetWatches2`.

record! {
    /// Arm watches of every kind again after a reconnect. The answer has no body. Jute record `SetWatches2`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetWatches2<'a> {
        /// The last zxid the client has seen: what changed since then is told at once.
        pub relative_zxid: i64,
        /// Paths with a data watch.
        pub data_watches: Vec<&'a str>,
        /// Paths with a watch for their creation.
        pub exist_watches: Vec<&'a str>,
        /// Paths with a child watch.
        pub child_watches: Vec<&'a str>,
        /// Paths with a persistent watch.
        pub persistent_watches: Vec<&'a str>,
        /// Paths with a persistent recursive watch.
        pub persistent_recursive_watches: Vec<&'a str>,
    }
}
