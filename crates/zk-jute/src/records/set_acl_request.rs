//! Jute record `SetACLRequest`.

use super::Acl;

record! {
    /// Replace a znode's ACL. Jute record `SetACLRequest`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetACLRequest<'a> {
        /// The znode's path, absolute.
        pub path: &'a str,
        /// Who may do what; servers refuse an empty list.
        pub acl: Vec<Acl<'a>>,
        /// The ACL version (`aversion`) the znode must have, or −1 for any.
        pub version: i32,
    }
}
