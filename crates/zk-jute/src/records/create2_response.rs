//! Jute record `Create2Response`.

use super::Stat;

record! {
    /// The answer to create2, createContainer and createTTL. Jute record `Create2Response`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Create2Response<'a> {
        /// The path that was created.
        pub path: &'a str,
        /// The znode's stat.
        pub stat: Stat,
    }
}
