//! Every record: what is encoded decodes to itself, and no bytes make a decoder panic or hold much more than they are.

mod samples;

use std::mem::size_of;

use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use proptest::sample::Index;
use samples::{Sample, hostile};
use zk_jute::records::*;
use zk_jute::{Decode, DecodeError, Encode, Reader};

macro_rules! tests {
    ($($module:ident $record:ident $(<$lt:lifetime>)?)+) => {
        $(mod $module {
            use super::*;

            type Static = $record $(<$lt>)?;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(64))]

                #[test]
                fn round_trip(record in Static::values()) {
                    let bytes = record.to_bytes();
                    prop_assert_eq!(bytes.len(), record.encoded_len());
                    prop_assert!(bytes.len() >= Static::MIN_LEN);
                    let mut buf = BytesMut::from(&b"before"[..]);
                    record.encode(&mut buf);
                    prop_assert_eq!(&buf[..], &[b"before", &bytes[..]].concat(), "encoding appends");
                    prop_assert_eq!($record::from_bytes(&bytes).expect("its own encoding"), record);
                }

                #[test]
                fn any_bytes(bytes in hostile(Static::values())) {
                    let mut reader = Reader::new(&bytes);
                    if let Ok(record) = $record::decode(&mut reader) {
                        let read = bytes.len() - reader.remaining();
                        prop_assert!(read >= Static::MIN_LEN, "{} bytes read", read);
                        let written = record.to_bytes();
                        prop_assert_eq!(written.len(), record.encoded_len());
                        prop_assert_eq!($record::from_bytes(&written).expect("its own encoding"), record);
                    }
                }

                #[test]
                fn cut_short(record in Static::values(), at in any::<Index>()) {
                    let bytes = record.to_bytes();
                    let cut = bytes.slice(..at.index(bytes.len()));
                    match $record::from_bytes(&cut) {
                        Err(DecodeError::Truncated { what, needed, left }) => {
                            prop_assert!(what.contains('.'), "{} names no field", what);
                            prop_assert!(needed > left);
                        }
                        // A count is judged by what is left after it.
                        Err(DecodeError::CountTooLarge { .. }) => {}
                        Err(other) => prop_assert!(false, "{}", other),
                        // Only the flag at the end of the connect records may be missing.
                        Ok(shorter) => prop_assert_eq!(shorter.encoded_len() + 1, bytes.len()),
                    }
                }

                #[test]
                fn trailing_bytes(record in Static::values()) {
                    let bytes = [&record.to_bytes()[..], &[0, 0]].concat().into();
                    match $record::from_bytes(&bytes) {
                        Err(DecodeError::TrailingBytes { left }) => prop_assert!(left == 1 || left == 2),
                        Err(other) => prop_assert!(false, "{}", other),
                        Ok(_) => prop_assert_eq!(stringify!($record), "ConnectResponse"),
                    }
                }
            }
        })+

        /// The list of records in these tests is the list of the crate.
        #[test]
        fn no_record_is_left_out() {
            let listed = [$(stringify!($module)),+];
            let declared: Vec<_> = include_str!("../src/records/mod.rs")
                .lines()
                .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
                .collect();
            assert_eq!(declared, listed);
        }
    };
}

every_record!(tests);

/// The bytes a vector holds on the heap.
fn held<T>(elements: &Vec<T>) -> usize {
    elements.capacity() * size_of::<T>()
}

/// A vector of the greatest count that `left` bytes of zeros can hold, and a vector of one more.
fn fullest(left: usize, min_element_len: usize) -> [Bytes; 2] {
    [0, 1].map(|more| {
        let mut bytes = BytesMut::new();
        bytes.put_u32((left / min_element_len + more).try_into().unwrap());
        bytes.put_bytes(0, left);
        bytes.freeze()
    })
}

#[test]
fn vectors_are_allocated_for_no_more_than_the_bytes_can_hold() {
    fn check<T: for<'a> Decode<'a>>() {
        let [fits, too_many] = fullest(4096, T::MIN_LEN);
        let vector = Vec::<T>::decode(&mut Reader::new(&fits)).unwrap();
        assert!(held(&vector) <= 5 * fits.len(), "{} bytes held", held(&vector));
        let refused = Vec::<T>::decode(&mut Reader::new(&too_many)).err().unwrap();
        assert!(matches!(refused, DecodeError::CountTooLarge { left: 4096, .. }), "{refused}");
    }
    check::<i32>();
    check::<i64>();
}

#[test]
fn vectors_of_borrowed_elements_too() {
    let [fits, too_many] = fullest(4096, 4);
    assert!(held(&Vec::<&str>::decode(&mut Reader::new(&fits)).unwrap()) <= 5 * fits.len());
    assert!(Vec::<&str>::decode(&mut Reader::new(&too_many)).is_err());

    let [fits, too_many] = fullest(4096, 12);
    assert!(held(&Vec::<Acl<'_>>::decode(&mut Reader::new(&fits)).unwrap()) <= 5 * fits.len());
    assert!(Vec::<Acl<'_>>::decode(&mut Reader::new(&too_many)).is_err());

    let [fits, too_many] = fullest(4096, 8);
    assert!(held(&Vec::<ClientInfo<'_>>::decode(&mut Reader::new(&fits)).unwrap()) <= 5 * fits.len());
    assert!(Vec::<ClientInfo<'_>>::decode(&mut Reader::new(&too_many)).is_err());
}

#[test]
fn a_vector_that_promises_everything_allocates_nothing() {
    let mut bytes = BytesMut::new();
    bytes.put_i32(i32::MAX);
    let bytes = bytes.freeze();
    let refused = GetChildrenResponse::from_bytes(&bytes).unwrap_err();
    let expected = DecodeError::CountTooLarge {
        what: "GetChildrenResponse.children",
        count: i32::MAX.try_into().unwrap(),
        left: 0,
    };
    assert_eq!(refused, expected);
}

#[test]
fn a_multi_of_the_smallest_results_stays_a_small_multiple_of_its_bytes() {
    let results = MultiResponse { results: vec![MultiResult::Delete; 10_000] }.to_bytes();
    let decoded = MultiResponse::from_bytes(&results).unwrap();
    assert!(held(&decoded.results) <= 32 * results.len(), "{} of {}", held(&decoded.results), results.len());

    let errors = vec![MultiResult::ErrorInHeader { op: 1.into(), err: (-1).into() }; 10_000];
    let results = MultiResponse { results: errors }.to_bytes();
    let decoded = MultiResponse::from_bytes(&results).unwrap();
    assert!(held(&decoded.results) <= 32 * results.len());
}

#[test]
fn an_identity_without_a_name_may_be_null_on_the_wire() {
    let bytes = Bytes::from_static(b"\0\0\0\x04auth\xff\xff\xff\xff");
    assert_eq!(Id::from_bytes(&bytes), Ok(Id { scheme: "auth", id: "" }));
}
