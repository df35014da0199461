//! What the codec promises of memory: no allocation where none is needed, and no copy of a payload.

use std::{
    alloc::System,
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use zk_jute::{
    Decode, Encode, ErrorCode, OpCode, Permissions, Reader,
    records::{
        Acl, CreateRequest, GetDataRequest, GetDataResponse, Id, ReplyHeader, RequestHeader, SetDataRequest,
        Stat,
    },
    write_frame,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PATH: &str = "/service/demo/members/postgresql0";

/// The fewest allocations that `work` was seen to make: other threads of the process can only add to them.
fn allocations(mut work: impl FnMut()) -> usize {
    let count = |work: &mut dyn FnMut()| {
        let region = Region::new(ALLOCATOR);
        work();
        let change = region.change();
        change.allocations + change.reallocations
    };
    (0..100).map(|_| count(&mut work)).min().expect("a hundred counts")
}

/// The frame of a `getData` reply, without its length, as the client has it when all of it was received.
fn get_data_reply(size: usize) -> Bytes {
    let mut wire = BytesMut::new();
    let header = ReplyHeader { xid: 1, zxid: 2, err: ErrorCode::OK };
    let body = GetDataResponse { data: Some(Bytes::from(vec![7; size])), stat: Stat::default() };
    write_frame(&mut wire, &header, &body).unwrap();
    // Received frames are pieces of a buffer that others share: the first time a lone one is shared, bookkeeping is allocated.
    wire.split_off(4).freeze().slice(..)
}

fn decode(frame: &Bytes) -> GetDataResponse {
    let mut reader = Reader::new(frame);
    assert_eq!(ReplyHeader::decode(&mut reader).unwrap().err, ErrorCode::OK);
    GetDataResponse::decode(&mut reader).unwrap()
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7)))), 1);
}

#[test]
fn decoding_a_get_data_reply_allocates_nothing() {
    for size in [0, 16, 4096, 1 << 20] {
        let frame = get_data_reply(size);
        let count = allocations(|| drop(black_box(decode(black_box(&frame)))));
        assert_eq!(count, 0, "a payload of {size} bytes");
    }
}

#[test]
fn encoding_into_a_warm_buffer_allocates_nothing() {
    let mut buf = BytesMut::with_capacity(1 << 20);
    let mut check = |op, body: &dyn Encode| {
        let count = allocations(|| {
            buf.clear();
            write_frame(&mut buf, &RequestHeader { xid: 1, op }, black_box(body)).unwrap();
        });
        assert_eq!(count, 0, "{op}");
    };
    let data = Some(Bytes::from(vec![7; 4096]));
    let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
    check(OpCode::GET_DATA, &GetDataRequest { path: PATH, watch: true });
    check(OpCode::SET_DATA, &SetDataRequest { path: PATH, data: data.clone(), version: 3 });
    check(OpCode::CREATE2, &CreateRequest { path: PATH, data, acl, flags: 1 });
}

#[test]
fn a_payload_is_shared_and_not_copied() {
    let frame = get_data_reply(4096);
    let data = decode(&frame).data.unwrap();
    let (frame, data) = (frame.as_ptr_range(), data.as_ptr_range());
    assert!(frame.start <= data.start && data.end <= frame.end);
}

/// A copy of the larger one would take a thousand times as long as all of the decoding.
#[test]
fn decoding_takes_as_long_whatever_the_payload() {
    let (small, large) = (get_data_reply(16), get_data_reply(1 << 20));
    // The shortest of many short stretches, in turns: most of them are not interrupted, however busy the machine is.
    let stretch = |frame: &Bytes| {
        let start = Instant::now();
        for _ in 0..100 {
            black_box(decode(black_box(frame)));
        }
        start.elapsed()
    };
    let (mut least_small, mut least_large) = (Duration::MAX, Duration::MAX);
    for _ in 0..200 {
        least_small = least_small.min(stretch(&small));
        least_large = least_large.min(stretch(&large));
    }
    assert!(least_large < 5 * least_small, "{least_small:?} for 16 bytes, {least_large:?} for 1 MiB");
}
