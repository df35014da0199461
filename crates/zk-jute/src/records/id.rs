//! Jute record `Id`.

use bytes::BytesMut;

use crate::{Decode, DecodeError, Encode, Reader};

/// An identity: a scheme and what the scheme calls it. Jute record `Id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id<'a> {
    /// The scheme: `world`, `digest`, `ip`, `x509`, `sasl`, `auth`.
    pub scheme: &'a str,
    /// The identity within the scheme. Null is read as empty: kazoo writes the empty one of `auth` so.
    pub id: &'a str,
}

impl Encode for Id<'_> {
    fn encoded_len(&self) -> usize {
        self.scheme.encoded_len().saturating_add(self.id.encoded_len())
    }

    fn encode(&self, buf: &mut BytesMut) {
        self.scheme.encode(buf);
        self.id.encode(buf);
    }
}

impl<'a> Decode<'a> for Id<'a> {
    const MIN_LEN: usize = 8;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            scheme: reader.read_str().map_err(|e| e.at("Id.scheme"))?,
            id: reader.read_opt_str().map_err(|e| e.at("Id.id"))?.unwrap_or_default(),
        })
    }
}
