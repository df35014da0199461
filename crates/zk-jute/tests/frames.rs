//! Frames: however a stream is sliced the frames are the same, and no length costs more than the bytes received.

use bytes::{BufMut, Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use zk_jute::records::{ConnectRequest, ReplyHeader};
use zk_jute::{
    Encode, ErrorCode, Foreign, FrameDecoder, FrameError, FrameLimit, FrameLimitTooHigh, Raw, write_frame,
};

fn raw(bytes: &[u8]) -> Raw {
    Raw(Bytes::copy_from_slice(bytes))
}

/// Decodes `stream` in the given slices.
fn in_slices<'s>(
    decoder: &mut FrameDecoder,
    slices: impl IntoIterator<Item = &'s [u8]>,
) -> (Vec<Bytes>, Option<FrameError>, usize) {
    let mut src = BytesMut::new();
    let mut frames = Vec::new();
    for slice in slices {
        src.extend_from_slice(slice);
        loop {
            match decoder.decode(&mut src) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error), src.len()),
            }
        }
    }
    (frames, None, src.len())
}

fn decode(stream: &[u8]) -> Result<Option<Bytes>, FrameError> {
    FrameDecoder::new(FrameLimit::default()).decode(&mut BytesMut::from(stream))
}

proptest! {
    #[test]
    fn any_slicing_gives_the_same_frames(
        bodies in vec(vec(any::<u8>(), 0..50), 0..8),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut stream = BytesMut::new();
        for body in &bodies {
            write_frame(&mut stream, &(), &raw(body)).unwrap();
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let slices = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        let mut decoder = FrameDecoder::new(FrameLimit::default());
        let (frames, error, left) = in_slices(&mut decoder, slices);
        prop_assert_eq!(error, None);
        prop_assert_eq!(left, 0);
        prop_assert_eq!(frames, bodies.into_iter().map(Bytes::from).collect::<Vec<_>>());
    }

    #[test]
    fn any_stream_one_byte_at_a_time(
        stream in vec(prop_oneof![3 => Just(0u8), 1 => 0..16u8, 1 => any::<u8>()], 0..300),
    ) {
        let limit = FrameLimit::new(100).unwrap();
        let whole = in_slices(&mut FrameDecoder::new(limit), [&stream[..]]);
        let bytes = in_slices(&mut FrameDecoder::new(limit), stream.chunks(1));
        prop_assert_eq!(&whole.0, &bytes.0);
        prop_assert_eq!(&whole.1, &bytes.1);
        prop_assert!(whole.0.iter().all(|frame| frame.len() <= limit.get()));
    }

    #[test]
    fn header_and_body_are_one_frame(xid in any::<i32>(), body in vec(any::<u8>(), 0..50)) {
        let header = ReplyHeader { xid, zxid: 1, err: ErrorCode::OK };
        let mut wire = BytesMut::new();
        write_frame(&mut wire, &header, &raw(&body)).unwrap();
        let expected = [&header.to_bytes()[..], &body].concat();
        prop_assert_eq!(decode(&wire).unwrap().unwrap(), expected);
    }
}

#[test]
fn lengths_are_judged_before_the_body_arrives() {
    let limit = FrameLimit::default();
    let at = |len: usize| u32::try_from(len).unwrap().to_be_bytes();
    assert_eq!(decode(&at(limit.get())), Ok(None));
    assert_eq!(decode(&at(limit.get() + 1)), Err(FrameError::TooLong { len: limit.get() + 1, limit }));
    assert_eq!(decode(&i32::MAX.to_be_bytes()), Err(FrameError::TooLong { len: 0x7fff_ffff, limit }));
    assert_eq!(decode(&(-1i32).to_be_bytes()), Err(FrameError::Negative(-1)));
    assert_eq!(decode(&i32::MIN.to_be_bytes()), Err(FrameError::Negative(i32::MIN)));
    assert_eq!(decode(&at(0)), Ok(Some(Bytes::new())));
    assert_eq!(decode(&[0xff, 0xff, 0xff]), Ok(None), "three bytes are no length");
}

#[test]
fn the_buffer_grows_with_what_arrives_and_not_with_what_is_promised() {
    let mut decoder = FrameDecoder::new(FrameLimit::MAX);
    let mut src = BytesMut::new();
    src.put_u32(FrameLimit::MAX.get().try_into().unwrap());
    assert_eq!(decoder.decode(&mut src), Ok(None));
    assert!(src.capacity() <= 32 * 1024, "{}", src.capacity());
    for _ in 0..100 {
        src.put_bytes(0, 1000);
        assert_eq!(decoder.decode(&mut src), Ok(None));
    }
    assert!(src.capacity() <= 256 * 1024, "{}", src.capacity());
}

#[test]
fn a_large_frame_ends_up_in_a_buffer_of_its_own_size() {
    let len = FrameLimit::DEFAULT.get();
    let mut stream = i32::try_from(len).unwrap().to_be_bytes().to_vec();
    stream.resize(4 + len, 7);
    let mut decoder = FrameDecoder::new(FrameLimit::DEFAULT);
    let mut src = BytesMut::new();
    let mut most = 0;
    for (n, slice) in stream.chunks(10_000).enumerate() {
        src.extend_from_slice(slice);
        most = most.max(src.capacity());
        match decoder.decode(&mut src).unwrap() {
            Some(frame) => assert!(frame.len() == len && n + 1 == stream.len().div_ceil(10_000)),
            None => {
                assert!(src.capacity() <= 4 * (src.len() + 10_000), "{} of {}", src.len(), src.capacity());
            }
        }
    }
    assert!((len..len + 10_000).contains(&most), "{most}");
}

#[test]
fn frames_are_slices_of_the_buffer() {
    let mut src = BytesMut::from(&b"\0\0\0\x03abc"[..]);
    let start = src.as_ptr();
    let frame = FrameDecoder::new(FrameLimit::default()).decode(&mut src).unwrap().unwrap();
    assert_eq!(frame.as_ptr(), start.wrapping_add(4));
}

#[test]
fn an_error_stays() {
    let mut decoder = FrameDecoder::new(FrameLimit::default());
    let mut src = BytesMut::from(&[0, 0, 0, 1, 7, 0xff, 0xff, 0xff, 0xfe, 1][..]);
    assert_eq!(decoder.decode(&mut src), Ok(Some(Bytes::from_static(&[7]))));
    for _ in 0..3 {
        assert_eq!(decoder.decode(&mut src), Err(FrameError::Negative(-2)));
    }
}

#[test]
fn other_protocols_are_named() {
    for (first, foreign, word) in [
        (&b"\x15\x03\x03\0\x02\x02\x50"[..], Foreign::TlsAlert, "TLS alert"),
        (b"\x16\x03\x01\x02\0", Foreign::TlsHandshake, "TLS handshake"),
        (b"HTTP/1.1 400 Bad Request", Foreign::HttpResponse, "HTTP response"),
        (b"GET / HTTP/1.1", Foreign::HttpRequest, "HTTP request"),
    ] {
        let error = decode(first).unwrap_err();
        assert_eq!(error, FrameError::LooksLike(foreign));
        assert!(error.to_string().contains(word), "{error}");
        // Not in the middle of a stream: there it is a length that is too long.
        let later = [&[0, 0, 0, 0], first].concat();
        let mut decoder = FrameDecoder::new(FrameLimit::MAX);
        let (frames, error, _) = in_slices(&mut decoder, [&later[..]]);
        assert_eq!(frames.len(), 1);
        assert!(matches!(error, Some(FrameError::TooLong { .. })), "{error:?}");
    }
}

#[test]
fn limits() {
    assert_eq!(FrameLimit::new(0).unwrap().get(), 0);
    assert_eq!(FrameLimit::new(64 << 20), Ok(FrameLimit::MAX));
    assert_eq!(FrameLimit::new((64 << 20) + 1), Err(FrameLimitTooHigh { asked: (64 << 20) + 1 }));
    assert_eq!(
        FrameLimit::new(usize::MAX).unwrap_err().to_string(),
        format!("a frame limit of {} bytes is above the maximum of 67108864 bytes", usize::MAX)
    );
    assert_eq!(FrameLimit::CONNECT_RESPONSE.get(), 1024);

    let mut decoder = FrameDecoder::new(FrameLimit::CONNECT_RESPONSE);
    let mut src = BytesMut::from(&[0, 0, 4, 1][..]);
    assert!(decoder.decode(&mut src).is_err());
    decoder.set_limit(FrameLimit::default());
    assert_eq!(decoder.limit(), FrameLimit::default());
    assert_eq!(decoder.decode(&mut src), Ok(None));
}

/// Says it is long without being so: no test should have to hold 2 GiB.
struct Claims(usize);

impl Encode for Claims {
    fn encoded_len(&self) -> usize {
        self.0
    }

    fn encode(&self, _buf: &mut BytesMut) {
        panic!("must not be asked to write");
    }
}

#[test]
fn frames_too_long_to_write_are_refused_untouched() {
    let mut wire = BytesMut::from(&b"before"[..]);
    for len in [FrameLimit::MAX.get() + 1, i32::MAX as usize + 1, usize::MAX] {
        let expected = Err(FrameError::TooLong { len, limit: FrameLimit::MAX });
        assert_eq!(write_frame(&mut wire, &(), &Claims(len)), expected);
        assert_eq!(wire, "before");
    }
    assert!(write_frame(&mut wire, &Claims(usize::MAX), &Claims(1)).is_err());
}

#[test]
fn a_part_of_a_frame_may_be_missing_or_dynamic() {
    let hello = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout: 1000,
        session_id: 0,
        password: Bytes::from_static(&[0; 16]),
        read_only: Some(false),
    };
    let mut wire = BytesMut::new();
    let body: &dyn Encode = &hello;
    write_frame(&mut wire, &(), body).unwrap();
    assert_eq!(decode(&wire).unwrap().unwrap(), hello.to_bytes());
}
