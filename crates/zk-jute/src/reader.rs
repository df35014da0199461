//! A bounded reader over one frame.

use bytes::Bytes;

use crate::DecodeError;

/// Reads jute primitives from one frame, in order, without copying.
///
/// Numbers are big-endian. Lengths and counts are judged against the bytes that are left before they are used.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    /// The whole input, from which payloads are sliced.
    frame: &'a Bytes,
    /// What has not been read yet: always the end of `frame`.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `frame`.
    pub fn new(frame: &'a Bytes) -> Self {
        Self { frame, rest: frame }
    }

    /// How many bytes have not been read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads a jute `boolean`: one byte, 0 or 1.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::BadBool`] for any other byte.
    pub fn read_bool(&mut self) -> Result<bool, DecodeError> {
        match self.array("boolean")? {
            [0] => Ok(false),
            [1] => Ok(true),
            [value] => Err(DecodeError::BadBool { what: "boolean", value }),
        }
    }

    /// Reads a jute `byte`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn read_i8(&mut self) -> Result<i8, DecodeError> {
        self.array("byte").map(i8::from_be_bytes)
    }

    /// Reads a jute `int`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.array("int").map(i32::from_be_bytes)
    }

    /// Reads a jute `long`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.array("long").map(i64::from_be_bytes)
    }

    /// Reads a jute `buffer` as a slice of the frame; a length of −1 is the protocol's null, `None`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::NegativeLength`] below −1.
    pub fn read_buffer(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let taken = self.nullable("buffer")?;
        Ok(taken.map(|bytes| self.frame.slice_ref(bytes)))
    }

    /// Reads a jute `ustring` that may not be null.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::NegativeLength`], [`DecodeError::Utf8`].
    pub fn read_str(&mut self) -> Result<&'a str, DecodeError> {
        self.read_opt_str()?.ok_or(DecodeError::NegativeLength { what: "ustring", len: -1 })
    }

    /// Reads a jute `ustring` for which a length of −1 means null, `None`.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::NegativeLength`] below −1, [`DecodeError::Utf8`].
    pub fn read_opt_str(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let Some(bytes) = self.nullable("ustring")? else { return Ok(None) };
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(DecodeError::Utf8 { what: "ustring", valid_up_to: error.valid_up_to() }),
        }
    }

    /// Reads the count of a jute `vector` whose elements take at least `min_element_len` bytes each (0 counts as 1).
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::NegativeLength`], and [`DecodeError::CountTooLarge`] if that many
    /// elements cannot be in the bytes that are left.
    pub fn read_count(&mut self, min_element_len: usize) -> Result<usize, DecodeError> {
        let len = i32::from_be_bytes(self.array("vector")?);
        let Ok(count) = usize::try_from(len) else {
            return Err(DecodeError::NegativeLength { what: "vector", len });
        };
        let left = self.rest.len();
        if count > left.checked_div(min_element_len).unwrap_or(left) {
            return Err(DecodeError::CountTooLarge { what: "vector", count, left });
        }
        Ok(count)
    }

    /// Ends the reading of a record that must fill its input.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TrailingBytes`] if something is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { left }),
        }
    }

    /// Takes everything that is left as a slice of the frame.
    pub fn rest(&mut self) -> Bytes {
        let (rest, end) = self.rest.split_at(self.rest.len());
        self.rest = end;
        self.frame.slice_ref(rest)
    }

    /// Takes the next `N` bytes.
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((array, rest)) = self.rest.split_first_chunk() else {
            return Err(DecodeError::Truncated { what, needed: N, left: self.rest.len() });
        };
        self.rest = rest;
        Ok(*array)
    }

    /// Takes a length and that many bytes; −1 is null.
    fn nullable(&mut self, what: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        let len = i32::from_be_bytes(self.array(what)?);
        if len == -1 {
            return Ok(None);
        }
        let Ok(needed) = usize::try_from(len) else {
            return Err(DecodeError::NegativeLength { what, len });
        };
        let Some((taken, rest)) = self.rest.split_at_checked(needed) else {
            return Err(DecodeError::Truncated { what, needed, left: self.rest.len() });
        };
        self.rest = rest;
        Ok(Some(taken))
    }
}
