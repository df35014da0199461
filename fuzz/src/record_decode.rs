//! Any bytes as any record.

use bytes::Bytes;
use zk_jute::records::*;
use zk_jute::{Decode, Encode, Reader};

use crate::records::{RECORDS, with_records};

/// A function per record and their table; the first byte of an input is an index into it.
macro_rules! decoders {
    ($($function:ident $record:ident)+) => {
        $(fn $function(bytes: &Bytes) -> bool {
            let mut reader = Reader::new(bytes);
            let Ok(record) = $record::decode(&mut reader) else { return false };
            let read = bytes.len() - reader.remaining();
            assert!(read >= <$record as Decode>::MIN_LEN, "shorter than the shortest");
            // Not always the bytes that were read: a null password is written as an empty one, the error field of a
            // multi's header as what clients write into it.
            let written = record.to_bytes();
            assert_eq!(written.len(), record.encoded_len(), "the length was promised");
            assert_eq!($record::from_bytes(&written).as_ref(), Ok(&record), "what was written is read again");
            true
        })+

        const DECODERS: &[fn(&Bytes) -> bool] = &[$($function),+];
    };
}

with_records!(decoders);

/// Decodes everything after the first byte as the record that byte picks, and says which one it was if it was one.
///
/// # Panics
///
/// If a decoded record does not survive being encoded, or its length is not what it said.
pub fn record_decode(input: &[u8]) -> Option<&'static str> {
    let (&number, bytes) = input.split_first()?;
    let number = usize::from(number);
    let decoder = DECODERS.get(number)?;
    decoder(&Bytes::copy_from_slice(bytes)).then(|| RECORDS[number])
}
