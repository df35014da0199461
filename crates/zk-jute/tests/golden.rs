//! Frames of other people's making: what two clients and a real server said to each other decodes, and encodes to the
//! same bytes.
//!
//! The files under `golden/` were captured by `scripts/capture-golden` (its README tells how): kazoo 2.11.0 and
//! ZooKeeper's own Java client 3.8.0, each against Debian's ZooKeeper 3.8.0, as a quorum of one with SASL,
//! reconfiguration and znodes with a time to live switched on.

mod capture;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use capture::{Frame, JAVA, KAZOO, frames};
use zk_jute::records::*;
use zk_jute::{Decode, DecodeError, Encode, ErrorCode, OpCode, Reader, xid};

/// Decodes all of `bytes` as a `T` and encodes it again.
fn again<'a, T: Decode<'a> + Encode>(bytes: &'a Bytes) -> Result<Bytes, DecodeError> {
    let record = T::from_bytes(bytes)?;
    assert_eq!(record.encoded_len(), bytes.len());
    Ok(record.to_bytes())
}

fn request_again(op: OpCode, body: &Bytes) -> Result<Bytes, DecodeError> {
    match op {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => again::<CreateRequest<'_>>(body),
        OpCode::CREATE_TTL => again::<CreateTTLRequest<'_>>(body),
        OpCode::DELETE => again::<DeleteRequest<'_>>(body),
        OpCode::EXISTS => again::<ExistsRequest<'_>>(body),
        OpCode::GET_DATA => again::<GetDataRequest<'_>>(body),
        OpCode::SET_DATA => again::<SetDataRequest<'_>>(body),
        OpCode::GET_ACL => again::<GetACLRequest<'_>>(body),
        OpCode::SET_ACL => again::<SetACLRequest<'_>>(body),
        OpCode::GET_CHILDREN => again::<GetChildrenRequest<'_>>(body),
        OpCode::GET_CHILDREN2 => again::<GetChildren2Request<'_>>(body),
        OpCode::SYNC => again::<SyncRequest<'_>>(body),
        OpCode::MULTI | OpCode::MULTI_READ => again::<MultiRequest<'_>>(body),
        OpCode::RECONFIG => again::<ReconfigRequest<'_>>(body),
        OpCode::CHECK_WATCHES => again::<CheckWatchesRequest<'_>>(body),
        OpCode::REMOVE_WATCHES => again::<RemoveWatchesRequest<'_>>(body),
        OpCode::AUTH => again::<AuthPacket<'_>>(body),
        OpCode::SET_WATCHES => again::<SetWatches<'_>>(body),
        OpCode::SET_WATCHES2 => again::<SetWatches2<'_>>(body),
        OpCode::SASL => again::<GetSASLRequest>(body),
        OpCode::GET_EPHEMERALS => again::<GetEphemeralsRequest<'_>>(body),
        OpCode::GET_ALL_CHILDREN_NUMBER => again::<GetAllChildrenNumberRequest<'_>>(body),
        OpCode::ADD_WATCH => again::<AddWatchRequest<'_>>(body),
        OpCode::PING | OpCode::CLOSE_SESSION | OpCode::WHO_AM_I => again::<()>(body),
        other => panic!("no request is known for {other}"),
    }
}

fn reply_again(op: OpCode, body: &Bytes) -> Result<Bytes, DecodeError> {
    match op {
        OpCode::CREATE => again::<CreateResponse<'_>>(body),
        OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => again::<Create2Response<'_>>(body),
        OpCode::EXISTS => again::<ExistsResponse>(body),
        OpCode::GET_DATA | OpCode::RECONFIG => again::<GetDataResponse>(body),
        OpCode::SET_DATA => again::<SetDataResponse>(body),
        OpCode::GET_ACL => again::<GetACLResponse<'_>>(body),
        OpCode::SET_ACL => again::<SetACLResponse>(body),
        OpCode::GET_CHILDREN => again::<GetChildrenResponse<'_>>(body),
        OpCode::GET_CHILDREN2 => again::<GetChildren2Response<'_>>(body),
        OpCode::SYNC => again::<SyncResponse<'_>>(body),
        OpCode::MULTI | OpCode::MULTI_READ => again::<MultiResponse<'_>>(body),
        OpCode::SASL => again::<SetSASLResponse>(body),
        OpCode::GET_EPHEMERALS => again::<GetEphemeralsResponse<'_>>(body),
        OpCode::GET_ALL_CHILDREN_NUMBER => again::<GetAllChildrenNumberResponse>(body),
        OpCode::ADD_WATCH => again::<ErrorResponse>(body),
        OpCode::WHO_AM_I => again::<WhoAmIResponse<'_>>(body),
        OpCode::DELETE | OpCode::CHECK_WATCHES | OpCode::REMOVE_WATCHES | OpCode::AUTH => again::<()>(body),
        OpCode::SET_WATCHES | OpCode::SET_WATCHES2 => again::<()>(body),
        OpCode::PING | OpCode::CLOSE_SESSION => again::<()>(body),
        other => panic!("no reply is known for {other}"),
    }
}

/// Decodes and encodes a whole frame.
fn frame_again(frame: &Frame) -> Result<Vec<u8>, DecodeError> {
    let mut reader = Reader::new(&frame.bytes);
    match (frame.op, frame.from_client) {
        ("connect", true) => Ok(again::<ConnectRequest>(&frame.bytes)?.into()),
        ("connect", false) => Ok(again::<ConnectResponse>(&frame.bytes)?.into()),
        ("notification", _) => {
            let header = ReplyHeader::decode(&mut reader)?;
            assert_eq!((header.xid, header.err), (xid::WATCH_EVENT_XID, ErrorCode::OK));
            Ok([header.to_bytes(), again::<WatcherEvent<'_>>(&reader.rest())?].concat())
        }
        (op, true) => {
            let header = RequestHeader::decode(&mut reader)?;
            assert_eq!(header.op.name(), op);
            Ok([header.to_bytes(), request_again(header.op, &reader.rest())?].concat())
        }
        (op, false) => {
            let header = ReplyHeader::decode(&mut reader)?;
            let body = match header.err {
                ErrorCode::OK => reply_again(op_named(op), &reader.rest())?,
                error => {
                    assert!(error.known_name().is_some(), "{error}");
                    again::<()>(&reader.rest())?
                }
            };
            Ok([header.to_bytes(), body].concat())
        }
    }
}

fn op_named(name: &str) -> OpCode {
    *OpCode::NAMED.iter().find(|op| op.name() == name).unwrap()
}

/// What a file shows, as words: `create`, `create reply`, `create refused: node exists`, `event node created`.
fn check(file: &'static str) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for frame in frames(file) {
        match frame_again(&frame) {
            Ok(bytes) => assert_eq!(bytes, frame.bytes, "line {}", frame.line),
            Err(error) => {
                panic!("line {}, connection {}, {}: {error}", frame.line, frame.connection, frame.op)
            }
        }
        let mut reader = Reader::new(&frame.bytes);
        let what = match (frame.op, frame.from_client) {
            ("notification", _) => {
                ReplyHeader::decode(&mut reader).unwrap();
                format!("event {}", WatcherEvent::decode(&mut reader).unwrap().event_type)
            }
            (op, true) => op.to_owned(),
            ("connect", false) => "connect reply".to_owned(),
            (op, false) => match ReplyHeader::decode(&mut reader).unwrap().err {
                ErrorCode::OK => format!("{op} reply"),
                error => format!("{op} refused: {error}"),
            },
        };
        *seen.entry(what).or_default() += 1;
    }
    seen
}

/// Fails unless the file shows all of these.
fn shows(seen: &BTreeMap<String, usize>, ops: &[OpCode], others: &[&str]) {
    let answered = ops.iter().flat_map(|op| [op.name().to_owned(), format!("{} reply", op.name())]);
    let expected: BTreeSet<String> = answered.chain(others.iter().map(ToString::to_string)).collect();
    let missing: Vec<_> = expected.iter().filter(|what| !seen.contains_key(*what)).collect();
    assert!(missing.is_empty(), "the capture does not show {missing:?}; it shows {seen:#?}");
}

#[test]
fn kazoo() {
    let ops = [
        OpCode::CREATE,
        OpCode::CREATE2,
        OpCode::DELETE,
        OpCode::EXISTS,
        OpCode::GET_DATA,
        OpCode::SET_DATA,
        OpCode::GET_ACL,
        OpCode::SET_ACL,
        OpCode::GET_CHILDREN,
        OpCode::GET_CHILDREN2,
        OpCode::SYNC,
        OpCode::MULTI,
        OpCode::RECONFIG,
        OpCode::AUTH,
        OpCode::SASL,
        OpCode::PING,
        OpCode::CLOSE_SESSION,
    ];
    let others = [
        "connect",
        "connect reply",
        "auth refused: authentication failed",
        "create refused: no children for ephemerals",
        "create refused: no node",
        "create refused: node exists",
        "delete refused: bad version",
        "delete refused: not empty",
        "reconfig refused: bad version",
        "reconfig refused: not authorized",
        "setACL refused: invalid ACL",
        "event node children changed",
        "event node created",
        "event node data changed",
        "event node deleted",
    ];
    shows(&check(KAZOO), &ops, &others);
}

#[test]
fn java() {
    let ops = [
        OpCode::CREATE,
        OpCode::CREATE2,
        OpCode::CREATE_CONTAINER,
        OpCode::CREATE_TTL,
        OpCode::DELETE,
        OpCode::EXISTS,
        OpCode::GET_DATA,
        OpCode::SET_DATA,
        OpCode::GET_ACL,
        OpCode::SET_ACL,
        OpCode::GET_CHILDREN,
        OpCode::GET_CHILDREN2,
        OpCode::GET_ALL_CHILDREN_NUMBER,
        OpCode::GET_EPHEMERALS,
        OpCode::SYNC,
        OpCode::MULTI,
        OpCode::MULTI_READ,
        OpCode::RECONFIG,
        OpCode::ADD_WATCH,
        OpCode::CHECK_WATCHES,
        OpCode::REMOVE_WATCHES,
        OpCode::SET_WATCHES,
        OpCode::SET_WATCHES2,
        OpCode::AUTH,
        OpCode::SASL,
        OpCode::WHO_AM_I,
        OpCode::PING,
        OpCode::CLOSE_SESSION,
    ];
    let others = [
        "connect",
        "connect reply",
        "create refused: invalid ACL",
        "reconfig refused: bad arguments",
        "removeWatches refused: no watcher",
        "event node created",
        "event node data changed",
    ];
    shows(&check(JAVA), &ops, &others);
}

/// The answers to a multi in a file, by the frame they came in.
fn multi_results<T>(file: &'static str, op: &str, each: impl Fn(Vec<MultiResult<'_>>) -> T) -> Vec<T> {
    let answers = frames(file).into_iter().filter(|frame| frame.op == op && !frame.from_client);
    answers
        .map(|frame| {
            let mut reader = Reader::new(&frame.bytes);
            assert_eq!(
                ReplyHeader::decode(&mut reader).unwrap().err,
                ErrorCode::OK,
                "whatever the results are"
            );
            each(MultiResponse::decode(&mut reader).unwrap().results)
        })
        .collect()
}

#[test]
fn a_failed_multi_tells_which_op_failed() {
    let errors = |results: Vec<MultiResult<'_>>| results.iter().map(MultiResult::error).collect::<Vec<_>>();
    let rolled_back = Some(ErrorCode::OK);
    let not_run = Some(ErrorCode::RUNTIME_INCONSISTENCY);
    assert_eq!(
        multi_results(KAZOO, "multi", errors),
        [vec![None; 4], vec![rolled_back, Some(ErrorCode::BAD_VERSION), not_run], vec![]]
    );
    assert_eq!(
        multi_results(JAVA, "multi", errors),
        [vec![None; 7], vec![rolled_back, Some(ErrorCode::NO_NODE), not_run, not_run]]
    );
    assert_eq!(
        multi_results(JAVA, "multiRead", errors),
        [[None, None, Some(ErrorCode::NO_NODE), None, None]],
        "each read stands alone"
    );
}

#[test]
fn create_in_a_multi_answers_with_a_stat_for_containers_and_ttl() {
    let kinds = multi_results(JAVA, "multi", |results| {
        let kind = |result: &MultiResult<'_>| match result {
            MultiResult::Create(_) => "create",
            MultiResult::Create2(_) => "create2",
            MultiResult::Delete => "delete",
            MultiResult::SetData(_) => "setData",
            MultiResult::Check => "check",
            _ => "other",
        };
        results.iter().map(kind).collect::<Vec<_>>()
    });
    assert_eq!(kinds[0], ["check", "create", "create2", "create2", "create", "setData", "delete"]);
}
