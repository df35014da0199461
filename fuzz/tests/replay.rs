//! The corpora as ordinary tests: what a fuzzer has found once stays found, on stable and without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dcs_zk_fuzz::{RECORDS, frame_stream, record_decode};

/// The inputs of a target; a corpus that is not there must not pass for one that holds.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let inputs: Vec<_> = entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

#[test]
fn record_decode_corpus() {
    let inputs = corpus("record_decode");
    let decoded: BTreeSet<_> = inputs.iter().filter_map(|input| record_decode(input)).collect();
    let missing: Vec<_> = RECORDS.iter().filter(|record| !decoded.contains(*record)).collect();
    assert!(missing.is_empty(), "no input of the corpus is a {missing:?}");
}

#[test]
fn frame_stream_corpus() {
    let outcomes: Vec<_> = corpus("frame_stream").iter().filter_map(|input| frame_stream(input)).collect();
    assert!(outcomes.iter().any(|outcome| outcome.frames.len() > 5), "no stream of several frames");
    assert!(outcomes.iter().any(|outcome| outcome.error.is_some()), "no stream that fails");
    assert!(outcomes.iter().any(|outcome| outcome.left > 0), "no stream that ends within a frame");
}

/// Every file of zk-jute's records has its place in the target.
#[test]
fn every_record_is_a_target() {
    let declared = include_str!("../../crates/zk-jute/src/records/mod.rs");
    let count = declared.lines().filter(|line| line.starts_with("mod ")).count();
    assert_eq!(RECORDS.len(), count);
}
