//! Jute record `GetACLResponse`.

use super::{Acl, Stat};

record! {
    /// The answer to getACL. Jute record `GetACLResponse`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct GetACLResponse<'a> {
        /// The ACL; digests are masked for whoever may not administer the znode.
        pub acl: Vec<Acl<'a>>,
        /// The znode's stat.
        pub stat: Stat,
    }
}
