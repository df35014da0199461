//! Jute record `WatcherEvent`.

use crate::{EventType, KeeperState};

record! {
    /// What a watch has to tell. Jute record `WatcherEvent`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WatcherEvent<'a> {
        /// What happened. Jute: `type`.
        pub event_type: EventType,
        /// The session's state.
        pub state: KeeperState,
        /// The znode's path; of the child, for a persistent recursive watch.
        pub path: &'a str,
    }
}
