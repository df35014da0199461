//! Bytes that nobody is shown.

use std::fmt;

use bytes::Bytes;
use zeroize::Zeroize;

/// A credential: printed as `_`, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Keeps these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for whoever must use them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A copy for the wire. It lives as long as the frame it goes into, and is not wiped.
    pub(crate) fn to_wire(&self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
