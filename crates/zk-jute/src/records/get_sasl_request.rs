//! Jute record `GetSASLRequest`.

use std::fmt;

use bytes::Bytes;

record! {
    /// A step of SASL, from the client. Jute record `GetSASLRequest`.
    #[derive(Clone, PartialEq, Eq)]
    pub struct GetSASLRequest {
        /// The mechanism's bytes. Kept out of `Debug`.
        pub token: Option<Bytes>,
    }
}

impl fmt::Debug for GetSASLRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetSASLRequest").field("token", &format_args!("_")).finish()
    }
}
