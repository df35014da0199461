//! Requests and their replies: order, outcomes, deadlines, limits.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{
    ErrorCode, FrameLimit, OpCode,
    xid::{PING_XID, SET_WATCHES_XID},
};
use zk_proto::{
    Cause, Config, Event, Host, ProtocolError, Request, RequestError, State, Timestamp, WhenDisconnected,
};

use crate::harness::{SESSION, Wire, dropped};

#[test]
fn replies_find_their_requests_and_carry_the_time_they_were_sent() {
    let mut wire = Wire::connected();
    let sent_at = wire.now;
    for token in 0..3 {
        wire.submit(token, OpCode::GET_DATA);
    }
    let sent = wire.requests();
    assert_eq!(sent.iter().map(|sent| sent.xid).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(sent[0].body.as_ref(), b"body");
    wire.advance(Duration::from_secs(1));
    for (xid, err) in [(1, ErrorCode::OK), (2, ErrorCode::NO_NODE), (3, ErrorCode::OK)] {
        wire.reply(xid, 100, err, b"answer");
    }
    let outcomes = wire.outcomes();
    assert_eq!(outcomes.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [0, 1, 2]);
    let reply = outcomes[1].1.as_ref().unwrap();
    assert_eq!(
        (reply.err, reply.zxid, reply.body.as_ref(), reply.sent_at),
        (ErrorCode::NO_NODE, 100, b"answer".as_ref(), sent_at)
    );
}

#[test]
fn a_reply_out_of_order_drops_the_connection_and_leaves_the_request_unknown() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.submit(1, OpCode::SET_DATA);
    wire.requests();
    wire.reply(2, 100, ErrorCode::OK, b"");
    let events = wire.events();
    let mismatch = Cause::Protocol(ProtocolError::XidMismatch { expected: 1, got: 2 });
    assert_eq!(dropped(&events), Some(&mismatch));
    let ended = events.iter().filter(|event| {
        matches!(event, Event::Reply { outcome: Err(RequestError::Unknown(cause)), .. } if *cause == mismatch)
    });
    assert_eq!(ended.count(), 2);
    wire.connect(SESSION);
    assert_eq!(wire.session.state(), State::Connected, "usable again");
}

#[test]
fn unasked_pongs_and_replies_are_refused() {
    for xid in [PING_XID, SET_WATCHES_XID, -4, 5] {
        let mut wire = Wire::connected();
        wire.reply(xid, 1, ErrorCode::OK, b"");
        let expected = Cause::Protocol(ProtocolError::Unsolicited { xid });
        assert_eq!(dropped(&wire.events()), Some(&expected));
    }
}

#[test]
fn what_was_sent_is_unknown_and_what_was_not_is_not_sent() {
    let mut wire = Wire::awaiting_an_answer();
    wire.submit(1, OpCode::SET_DATA);
    wire.submit_with(2, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.lose();
    let closed = Cause::ConnectionClosed;
    assert_eq!(
        wire.outcomes(),
        [(0, Err(RequestError::Unknown(closed.clone()))), (1, Err(RequestError::NotSent(closed.clone()))),]
    );
    wire.submit(3, OpCode::SET_DATA);
    assert_eq!(
        wire.outcomes(),
        [(3, Err(RequestError::NotSent(closed)))],
        "fails at once while disconnected"
    );
    wire.connect(SESSION);
    assert_eq!(wire.requests().len(), 1, "the one that waits goes out on the next connection");
}

#[test]
fn a_deadline_ends_the_request_and_not_the_connection() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_secs(4));
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(4));
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(3));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::Unknown(Cause::Deadline)))]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected, "the late reply finds its slot");
    assert!(wire.outcomes().is_empty(), "and nobody is told twice");
}

#[test]
fn session_moved_and_expired_as_answers_change_the_connection() {
    for (err, cause) in
        [(ErrorCode::SESSION_MOVED, Cause::SessionMoved), (ErrorCode::SESSION_EXPIRED, Cause::SessionExpired)]
    {
        let mut wire = Wire::connected();
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.reply(1, 1, err, b"");
        let events = wire.events();
        assert!(matches!(&events[0], Event::Reply { outcome: Ok(reply), .. } if reply.err == err));
        assert_eq!(dropped(&events), Some(&cause));
    }
}

#[test]
fn overload_and_oversize_are_refused_before_anything_is_sent() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.max_requests = 2;
    config.max_request = FrameLimit::new(100).unwrap();
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    let request = |token, len: usize| Request {
        op: OpCode::SET_DATA,
        body: Bytes::from(vec![0; len]),
        watch: None,
        deadline: Timestamp::from_epoch(Duration::from_secs(9_999)),
        when_disconnected: WhenDisconnected::Fail,
        token,
    };
    wire.session.submit(wire.now, request(0, 93));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::TooLarge { len: 101, limit: 100 }))]);
    for token in 1..=3 {
        wire.session.submit(wire.now, request(token, 92));
    }
    assert_eq!(wire.outcomes(), [(3, Err(RequestError::Overloaded))]);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn a_request_that_waits_for_a_connection_ends_at_its_deadline_and_not_before() {
    let mut wire = Wire::new();
    let _ = wire.round();
    wire.submit_with(0, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.submit_with(1, OpCode::SET_DATA, None, WhenDisconnected::Fail);
    assert_eq!(wire.outcomes(), [(1, Err(RequestError::NotSent(Cause::NotConnected)))], "at once");
    wire.advance(Duration::from_millis(9_999));
    assert!(wire.outcomes().is_empty());
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::NotSent(Cause::Deadline)))]);
}

#[test]
fn a_sent_request_ends_at_its_deadline_and_not_before() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.read_timeout = Some(Duration::from_secs(60));
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.events();
    wire.advance(Duration::from_millis(9_999));
    assert!(wire.outcomes().is_empty());
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::Unknown(Cause::Deadline)))]);
}

#[test]
fn bytes_that_wait_are_bounded_too_but_a_single_request_always_fits() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.max_queued_bytes = 100;
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    let mut taken = |token, len: usize| {
        let request = Request {
            op: OpCode::SET_DATA,
            body: Bytes::from(vec![0; len]),
            watch: None,
            deadline: Timestamp::from_epoch(Duration::from_secs(9_999)),
            when_disconnected: WhenDisconnected::Fail,
            token,
        };
        wire.session.submit(wire.now, request);
        let outcomes = wire.outcomes();
        if token == 0 {
            wire.requests();
        }
        assert!(outcomes.is_empty() || outcomes == [(token, Err(RequestError::Overloaded))], "{outcomes:?}");
        outcomes.is_empty()
    };
    assert!(taken(0, 500), "larger than the queue, but alone in it, and gone");
    assert!(taken(1, 46) && taken(2, 46), "92 bytes wait");
    assert!(!taken(3, 1), "with its header this would make 101");
    assert!(taken(4, 0));
}

#[test]
fn every_error_code_is_a_value_and_only_three_are_about_the_connection() {
    for number in -1_000..=0 {
        let err = ErrorCode::new(number);
        let mut wire = Wire::connected();
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.reply(1, 1, err, b"");
        assert!(matches!(&wire.outcomes()[..], [(0, Ok(reply))] if reply.err == err), "{number}");
        let about_connection =
            matches!(err, ErrorCode::SESSION_MOVED | ErrorCode::SESSION_EXPIRED | ErrorCode::UNIMPLEMENTED);
        assert_eq!(wire.session.state() == State::Connected, !about_connection, "{number}");
    }
}

#[test]
fn requests_go_out_in_the_order_of_the_calls_also_those_that_waited() {
    let mut wire = Wire::new();
    for token in 0..100 {
        wire.submit_with(token, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    }
    wire.connect(SESSION);
    wire.events();
    wire.submit(100, OpCode::GET_DATA);
    let xids: Vec<i32> = wire.requests().iter().map(|sent| sent.xid).collect();
    assert_eq!(xids, (1..=101).collect::<Vec<_>>());
    for xid in xids {
        wire.reply(xid, 1, ErrorCode::OK, b"");
    }
    let tokens: Vec<u32> = wire.outcomes().iter().map(|(token, _)| *token).collect();
    assert_eq!(tokens, (0..=100).collect::<Vec<_>>());
}

#[test]
fn a_reply_that_nothing_asked_for_does_not_say_what_was_seen() {
    for xid in [PING_XID, SET_WATCHES_XID, -4, 5] {
        let mut wire = Wire::connected();
        wire.submit(0, OpCode::GET_DATA);
        wire.requests();
        wire.reply(1, 50, ErrorCode::OK, b"");
        wire.reply(xid, i64::MAX, ErrorCode::OK, b"");
        assert!(dropped(&wire.events()).is_some());
        assert_eq!(
            wire.open().last_zxid_seen,
            50,
            "with one that no server has, all would refuse us ({xid})"
        );
    }
}
