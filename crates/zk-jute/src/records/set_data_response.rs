//! Jute record `SetDataResponse`.

use super::Stat;

record! {
    /// The answer to setData. Jute record `SetDataResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SetDataResponse {
        /// The znode's stat.
        pub stat: Stat,
    }
}
