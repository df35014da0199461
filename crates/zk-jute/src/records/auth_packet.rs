//! Jute record `AuthPacket`.

use std::fmt;

use bytes::Bytes;

record! {
    /// An identity to add to the connection. Jute record `AuthPacket`.
    #[derive(Clone, PartialEq, Eq)]
    pub struct AuthPacket<'a> {
        /// Not used by servers: 0. Jute: `type`.
        pub auth_type: i32,
        /// The scheme.
        pub scheme: &'a str,
        /// The credentials: `user:password` for `digest`. Kept out of `Debug`.
        pub auth: Option<Bytes>,
    }
}

impl fmt::Debug for AuthPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthPacket")
            .field("auth_type", &self.auth_type)
            .field("scheme", &self.scheme)
            .field("auth", &format_args!("_"))
            .finish()
    }
}
