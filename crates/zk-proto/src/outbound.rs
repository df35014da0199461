//! Writing frames whose size is already known to be in bounds.

use bytes::BytesMut;
use zk_jute::Encode;

/// Appends a frame. Requests are measured when they are submitted, and what this crate writes by itself is small, so no
/// frame is over the limit of the wire; one that were would be left out, and the server's silence would end the link.
pub(crate) fn put_frame(buf: &mut BytesMut, header: &impl Encode, body: &impl Encode) {
    let written = zk_jute::write_frame(buf, header, body);
    debug_assert!(written.is_ok(), "an oversized frame was not refused earlier: {written:?}");
}
