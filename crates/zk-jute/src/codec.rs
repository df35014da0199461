//! The two traits every record implements.

use bytes::{Bytes, BytesMut};

use crate::{DecodeError, Reader};

/// What can be written in jute's binary form.
///
/// Encoding never fails. Jute counts lengths in an `int`, so a string, buffer or vector longer than `i32::MAX` has no
/// encoding: [`write_frame`](crate::write_frame) refuses any record whose [`encoded_len`](Self::encoded_len) is above
/// [`FrameLimit::MAX`](crate::FrameLimit::MAX) before it writes a byte. Whoever calls [`encode`](Self::encode) directly
/// must do the same; the length of such a field would be written as `i32::MAX` and the frame would be garbage.
pub trait Encode {
    /// The exact number of bytes that [`encode`](Self::encode) appends (saturating at `usize::MAX`).
    fn encoded_len(&self) -> usize;

    /// Appends the record to `buf`, growing it as needed.
    fn encode(&self, buf: &mut BytesMut);

    /// The record as bytes of its own, in one allocation.
    fn to_bytes(&self) -> Bytes {
        let mut buf = BytesMut::with_capacity(self.encoded_len());
        self.encode(&mut buf);
        buf.freeze()
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encoded_len(&self) -> usize {
        (**self).encoded_len()
    }

    fn encode(&self, buf: &mut BytesMut) {
        (**self).encode(buf);
    }
}

/// What can be read from jute's binary form: text is borrowed from the frame, payloads are slices of it.
pub trait Decode<'a>: Sized {
    /// The fewest bytes any value of this type takes on the wire. It bounds the count of a vector before anything is
    /// allocated for it; a value that is too small is safe, one that is too large refuses good input.
    const MIN_LEN: usize = 0;

    /// Reads one value and leaves `reader` behind it.
    ///
    /// # Errors
    ///
    /// Any [`DecodeError`] but [`DecodeError::TrailingBytes`]. The reader's position is then unspecified.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Reads a value that is all there is in `bytes`.
    ///
    /// # Errors
    ///
    /// Any [`DecodeError`]. Bytes left over are [`DecodeError::TrailingBytes`], except where the record says that it
    /// tolerates them: [`ConnectResponse`](crate::records::ConnectResponse), which has grown and may grow again.
    fn from_bytes(bytes: &'a Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}
