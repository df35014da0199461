//! Jute record `SetACLResponse`.

use super::Stat;

record! {
    /// The answer to setACL. Jute record `SetACLResponse`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SetACLResponse {
        /// The znode's stat.
        pub stat: Stat,
    }
}
