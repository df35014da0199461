//! Numbered names: every number survives, every name is said once.

use std::collections::HashSet;

use bytes::Bytes;
use zk_jute::records::{ErrorResponse, ReplyHeader};
use zk_jute::{
    AddWatchMode, CreateMode, Decode, Encode, ErrorCode, EventType, KeeperState, OpCode, Permissions,
    WatcherType,
};

#[test]
fn every_error_code_survives() {
    for number in -1000..=10 {
        let header = ReplyHeader { xid: 1, zxid: 2, err: ErrorCode::new(number) };
        let decoded = ReplyHeader::from_bytes(&header.to_bytes()).unwrap();
        assert_eq!(decoded.err.get(), number);
        assert_eq!(i32::from(ErrorCode::from(number)), number);
        let record = ErrorResponse { err: ErrorCode::new(number) };
        assert_eq!(ErrorResponse::from_bytes(&record.to_bytes()), Ok(record));
        let known = ErrorCode::NAMED.contains(&ErrorCode::new(number));
        assert_eq!(ErrorCode::new(number).known_name().is_some(), known);
        let text = ErrorCode::new(number).to_string();
        assert_eq!(text.ends_with(&number.to_string()), !known, "{text}");
    }
}

#[test]
fn the_plain_words() {
    assert_eq!(ErrorCode::NO_NODE.to_string(), "no node");
    assert_eq!(ErrorCode::new(-999).to_string(), "unknown error code -999");
    assert_eq!(ErrorCode::new(-999).name(), "unknown error code");
    assert_eq!(OpCode::GET_ALL_CHILDREN_NUMBER.to_string(), "getAllChildrenNumber");
    assert_eq!(OpCode::new(77).to_string(), "unknown op code 77");
    assert_eq!(format!("{:>8}|", Permissions::ALL.to_string()), "   cdrwa|");
    assert_eq!(Permissions::new(33).to_string(), "r+0x20");
    assert_eq!((Permissions::READ | Permissions::ADMIN).get(), 17);
    assert!(Permissions::ALL.contains(Permissions::DELETE) && !Permissions::READ.contains(Permissions::ALL));
    assert_eq!(CreateMode::EPHEMERAL_SEQUENTIAL.flags(), 3);
    assert!(ErrorCode::OK.is_ok() && !ErrorCode::THROTTLED.is_ok());
}

/// The numbers are facts of the protocol: a second writing of them, from the sources of ZooKeeper 3.9.
#[test]
fn the_numbers() {
    let numbers = |codes: Vec<i32>| codes;
    assert_eq!(
        numbers(ErrorCode::NAMED.iter().map(|code| code.get()).collect()),
        [
            0, -1, -2, -3, -4, -5, -6, -7, -8, -12, -13, -14, -100, -101, -102, -103, -108, -110, -111, -112,
            -113, -114, -115, -118, -119, -120, -121, -122, -123, -124, -125, -127
        ]
    );
    assert_eq!(
        numbers(OpCode::NAMED.iter().map(|code| code.get()).collect()),
        [
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 100, 101, 102, 103,
            104, 105, 106, 107, -10, -11, -1
        ]
    );
    assert_eq!(numbers(EventType::NAMED.iter().map(|code| code.get()).collect()), [-1, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        numbers(KeeperState::NAMED.iter().map(|code| code.get()).collect()),
        [-1, 0, 1, 3, 4, 5, 6, 7, -112]
    );
    assert_eq!(numbers(WatcherType::NAMED.iter().map(|code| code.get()).collect()), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(CreateMode::NAMED.iter().map(|code| code.get()).collect()), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(AddWatchMode::NAMED.iter().map(|code| code.get()).collect()), [0, 1]);
}

#[test]
fn names_are_said_once() {
    fn distinct(names: Vec<String>) {
        let count = names.len();
        assert_eq!(names.into_iter().collect::<HashSet<_>>().len(), count);
    }
    distinct(ErrorCode::NAMED.iter().map(ToString::to_string).collect());
    distinct(OpCode::NAMED.iter().map(ToString::to_string).collect());
    distinct(EventType::NAMED.iter().map(ToString::to_string).collect());
    distinct(KeeperState::NAMED.iter().map(ToString::to_string).collect());
    distinct(WatcherType::NAMED.iter().map(ToString::to_string).collect());
    distinct(CreateMode::NAMED.iter().map(ToString::to_string).collect());
}

#[test]
fn codes_travel_as_ints() {
    assert_eq!(OpCode::CLOSE_SESSION.to_bytes(), Bytes::copy_from_slice(&(-11i32).to_be_bytes()));
}
