//! Any stream in any slices.

use bytes::{Bytes, BytesMut};
use zk_jute::{FrameDecoder, FrameError, FrameLimit};

/// What a stream was cut into.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The frames, in order.
    pub frames: Vec<Bytes>,
    /// Why no more could be cut off.
    pub error: Option<FrameError>,
    /// Bytes that were left over, unless there was an error.
    pub left: usize,
}

/// Cuts a stream into frames at once and in slices, and compares.
///
/// The first byte is the frame limit in units of 16 bytes (255: the highest there is), the second the number of slices,
/// then one byte for the length of each but the last; the rest is the stream.
///
/// # Panics
///
/// If the slices make a difference, a frame is above the limit, or more is held than the bytes received call for.
pub fn frame_stream(input: &[u8]) -> Option<Outcome> {
    let (&[limit, count], rest) = input.split_first_chunk()?;
    let (lengths, stream) = rest.split_at_checked(usize::from(count))?;
    let limit = match limit {
        255 => FrameLimit::MAX,
        limit => FrameLimit::new(usize::from(limit) * 16).ok()?,
    };
    let at_once = cut(limit, [stream]);

    let mut left = stream;
    let mut slices = Vec::new();
    for &length in lengths {
        let (slice, others) = left.split_at(usize::from(length).min(left.len()));
        slices.push(slice);
        left = others;
    }
    slices.push(left);
    assert_eq!(cut(limit, slices), at_once, "the slices make a difference");
    assert_eq!(cut(limit, stream.chunks(1)), at_once, "single bytes make a difference");
    Some(at_once)
}

fn cut<'s>(limit: FrameLimit, slices: impl IntoIterator<Item = &'s [u8]>) -> Outcome {
    let mut decoder = FrameDecoder::new(limit);
    let mut src = BytesMut::new();
    let mut outcome = Outcome::default();
    let mut received = 0;
    for slice in slices {
        src.extend_from_slice(slice);
        received += slice.len();
        loop {
            match decoder.decode(&mut src) {
                Ok(Some(frame)) => {
                    assert!(frame.len() <= limit.get(), "a frame above the limit");
                    outcome.frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut src), Err(error.clone()), "the error stays");
                    outcome.error = Some(error);
                    return outcome;
                }
            }
        }
        assert!(src.capacity() <= 4 * received + 64 * 1024, "{} held for {received}", src.capacity());
    }
    outcome.left = src.len();
    outcome
}
