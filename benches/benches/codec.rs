//! Encoding and decoding of every common record, each beside a plain copy of the same bytes: the limit.
//!
//! `cargo bench -p benches --bench codec`, with a part of a name behind it for some of them.

#[path = "codec/replies.rs"]
mod replies;
#[path = "codec/requests.rs"]
mod requests;

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zk_jute::{Encode, FrameDecoder, FrameLimit, Reader, write_frame};

/// Payload sizes in bytes: a leader key, a member, a status page, a large configuration.
const PAYLOADS: [usize; 4] = [16, 1024, 4096, 65_536];

/// Numbers of names in a list: a cluster, and far more than that.
const COUNTS: [usize; 2] = [8, 1000];

/// A path as Patroni has them.
const PATH: &str = "/service/demo/members/postgresql0";

/// Names of children.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("postgresql{number}")).collect()
}

/// A closure that decodes a header and a body.
macro_rules! decode {
    ($header:ty, $body:ty) => {
        |reader: &mut zk_jute::Reader<'_>| {
            std::hint::black_box(<$header as zk_jute::Decode>::decode(reader).expect("a header"));
            std::hint::black_box(<$body as zk_jute::Decode>::decode(reader).expect("a body"));
        }
    };
}
use decode;

/// Measures one message at one size: written, copied, read, and read through the frame decoder.
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
    let frame = wire.slice(4..);
    group.bench_function(BenchmarkId::new("decode", size), |bencher| {
        bencher.iter(|| read(&mut Reader::new(black_box(&frame))));
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

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = requests::all, replies::all
}
criterion_main!(benches);
