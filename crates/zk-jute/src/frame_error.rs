//! Why a stream is not cut into frames.

use crate::{Foreign, FrameLimit};

/// Why a stream cannot be cut into frames any further, or a frame not be written.
///
/// After a reading error the stream is lost: there is no way to find the next frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The length of a frame is negative.
    #[error("a frame has the negative length {0}")]
    Negative(i32),
    /// A frame is longer than allowed.
    #[error("a frame of {len} bytes is above the limit of {} bytes", limit.get())]
    TooLong {
        /// Its length in bytes, without the four of the length field.
        len: usize,
        /// What is allowed.
        limit: FrameLimit,
    },
    /// The first bytes of the stream belong to another protocol.
    #[error("this is not ZooKeeper's protocol; it looks like {0}")]
    LooksLike(Foreign),
}
