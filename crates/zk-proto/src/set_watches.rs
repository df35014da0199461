//! Restoring the watches on a new connection.

use bytes::BytesMut;
use zk_jute::{
    OpCode,
    records::{RequestHeader, SetWatches, SetWatches2},
    xid::SET_WATCHES_XID,
};

use crate::{outbound::put_frame, watches::Watches};

/// A batch stays below this many bytes, well under the smallest `jute.maxbuffer` in use, as ZooKeeper's own client does.
const BATCH_BYTES: usize = 128 * 1024;

/// Writes the `SetWatches` requests that restore all watches, and returns how many there are. `SetWatches2` only where there
/// are persistent watches: older servers do not know it, and those have none.
///
/// All batches carry the same zxid, the newest seen before the first of them: a change during the gap is then reported
/// for every one-shot watch, whichever batch it is in.
pub(crate) fn write_set_watches(watches: &Watches, relative_zxid: i64, out: &mut BytesMut) -> usize {
    let lists = [&watches.data, &watches.exists, &watches.children, &watches.persistent, &watches.recursive];
    let all_kinds = !watches.persistent.is_empty() || !watches.recursive.is_empty();
    let mut batches = 0usize;
    let mut batch = Batch::default();
    for (list, path) in
        (0..).zip(lists).flat_map(|(list, paths)| paths.keys().map(move |path| (list, &**path)))
    {
        let entry = path.len().saturating_add(4);
        if batch.len.saturating_add(entry) > BATCH_BYTES && batch.len > 0 {
            std::mem::take(&mut batch).write(relative_zxid, all_kinds, out);
            batches = batches.saturating_add(1);
        }
        batch.len = batch.len.saturating_add(entry);
        if let Some(paths) = batch.paths.get_mut(list) {
            paths.push(path);
        }
    }
    if batch.len > 0 {
        batch.write(relative_zxid, all_kinds, out);
        batches = batches.saturating_add(1);
    }
    batches
}

/// The paths of one request: data, exists, children, persistent, recursive.
#[derive(Default)]
struct Batch<'a> {
    paths: [Vec<&'a str>; 5],
    len: usize,
}

impl Batch<'_> {
    fn write(self, relative_zxid: i64, all_kinds: bool, out: &mut BytesMut) {
        let [data_watches, exist_watches, child_watches, persistent_watches, persistent_recursive_watches] =
            self.paths;
        let header = |op| RequestHeader { xid: SET_WATCHES_XID, op };
        if all_kinds {
            let body = SetWatches2 {
                relative_zxid,
                data_watches,
                exist_watches,
                child_watches,
                persistent_watches,
                persistent_recursive_watches,
            };
            put_frame(out, &header(OpCode::SET_WATCHES2), &body);
        } else {
            let body = SetWatches { relative_zxid, data_watches, exist_watches, child_watches };
            put_frame(out, &header(OpCode::SET_WATCHES), &body);
        }
    }
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
            assert!(frame.len() <= BATCH_BYTES + 64);
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
