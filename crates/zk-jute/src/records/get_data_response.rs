//! Jute record `GetDataResponse`.

use bytes::Bytes;

use super::Stat;

record! {
    /// The answer to getData, and to reconfig (the new configuration). Jute record `GetDataResponse`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GetDataResponse {
        /// The data; null and empty differ.
        pub data: Option<Bytes>,
        /// The znode's stat.
        pub stat: Stat,
    }
}
