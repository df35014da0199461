//! Jute record `ACL`.

use super::Id;
use crate::Permissions;

record! {
    /// One entry of an access control list. Jute record `ACL`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Acl<'a> {
        /// What is allowed.
        pub perms: Permissions,
        /// To whom.
        pub id: Id<'a>,
    }
}
