//! Encoding and decoding of whole frames, each beside a plain copy of the same bytes.

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zk_jute::records::{
    Acl, CreateRequest, GetChildrenResponse, GetDataResponse, Id, ReplyHeader, RequestHeader, Stat,
};
use zk_jute::{
    Decode, Encode, ErrorCode, FrameDecoder, FrameLimit, OpCode, Permissions, Reader, write_frame,
};

/// Payload sizes in bytes: a leader key, a member, a large configuration.
const PAYLOADS: [usize; 3] = [16, 1024, 65_536];

/// Numbers of children: a cluster, and far more than that.
const CHILDREN: [usize; 2] = [8, 1000];

const REQUEST: RequestHeader = RequestHeader { xid: 1, op: OpCode::CREATE };
const REPLY: ReplyHeader = ReplyHeader { xid: 1, zxid: 2, err: ErrorCode::OK };

/// Measures one message at one size: written, read (through the frame decoder), copied.
fn message<H: Encode, B: Encode>(
    criterion: &mut Criterion,
    (name, size): (&str, usize),
    (header, body): (&H, &B),
    read: impl Fn(&mut Reader<'_>),
) {
    let mut wire = BytesMut::new();
    write_frame(&mut wire, header, body).expect("a frame within the limit");
    let wire = wire.freeze();
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(wire.len() as u64));
    let mut buf = BytesMut::with_capacity(wire.len());
    group.bench_function(BenchmarkId::new("encode", size), |bencher| {
        bencher.iter(|| {
            buf.clear();
            write_frame(&mut buf, black_box(header), black_box(body)).expect("a frame within the limit");
        });
    });
    group.bench_function(BenchmarkId::new("copy", size), |bencher| {
        bencher.iter(|| {
            buf.clear();
            buf.extend_from_slice(black_box(&wire));
        });
    });
    // The input has to be received anew each time; that copy is measured with it.
    group.bench_function(BenchmarkId::new("receive+decode", size), |bencher| {
        let mut decoder = FrameDecoder::new(FrameLimit::default());
        let mut src = BytesMut::new();
        bencher.iter(|| {
            src.extend_from_slice(black_box(&wire));
            let frame = decoder.decode(&mut src).expect("a frame").expect("all of it");
            read(&mut Reader::new(&frame));
        });
    });
    group.finish();
}

fn codec(criterion: &mut Criterion) {
    for size in PAYLOADS {
        let data = Some(Bytes::from(vec![7; size]));
        let body = GetDataResponse { data, stat: Stat::default() };
        message(criterion, ("getData reply", size), (&REPLY, &body), |reader| {
            black_box(ReplyHeader::decode(reader).expect("a header"));
            black_box(GetDataResponse::decode(reader).expect("a body"));
        });
    }
    for size in PAYLOADS {
        let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
        let data = Some(Bytes::from(vec![7; size]));
        let body = CreateRequest { path: "/service/demo/members/postgresql0", data, acl, flags: 1 };
        message(criterion, ("create request", size), (&REQUEST, &body), |reader| {
            black_box(RequestHeader::decode(reader).expect("a header"));
            black_box(CreateRequest::decode(reader).expect("a body"));
        });
    }
    for count in CHILDREN {
        let names: Vec<_> = (0..count).map(|number| format!("postgresql{number}")).collect();
        let body = GetChildrenResponse { children: names.iter().map(String::as_str).collect() };
        message(criterion, ("getChildren reply", count), (&REPLY, &body), |reader| {
            black_box(ReplyHeader::decode(reader).expect("a header"));
            black_box(GetChildrenResponse::decode(reader).expect("a body"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = codec
}
criterion_main!(benches);
