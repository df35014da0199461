//! Jute record `GetChildren2Response`.

use super::Stat;

record! {
    /// The answer to getChildren2. Jute record `GetChildren2Response`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GetChildren2Response<'a> {
        /// The names, in no order.
        pub children: Vec<&'a str>,
        /// The znode's stat.
        pub stat: Stat,
    }
}
