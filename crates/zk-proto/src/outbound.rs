//! Writing frames whose size is already known to be in bounds.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::BytesMut;
use zk_jute::Encode;

/// Appends a frame. Requests are measured when they are submitted, and what this crate writes by itself is small, so no
/// frame is over the limit of the wire; one that were would be left out, and the server's silence would end the link.
pub(crate) fn put_frame(buf: &mut BytesMut, header: &impl Encode, body: &impl Encode) {
    let written = zk_jute::write_frame(buf, header, body);
    debug_assert!(written.is_ok(), "an oversized frame was not refused earlier: {written:?}");
}

/// Bytes on their way out. Passwords and credentials are among them, so nothing of them is shown.
#[derive(Default)]
pub(crate) struct Unsent(BytesMut);

impl fmt::Debug for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unsent({} bytes)", self.0.len())
    }
}

impl Deref for Unsent {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.0
    }
}

impl DerefMut for Unsent {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.0
    }
}
