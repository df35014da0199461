//! Jute record `SetSASLRequest`.

use std::fmt;

use bytes::Bytes;

record! {
    /// A step of SASL, as some servers and proxies name it. Jute record `SetSASLRequest`.
    #[derive(Clone, PartialEq, Eq)]
    pub struct SetSASLRequest {
        /// The mechanism's bytes. Kept out of `Debug`.
        pub token: Option<Bytes>,
    }
}

impl fmt::Debug for SetSASLRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetSASLRequest").field("token", &format_args!("_")).finish()
    }
}
