//! The corpora as ordinary tests: what a fuzzer has found once stays found, on stable and without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dcs_zk_fuzz::{
    Handshake, KEYS, MultiReply, RECORDS, Text, connect_response, dcs_json, frame_stream, hosts_and_paths,
    multi_reply, record_decode, round_trip, session_operations,
};
use zk_proto::{Cause, State};

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

#[test]
fn round_trip_corpus() {
    let inputs = corpus("round_trip").into_iter().chain(corpus("record_decode"));
    let survived: BTreeSet<_> = inputs.filter_map(|input| round_trip(&input)).collect();
    for record in RECORDS {
        let multi = record.starts_with("Multi");
        assert!(
            survived.contains(&(*record, true)) || multi,
            "no input of the corpus is a canonical {record}"
        );
    }
    assert!(survived.iter().any(|(_, canonical)| !canonical), "none has another form");
}

#[test]
fn connect_response_corpus() {
    let outcomes: Vec<_> = corpus("connect_response").iter().map(|input| connect_response(input)).collect();
    for outcome in [
        Handshake::Waiting,
        Handshake::Granted,
        Handshake::Expired,
        Handshake::Dropped(Cause::ReadOnlyServer),
    ] {
        assert!(outcomes.contains(&outcome), "no input leads to {outcome:?}");
    }
    let errors: BTreeSet<_> =
        outcomes.iter().filter_map(Handshake::protocol_error).map(ToString::to_string).collect();
    assert!(errors.len() > 8, "few kinds of error: {errors:?}");
}

#[test]
fn multi_reply_corpus() {
    let outcomes: Vec<_> = corpus("multi_reply").iter().filter_map(|input| multi_reply(input)).collect();
    assert!(
        outcomes.contains(&MultiReply::Full { errors: 0 })
            && outcomes.contains(&MultiReply::Full { errors: 2 })
    );
    assert!(outcomes.contains(&MultiReply::Short));
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, MultiReply::Refused(_))).count();
    assert!(refused >= 4, "{outcomes:?}");
}

#[test]
fn session_operations_corpus() {
    let outcomes: Vec<_> =
        corpus("session_operations").iter().map(|input| session_operations(input)).collect();
    for state in [State::Connected, State::Connecting, State::Closed] {
        assert!(outcomes.iter().any(|outcome| outcome.state == state), "none ends {state}");
    }
    assert!(outcomes.iter().any(|outcome| outcome.generations > 1), "no session expires");
    assert!(outcomes.iter().any(|outcome| outcome.dropped > 0), "no connection is given up");
    assert!(outcomes.iter().any(|outcome| outcome.replies > 3), "few requests");
}

#[test]
fn dcs_json_corpus() {
    let read: BTreeSet<_> = corpus("dcs_json").iter().filter_map(|input| dcs_json(input)).collect();
    for key in KEYS {
        assert!(read.contains(&(key, true)), "no input is a {key}");
    }
    assert!(read.contains(&("failover", false)) && read.contains(&("config", false)), "no garbage");
}

#[test]
fn hosts_and_paths_corpus() {
    let read: BTreeSet<_> =
        corpus("hosts_and_paths").iter().filter_map(|input| hosts_and_paths(input)).collect();
    for text in [Text::Servers, Text::Path, Text::Member, Text::Scope, Text::Patroni] {
        assert!(read.contains(&(text, true)) && read.contains(&(text, false)), "{text:?}: {read:?}");
    }
    assert!(read.contains(&(Text::Environment, true)));
}

/// Every target of the fuzzer has a corpus, and so a place above.
#[test]
fn every_target_has_a_corpus() {
    let names = |folder: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("fuzz_targets"), names("corpus"));
    assert_eq!(names("fuzz_targets").len(), 8);
}

/// Every file of zk-jute's records has its place in the target.
#[test]
fn every_record_is_a_target() {
    let declared = include_str!("../../crates/zk-jute/src/records/mod.rs");
    let count = declared.lines().filter(|line| line.starts_with("mod ")).count();
    assert_eq!(RECORDS.len(), count);
}
