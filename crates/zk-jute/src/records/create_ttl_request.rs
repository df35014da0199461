//! Jute record `CreateTTLRequest`.

use bytes::Bytes;

use super::Acl;

record! {
    /// Create a znode with a time to live. Jute record `CreateTTLRequest`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CreateTTLRequest<'a> {
        /// The znode's path, absolute; the sequential mode appends ten digits.
        pub path: &'a str,
        /// The data; null and empty differ.
        pub data: Option<Bytes>,
        /// Who may do what; servers refuse an empty list.
        pub acl: Vec<Acl<'a>>,
        /// A [`CreateMode`](crate::CreateMode)'s number.
        pub flags: i32,
        /// The time to live in milliseconds, 1 to 2⁴⁰ − 1.
        pub ttl: i64,
    }
}
