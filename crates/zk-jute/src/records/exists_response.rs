//! Jute record `ExistsResponse`.

use super::Stat;

record! {
    /// The answer to exists. Jute record `ExistsResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct ExistsResponse {
        /// The znode's stat.
        pub stat: Stat,
    }
}
