//! Frames: a length of four bytes, and that many bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{Encode, Foreign, FrameError, FrameLimit};

/// Bytes of the length field.
const HEAD: usize = 4;

/// The most that is reserved for bytes that have been promised and not received.
const MAX_RESERVE: usize = 16 * 1024;

/// From this length on, a frame of which a quarter has arrived gets a buffer of its own size: one that goes on doubling would
/// end up at twice the length.
const LARGE: usize = 256 * 1024;

/// Cuts a stream into frames.
///
/// Feed received bytes into a [`BytesMut`] and call [`decode`](Self::decode) until it returns `None` or an error. The
/// length of a frame is judged on its four bytes, before anything is buffered for it; the buffer then grows with the
/// bytes that arrive and not with the bytes that were promised.
#[derive(Debug, Clone)]
pub struct FrameDecoder {
    /// What is allowed.
    limit: FrameLimit,
    /// The length of the frame whose bytes are awaited, once its length field has been read.
    awaited: Option<usize>,
    /// Whether a length has been accepted already: bytes of another protocol show in the very first ones.
    started: bool,
}

impl FrameDecoder {
    /// Starts at the beginning of a stream.
    pub fn new(limit: FrameLimit) -> Self {
        Self { limit, awaited: None, started: false }
    }

    /// The limit in force.
    pub fn limit(&self) -> FrameLimit {
        self.limit
    }

    /// Sets the limit for the frames whose length has not been read yet: after the connect response, say.
    pub fn set_limit(&mut self, limit: FrameLimit) {
        self.limit = limit;
    }

    /// Whether the length of a frame was read and its bytes are awaited.
    pub fn is_mid_frame(&self) -> bool {
        self.awaited.is_some()
    }

    /// Takes the next frame from the front of `src`, without its length field and without a copy; `None` until all
    /// of it has arrived.
    ///
    /// # Errors
    ///
    /// Any [`FrameError`]. The bytes that caused it stay in `src`, so that the next call returns the same error.
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let len = match self.awaited {
            Some(len) => len,
            None => {
                let Some(head) = src.first_chunk() else { return Ok(None) };
                let len = self.judge(*head)?;
                src.advance(HEAD);
                self.awaited = Some(len);
                self.started = true;
                len
            }
        };
        if src.len() < len {
            if len >= LARGE && src.len() >= len / 4 {
                fit(src, len);
            } else {
                src.reserve(len.saturating_sub(src.len()).min(MAX_RESERVE));
            }
            return Ok(None);
        }
        self.awaited = None;
        Ok(Some(src.split_to(len).freeze()))
    }

    /// The length that a length field gives, if it is allowed.
    fn judge(&self, head: [u8; HEAD]) -> Result<usize, FrameError> {
        let number = i32::from_be_bytes(head);
        let len = usize::try_from(number).ok();
        if let Some(len) = len
            && len <= self.limit.get()
        {
            return Ok(len);
        }
        if !self.started
            && let Some(foreign) = Foreign::recognise(head)
        {
            return Err(FrameError::LooksLike(foreign));
        }
        Err(match len {
            Some(len) => FrameError::TooLong { len, limit: self.limit },
            None => FrameError::Negative(number),
        })
    }
}

/// Makes room for `len` bytes, and no more.
fn fit(src: &mut BytesMut, len: usize) {
    if src.capacity() < len {
        let mut fitting = BytesMut::with_capacity(len);
        fitting.extend_from_slice(src);
        *src = fitting;
    }
}

/// Appends one frame of a header and a body to `buf`, in place; `&()` stands for a part that is not there.
///
/// # Errors
///
/// [`FrameError::TooLong`] above [`FrameLimit::MAX`]; nothing is written then. A server's own limit is lower as a rule:
/// compare [`Encode::encoded_len`] with it first.
pub fn write_frame(
    buf: &mut BytesMut,
    header: &(impl Encode + ?Sized),
    body: &(impl Encode + ?Sized),
) -> Result<(), FrameError> {
    let limit = FrameLimit::MAX;
    let len = header.encoded_len().saturating_add(body.encoded_len());
    let too_long = FrameError::TooLong { len, limit };
    if len > limit.get() {
        return Err(too_long);
    }
    let Ok(head) = i32::try_from(len) else { return Err(too_long) };
    buf.reserve(HEAD.saturating_add(len));
    buf.put_i32(head);
    header.encode(buf);
    body.encode(buf);
    Ok(())
}
