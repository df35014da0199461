//! The primitives: what each refuses, and that payloads are not copied.

use bytes::{BufMut, Bytes, BytesMut};
use zk_jute::records::{ConnectRequest, ConnectResponse, GetDataResponse, Stat};
use zk_jute::{Decode, DecodeError, Encode, Raw, Reader};

fn int(number: i32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

#[test]
fn numbers_are_big_endian() {
    let bytes = Bytes::from_static(&[1, 0xfe, 0, 0, 1, 2, 0xff, 0, 0, 0, 0, 0, 0, 3, 9]);
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.read_bool(), Ok(true));
    assert_eq!(reader.read_i8(), Ok(-2));
    assert_eq!(reader.read_i32(), Ok(258));
    assert_eq!(reader.remaining(), 9);
    assert_eq!(reader.read_i64(), Ok(-0x0100_0000_0000_0000 + 3));
    assert!(!reader.is_empty());
    assert_eq!(reader.clone().finish(), Err(DecodeError::TrailingBytes { left: 1 }));
    assert_eq!(reader.rest(), Bytes::from_static(&[9]));
    assert!(reader.is_empty());
    assert_eq!(reader.read_i8(), Err(DecodeError::Truncated { what: "byte", needed: 1, left: 0 }));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_boolean_is_zero_or_one() {
    let bytes = Bytes::from_static(&[2]);
    assert_eq!(Reader::new(&bytes).read_bool(), Err(DecodeError::BadBool { what: "boolean", value: 2 }));
}

#[test]
fn null_is_minus_one_and_not_empty() {
    assert_eq!(Reader::new(&int(-1)).read_buffer(), Ok(None));
    assert_eq!(Reader::new(&int(0)).read_buffer(), Ok(Some(Bytes::new())));
    assert_eq!(Reader::new(&int(-1)).read_opt_str(), Ok(None));
    assert_eq!(Reader::new(&int(0)).read_opt_str(), Ok(Some("")));
}

#[test]
fn other_negative_lengths_are_refused() {
    for len in [-2, -7, i32::MIN] {
        let bytes = int(len);
        let refused = |what| DecodeError::NegativeLength { what, len };
        assert_eq!(Reader::new(&bytes).read_buffer(), Err(refused("buffer")));
        assert_eq!(Reader::new(&bytes).read_opt_str(), Err(refused("ustring")));
        assert_eq!(Reader::new(&bytes).read_str(), Err(refused("ustring")));
        assert_eq!(Reader::new(&bytes).read_count(4), Err(refused("vector")));
    }
    assert_eq!(
        Reader::new(&int(-1)).read_str(),
        Err(DecodeError::NegativeLength { what: "ustring", len: -1 })
    );
    assert_eq!(
        Reader::new(&int(-1)).read_count(1),
        Err(DecodeError::NegativeLength { what: "vector", len: -1 })
    );
}

#[test]
fn lengths_beyond_the_end_are_refused() {
    let needed = i32::MAX.try_into().unwrap();
    assert_eq!(
        Reader::new(&int(i32::MAX)).read_buffer(),
        Err(DecodeError::Truncated { what: "buffer", needed, left: 0 })
    );
    assert_eq!(
        Reader::new(&int(i32::MAX)).read_str(),
        Err(DecodeError::Truncated { what: "ustring", needed, left: 0 })
    );
}

#[test]
fn counts_are_judged_by_the_smallest_element() {
    let bytes = Bytes::from_static(&[0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9]);
    assert_eq!(Reader::new(&bytes).read_count(3), Ok(2));
    let refused = DecodeError::CountTooLarge { what: "vector", count: 2, left: 7 };
    assert_eq!(Reader::new(&bytes).read_count(4), Err(refused));
    assert_eq!(Reader::new(&bytes).read_count(0), Ok(2), "0 counts as 1");
    assert_eq!(
        Reader::new(&int(1)).read_count(0),
        Err(DecodeError::CountTooLarge { what: "vector", count: 1, left: 0 })
    );
}

#[test]
fn text_is_checked() {
    let bytes = Bytes::from_static(b"\0\0\0\x03a\xff\xfe");
    assert_eq!(Reader::new(&bytes).read_str(), Err(DecodeError::Utf8 { what: "ustring", valid_up_to: 1 }));
}

#[test]
fn payloads_are_slices_of_the_frame() {
    let frame =
        GetDataResponse { data: Some(Bytes::from_static(b"payload")), stat: Stat::default() }.to_bytes();
    let data = GetDataResponse::from_bytes(&frame).unwrap().data.unwrap();
    assert_eq!(data.as_ptr(), frame[4..].as_ptr());
}

#[test]
fn errors_name_the_innermost_field() {
    let frame = GetDataResponse { data: None, stat: Stat::default() }.to_bytes();
    let error = GetDataResponse::from_bytes(&frame.slice(..frame.len() - 1)).unwrap_err();
    assert_eq!(error, DecodeError::Truncated { what: "Stat.pzxid", needed: 8, left: 7 });
    assert_eq!(error.to_string(), "Stat.pzxid is cut short: it needs 8 bytes and 7 are left");
}

#[test]
fn raw_bodies_pass_as_they_are() {
    let raw = Raw(Bytes::from_static(&[1, 2, 3]));
    assert_eq!(raw.encoded_len(), 3);
    assert_eq!(raw.to_bytes(), raw.0);
    assert_eq!(Raw::from_bytes(&raw.0), Ok(raw.clone()));
    assert_eq!(().encoded_len(), 0);
    assert_eq!(<()>::from_bytes(&Bytes::new()), Ok(()));
    assert_eq!(<()>::from_bytes(&raw.0), Err(DecodeError::TrailingBytes { left: 3 }));
}

/// Servers before 3.4 leave the flag out; newer ones may add to the record.
#[test]
fn connect_responses_of_any_age() {
    let mut response = BytesMut::new();
    response.put_i32(0);
    response.put_i32(30_000);
    response.put_i64(7);
    response.put_i32(16);
    response.put_bytes(0xab, 16);
    for (tail, read_only) in
        [(&[][..], None), (&[0], Some(false)), (&[1], Some(true)), (&[1, 9, 9], Some(true))]
    {
        let bytes = Bytes::from([&response, tail].concat());
        let decoded = ConnectResponse::from_bytes(&bytes).unwrap();
        assert_eq!((decoded.timeout, decoded.session_id, decoded.read_only), (30_000, 7, read_only));
        assert_eq!(decoded.password, bytes.slice(20..36));
    }
}

#[test]
fn a_null_password_is_an_empty_one() {
    let bytes = Bytes::from([&[0; 24][..], &[0xff; 4]].concat());
    assert_eq!(ConnectRequest::from_bytes(&bytes).unwrap().password, Bytes::new());
}
