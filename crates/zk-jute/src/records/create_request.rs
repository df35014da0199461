//! Jute record `CreateRequest`.

use bytes::Bytes;

use super::Acl;

record! {
    /// Create a znode. It is the body of create, create2 and createContainer. Jute record `CreateRequest`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CreateRequest<'a> {
        /// The znode's path, absolute; sequential modes append ten digits.
        pub path: &'a str,
        /// The data; null and empty differ.
        pub data: Option<Bytes>,
        /// Who may do what; servers refuse an empty list.
        pub acl: Vec<Acl<'a>>,
        /// A [`CreateMode`](crate::CreateMode)'s number.
        pub flags: i32,
    }
}
