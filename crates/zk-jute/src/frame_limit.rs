//! How long a frame may be.

/// The longest frame that is accepted: the bytes after the four of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameLimit(usize);

impl FrameLimit {
    /// 1 MiB and 4 KiB: a znode of the size servers allow by default, and what stands around its data in a frame.
    pub const DEFAULT: Self = Self(0x10_1000);

    /// 1 KiB, for the frame that answers a connect request: an honest one takes 37 bytes.
    pub const CONNECT_RESPONSE: Self = Self(0x400);

    /// 64 MiB: the highest that may be set.
    pub const MAX: Self = Self(0x400_0000);

    /// A limit of `len` bytes, 0 to 64 MiB.
    ///
    /// # Errors
    ///
    /// [`FrameLimitTooHigh`] above [`FrameLimit::MAX`].
    pub const fn new(len: usize) -> Result<Self, FrameLimitTooHigh> {
        if len > Self::MAX.0 {
            return Err(FrameLimitTooHigh { asked: len });
        }
        Ok(Self(len))
    }

    /// The limit in bytes.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for FrameLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A frame limit above [`FrameLimit::MAX`] was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame limit of {asked} bytes is above the maximum of {} bytes", FrameLimit::MAX.get())]
pub struct FrameLimitTooHigh {
    /// The limit that was asked for, in bytes.
    pub asked: usize,
}
