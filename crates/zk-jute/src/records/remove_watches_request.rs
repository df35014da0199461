//! Jute record `RemoveWatchesRequest`.

use crate::WatcherType;

record! {
    /// Remove watches of this connection. The answer has no body. Jute record `RemoveWatchesRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RemoveWatchesRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Which ones. Jute: `type`.
        pub watcher_type: WatcherType,
    }
}
