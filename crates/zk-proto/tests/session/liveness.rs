//! Pings, the read timeout, and what counts as life.

use std::time::Duration;

use zk_jute::{ErrorCode, EventType, OpCode, xid::PING_XID};
use zk_proto::{Cause, Config, Host, State};

use crate::harness::{NEGOTIATED, READ_TIMEOUT, SESSION, Wire, dropped};

#[test]
fn a_silent_server_is_left_one_read_timeout_after_its_last_byte() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(7_999));
    assert_eq!(wire.requests().len(), 1, "one ping at half the read timeout");
    assert_eq!(wire.session.state(), State::Connected);
    wire.advance(Duration::from_millis(1));
    assert!(matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { .. })));
}

#[test]
fn a_client_that_writes_every_second_notices_a_silent_server_just_the_same() {
    let mut wire = Wire::connected();
    for token in 0..8 {
        wire.submit(token, OpCode::SET_DATA);
        wire.requests();
        assert_eq!(wire.session.state(), State::Connected);
        wire.advance(Duration::from_secs(1));
    }
    assert_eq!(wire.session.state(), State::Connecting);
}

#[test]
fn pings_go_out_on_schedule_whatever_the_traffic() {
    let mut wire = Wire::connected();
    let mut pings = 0;
    for token in 0..240 {
        wire.advance(Duration::from_millis(100));
        wire.submit(token, OpCode::GET_DATA);
        for sent in wire.requests() {
            if sent.op == OpCode::PING {
                assert_eq!(sent.xid, PING_XID);
                pings += 1;
            }
            wire.reply(sent.xid, 1, ErrorCode::OK, b"");
        }
    }
    assert_eq!(pings, 6, "24 s are six halves of 8 s");
}

#[test]
fn a_frozen_process_does_not_take_its_own_silence_for_the_servers() {
    let mut wire = Wire::connected();
    wire.now = wire.now.after(Duration::from_secs(20));
    wire.session.handle_timeout(wire.now);
    assert_eq!(wire.session.state(), State::Connected);
    let sent = wire.requests();
    assert_eq!(sent.len(), 1);
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_millis(3_999));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_large_reply_that_trickles_counts_as_life_but_not_for_ever() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.receive(&[0, 1, 0, 0]);
    for _ in 0..7 {
        wire.advance(Duration::from_secs(4));
        wire.requests();
        wire.receive(&[0]);
        assert_eq!(wire.session.state(), State::Connected);
    }
    wire.advance(Duration::from_secs(3));
    assert_eq!(dropped(&wire.events()), Some(&Cause::StalledReply));
}

#[test]
fn a_server_that_talks_but_never_answers_is_left_after_a_session_timeout() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    for second in 0..30 {
        assert_eq!(wire.session.state(), State::Connected, "after {second} s");
        wire.watcher_event(EventType::NODE_DELETED, "/of/no/interest");
        wire.advance(Duration::from_secs(1));
        wire.requests();
    }
    assert_eq!(dropped(&wire.events()), Some(&Cause::StalledReply));
}

/// Answers every ping that goes out, for this long.
fn answering_pings(wire: &mut Wire, during: Duration) {
    let end = wire.now.after(during);
    while wire.now < end {
        for sent in wire.requests() {
            assert_eq!(sent.op, OpCode::PING);
            wire.reply(PING_XID, 1, ErrorCode::OK, b"");
        }
        let due = wire.session.poll_timeout().map_or(end, |due| due.min(end));
        wire.advance(due.since(wire.now));
    }
}

#[test]
fn without_a_setting_the_read_timeout_is_a_third_of_what_was_granted() {
    let mut wire = Wire::with(Config::new(vec![Host::new("zk1", 2181)]));
    wire.open();
    wire.answer_connect(Duration::from_secs(12), SESSION, Some(false));
    wire.advance(Duration::from_millis(3_999));
    assert_eq!(wire.session.state(), State::Connected);
    wire.advance(Duration::from_millis(1));
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { silent }) if *silent == Duration::from_secs(4))
    );
}

#[test]
fn the_read_timeout_changes_while_connected_without_holding_the_past_against_the_server() {
    let mut shorter = Wire::connected();
    shorter.advance(Duration::from_millis(3_500));
    shorter.session.set_read_timeout(shorter.now, Some(Duration::from_secs(2)));
    assert_eq!(shorter.session.state(), State::Connected, "3.5 s of silence were allowed when they passed");
    shorter.advance(Duration::from_millis(1_999));
    assert_eq!(shorter.session.state(), State::Connected);
    shorter.advance(Duration::from_millis(1));
    assert_eq!(shorter.session.state(), State::Connecting);

    let mut longer = Wire::connected();
    longer.advance(Duration::from_millis(7_999));
    longer.session.set_read_timeout(longer.now, Some(Duration::from_secs(20)));
    longer.advance(Duration::from_millis(19_999));
    assert_eq!(longer.session.state(), State::Connected);
    longer.advance(Duration::from_millis(1));
    assert_eq!(longer.session.state(), State::Connecting);

    let mut none = Wire::connected();
    none.session.set_read_timeout(none.now, None);
    none.advance(NEGOTIATED / 3 - Duration::from_millis(1));
    assert_eq!(none.session.state(), State::Connected, "a third of the negotiated timeout again");
    none.advance(Duration::from_millis(1));
    assert_eq!(none.session.state(), State::Connecting);
}

#[test]
fn a_ping_goes_out_at_half_the_read_timeout_and_not_before() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(3_999));
    assert!(wire.requests().is_empty());
    wire.advance(Duration::from_millis(1));
    let sent = wire.requests();
    assert_eq!((sent.len(), sent[0].xid, sent[0].op), (1, PING_XID, OpCode::PING));
}

#[test]
fn pings_can_be_more_frequent_and_never_rarer_than_half_the_read_timeout() {
    for (set, expected) in [(1, 1_000), (60, 4_000)] {
        let mut config = Config::new(vec![Host::new("zk1", 2181)]);
        config.read_timeout = Some(READ_TIMEOUT);
        config.ping_interval = Some(Duration::from_secs(set));
        let mut wire = Wire::with(config);
        wire.connect(SESSION);
        wire.events();
        wire.advance(Duration::from_millis(expected - 1));
        assert!(wire.requests().is_empty(), "not before {expected} ms");
        wire.advance(Duration::from_millis(1));
        assert_eq!(wire.requests().len(), 1);
        wire.reply(PING_XID, 1, ErrorCode::OK, b"");
        wire.advance(Duration::from_millis(expected));
        assert_eq!(wire.requests().len(), 1, "and again");
    }
}

#[test]
fn a_link_that_answers_its_pings_is_never_left() {
    let mut wire = Wire::connected();
    answering_pings(&mut wire, Duration::from_secs(600));
    assert_eq!(wire.session.state(), State::Connected);
    assert!(dropped(&wire.events()).is_none());
}

#[test]
fn the_read_timeout_counts_from_the_last_byte_whatever_it_belongs_to() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(7_999));
    wire.requests();
    wire.receive(&[0]);
    wire.advance(Duration::from_millis(7_999));
    assert_eq!(wire.session.state(), State::Connected, "one byte of a length is life");
    wire.advance(Duration::from_millis(1));
    assert!(matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { .. })));
}

#[test]
fn a_frame_that_trickles_has_the_session_timeout_and_not_a_moment_more() {
    let mut wire = Wire::connected();
    wire.receive(&[0, 1, 0, 0]);
    for _ in 0..7 {
        wire.advance(Duration::from_secs(4));
        wire.requests();
        wire.receive(&[0]);
    }
    wire.advance(Duration::from_millis(1_999));
    assert_eq!(wire.session.state(), State::Connected);
    wire.advance(Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), Some(&Cause::StalledReply));
}

#[test]
fn a_link_that_outlasts_its_session_ends_both_at_once() {
    let mut wire = Wire::new();
    wire.open();
    wire.answer_connect(READ_TIMEOUT / 2, SESSION, Some(false));
    while wire.session.state() == State::Connected {
        let due = wire.session.poll_timeout().unwrap();
        assert!(due > wire.now, "due at {due:?}, and at {:?} again", wire.now);
        wire.now = due;
        wire.session.handle_timeout(due);
    }
    assert_eq!(wire.session.state(), State::Lost);
}
