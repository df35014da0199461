//! Restoring the watches on a new connection.

use bytes::BytesMut;
use zk_jute::{
    Encode, OpCode,
    records::{RequestHeader, SetWatches},
    xid::SET_WATCHES_XID,
};

use crate::{outbound::put_frame, watches::Watches};

/// A batch stays below this many bytes, well under the smallest `jute.maxbuffer` in use, as ZooKeeper's own client does.
const BATCH_BYTES: usize = 128 * 1024;

/// Writes the `SetWatches` requests that restore all watches, and returns how many there are.
///
/// All batches carry the same zxid, the newest seen before the first of them: a change during the gap is then reported
/// for every watch, whichever batch it is in.
pub(crate) fn write_set_watches(watches: &Watches, relative_zxid: i64, out: &mut BytesMut) -> usize {
    let header = RequestHeader { xid: SET_WATCHES_XID, op: OpCode::SET_WATCHES };
    let empty =
        || SetWatches { relative_zxid, data_watches: vec![], exist_watches: vec![], child_watches: vec![] };
    let mut batches = 0usize;
    let mut batch = empty();
    let mut len = batch.encoded_len();
    let lists = [(0u8, &watches.data), (1, &watches.exists), (2, &watches.children)];
    for (list, path) in lists.iter().flat_map(|(list, paths)| paths.keys().map(|path| (*list, &**path))) {
        let entry = path.len().saturating_add(4);
        if len.saturating_add(entry) > BATCH_BYTES && len > empty().encoded_len() {
            put_frame(out, &header, &std::mem::replace(&mut batch, empty()));
            batches = batches.saturating_add(1);
            len = batch.encoded_len();
        }
        len = len.saturating_add(entry);
        match list {
            0 => batch.data_watches.push(path),
            1 => batch.exist_watches.push(path),
            _ => batch.child_watches.push(path),
        }
    }
    if !watches.is_empty() {
        put_frame(out, &header, &batch);
        batches = batches.saturating_add(1);
    }
    batches
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use zk_jute::{Decode, FrameDecoder, FrameLimit, Reader};

    use super::*;
    use crate::request::{WatchId, WatchOn};

    #[test]
    fn batches_are_bounded_complete_and_carry_one_zxid() {
        let mut watches = Watches::default();
        let mut expected = BTreeSet::new();
        for n in 0..5_000u64 {
            let path = format!("/some/{}/{n}", "x".repeat(90));
            expected.insert(path.clone());
            let on = match n % 3 {
                0 => WatchOn::Data(path),
                1 => WatchOn::Exists(path),
                _ => WatchOn::Children(path),
            };
            watches.arm(on, WatchId(n), n % 3 != 1);
        }
        let mut out = BytesMut::new();
        let batches = write_set_watches(&watches, 77, &mut out);
        let mut frames = FrameDecoder::new(FrameLimit::default());
        let mut seen = BTreeSet::new();
        let mut count = 0;
        while let Some(frame) = frames.decode(&mut out).unwrap() {
            assert!(frame.len() <= BATCH_BYTES + 8);
            let mut reader = Reader::new(&frame);
            assert_eq!(RequestHeader::decode(&mut reader).unwrap().xid, SET_WATCHES_XID);
            let batch = SetWatches::decode(&mut reader).unwrap();
            assert_eq!(batch.relative_zxid, 77);
            seen.extend(batch.data_watches.iter().map(|path| (*path).to_owned()));
            seen.extend(batch.exist_watches.iter().map(|path| (*path).to_owned()));
            seen.extend(batch.child_watches.iter().map(|path| (*path).to_owned()));
            count += 1;
        }
        assert_eq!(count, batches);
        assert!(count >= 4, "5,000 watches of 100 bytes are more than three batches: {count}");
        assert_eq!(seen, expected);
    }

    #[test]
    fn no_watches_no_request() {
        let mut out = BytesMut::new();
        assert_eq!(write_set_watches(&Watches::default(), 1, &mut out), 0);
        assert!(out.is_empty());
    }
}
