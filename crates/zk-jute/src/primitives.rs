//! How Rust's types stand for jute's: `bool`, `i32`, `i64`, text, payloads and vectors.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Decode, DecodeError, Encode, Reader};

/// Bytes of a length field, and of a null.
const LEN: usize = 4;

/// Writes a length; see [`Encode`] for lengths that jute cannot express.
fn put_len(len: usize, buf: &mut BytesMut) {
    buf.put_i32(i32::try_from(len).unwrap_or(i32::MAX));
}

/// Writes jute's null in place of a length.
fn put_null(buf: &mut BytesMut) {
    buf.put_i32(-1);
}

/// An encoded body that is appended as it stands, without a length of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Raw(pub Bytes);

impl Encode for Raw {
    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, buf: &mut BytesMut) {
        buf.put_slice(&self.0);
    }
}

impl<'a> Decode<'a> for Raw {
    /// Takes all that is left.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(reader.rest()))
    }
}

/// The empty body: of a ping, of a reply to delete.
impl Encode for () {
    fn encoded_len(&self) -> usize {
        0
    }

    fn encode(&self, _buf: &mut BytesMut) {}
}

impl<'a> Decode<'a> for () {
    fn decode(_reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

/// Jute `boolean`.
impl Encode for bool {
    fn encoded_len(&self) -> usize {
        1
    }

    fn encode(&self, buf: &mut BytesMut) {
        buf.put_u8(u8::from(*self));
    }
}

impl<'a> Decode<'a> for bool {
    const MIN_LEN: usize = 1;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_bool()
    }
}

/// Jute `int`.
impl Encode for i32 {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, buf: &mut BytesMut) {
        buf.put_i32(*self);
    }
}

impl<'a> Decode<'a> for i32 {
    const MIN_LEN: usize = 4;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_i32()
    }
}

/// Jute `long`.
impl Encode for i64 {
    fn encoded_len(&self) -> usize {
        8
    }

    fn encode(&self, buf: &mut BytesMut) {
        buf.put_i64(*self);
    }
}

impl<'a> Decode<'a> for i64 {
    const MIN_LEN: usize = 8;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_i64()
    }
}

/// Jute `ustring`.
impl Encode for str {
    fn encoded_len(&self) -> usize {
        LEN.saturating_add(self.len())
    }

    fn encode(&self, buf: &mut BytesMut) {
        put_len(self.len(), buf);
        buf.put_slice(self.as_bytes());
    }
}

impl<'a> Decode<'a> for &'a str {
    const MIN_LEN: usize = LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_str()
    }
}

/// Jute `buffer`.
impl Encode for Bytes {
    fn encoded_len(&self) -> usize {
        LEN.saturating_add(self.len())
    }

    fn encode(&self, buf: &mut BytesMut) {
        put_len(self.len(), buf);
        buf.put_slice(self);
    }
}

/// Jute `buffer` that may be null.
impl Encode for Option<Bytes> {
    fn encoded_len(&self) -> usize {
        self.as_ref().map_or(LEN, Encode::encoded_len)
    }

    fn encode(&self, buf: &mut BytesMut) {
        match self {
            Some(payload) => payload.encode(buf),
            None => put_null(buf),
        }
    }
}

impl<'a> Decode<'a> for Option<Bytes> {
    const MIN_LEN: usize = LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_buffer()
    }
}

/// Jute `ustring` that may be null.
impl Encode for Option<&str> {
    fn encoded_len(&self) -> usize {
        self.map_or(LEN, Encode::encoded_len)
    }

    fn encode(&self, buf: &mut BytesMut) {
        match self {
            Some(text) => text.encode(buf),
            None => put_null(buf),
        }
    }
}

impl<'a> Decode<'a> for Option<&'a str> {
    const MIN_LEN: usize = LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.read_opt_str()
    }
}

/// Jute `vector`.
impl<T: Encode> Encode for Vec<T> {
    fn encoded_len(&self) -> usize {
        self.iter().fold(LEN, |sum, element| sum.saturating_add(element.encoded_len()))
    }

    fn encode(&self, buf: &mut BytesMut) {
        put_len(self.len(), buf);
        for element in self {
            element.encode(buf);
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    const MIN_LEN: usize = LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The count is bounded by the bytes received, so the allocation is too.
        let count = reader.read_count(T::MIN_LEN)?;
        let mut elements = Self::with_capacity(count);
        for _ in 0..count {
            elements.push(T::decode(reader)?);
        }
        Ok(elements)
    }
}
