//! Jute record `SetSASLResponse`.

use std::fmt;

use bytes::Bytes;

record! {
    /// A step of SASL, from the server. Jute record `SetSASLResponse`.
    #[derive(Clone, PartialEq, Eq)]
    pub struct SetSASLResponse {
        /// The mechanism's bytes. Kept out of `Debug`.
        pub token: Option<Bytes>,
    }
}

impl fmt::Debug for SetSASLResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetSASLResponse").field("token", &format_args!("_")).finish()
    }
}
