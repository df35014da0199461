//! Jute record `AddWatchRequest`.

use crate::AddWatchMode;

record! {
    /// Arm a persistent watch. The answer is an [`ErrorResponse`](super::ErrorResponse). Jute record `AddWatchRequest`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AddWatchRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// How far it reaches.
        pub mode: AddWatchMode,
    }
}
