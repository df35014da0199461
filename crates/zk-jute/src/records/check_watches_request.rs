//! Jute record `CheckWatchesRequest`.

use crate::WatcherType;

record! {
    /// Ask whether watches are armed on this connection. The answer has no body. Jute record `CheckWatchesRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CheckWatchesRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Which ones. Jute: `type`.
        pub watcher_type: WatcherType,
    }
}
