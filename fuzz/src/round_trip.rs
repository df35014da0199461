//! What was read, written, and read again.

use bytes::{Bytes, BytesMut};
use zk_jute::records::*;
use zk_jute::{Decode, Encode, FrameDecoder, FrameLimit, OpCode, Reader, write_frame};

use crate::records::{RECORDS, with_records};

/// What may be written otherwise than it was read: a null password and the null id of an access control list are written as
/// empty ones, and the headers within a multi carry what clients and servers write into them. Everything else has one form.
const MANY_FORMS: [&str; 10] = [
    "Acl",
    "ConnectRequest",
    "ConnectResponse",
    "CreateRequest",
    "CreateTTLRequest",
    "GetACLResponse",
    "Id",
    "MultiRequest",
    "MultiResponse",
    "SetACLRequest",
];

/// What ends where its frame ends, so that nothing can follow it.
const TO_THE_END: [&str; 2] = ["ConnectRequest", "ConnectResponse"];

/// A function per record and their table; the first byte of an input is an index into it.
macro_rules! round_trips {
    ($($function:ident $record:ident)+) => {
        $(fn $function(bytes: &Bytes) -> Option<bool> {
            let name = stringify!($record);
            let mut reader = Reader::new(bytes);
            let record = $record::decode(&mut reader).ok()?;
            let read = bytes.slice(..bytes.len() - reader.remaining());
            let written = record.to_bytes();
            let canonical = written == read;
            assert!(canonical || MANY_FORMS.contains(&name), "{name} has another form: {read:?} is not {written:?}");

            let again = $record::from_bytes(&written).expect("what was written is a record");
            assert_eq!(again, record, "the record that is read again");
            assert_eq!(again.to_bytes(), written, "what is canonical stays as it is");

            // Nothing short of all of it is the same record.
            for len in [written.len() / 2, written.len().saturating_sub(1)] {
                if len < written.len() {
                    let cut = written.slice(..len);
                    assert_ne!($record::from_bytes(&cut).ok().as_ref(), Some(&record), "{name}, cut off at {len}");
                }
            }
            if !TO_THE_END.contains(&name) {
                let twice = Bytes::from([&written[..], &written[..]].concat());
                let mut reader = Reader::new(&twice);
                for _ in 0..2 {
                    assert_eq!($record::decode(&mut reader).as_ref(), Ok(&record), "{name}, twice");
                }
                assert_eq!(reader.remaining(), 0, "{name}, twice");
            }

            // In a frame, behind a header.
            let header = RequestHeader { xid: 7, op: OpCode::EXISTS };
            let mut stream = BytesMut::new();
            write_frame(&mut stream, &header, &record).expect("it came out of an input smaller than a frame");
            let mut decoder = FrameDecoder::new(FrameLimit::MAX);
            let frame = decoder.decode(&mut stream).expect("a frame").expect("a whole frame");
            assert!(stream.is_empty(), "{name}: bytes behind the frame");
            let mut reader = Reader::new(&frame);
            assert_eq!(RequestHeader::decode(&mut reader), Ok(header));
            assert_eq!(reader.rest(), written, "{name} in a frame");
            Some(canonical)
        })+

        const ROUND_TRIPS: &[fn(&Bytes) -> Option<bool>] = &[$($function),+];
    };
}

with_records!(round_trips);

/// Decodes everything after the first byte as the record that byte picks, writes it and reads it again: by itself, cut off,
/// twice, and in a frame. Says which record it was and whether the bytes were its canonical ones.
///
/// # Panics
///
/// If the record does not come back as it was, or has two forms though the protocol gives it one.
pub fn round_trip(input: &[u8]) -> Option<(&'static str, bool)> {
    let (&number, bytes) = input.split_first()?;
    let number = usize::from(number);
    let canonical = ROUND_TRIPS.get(number)?(&Bytes::copy_from_slice(bytes))?;
    Some((RECORDS[number], canonical))
}
