//! Closing, and leaving a session to somebody else.

use std::time::Duration;

use zk_jute::{ErrorCode, OpCode};
use zk_proto::{Config, Event, Host, RequestError, SessionCredentials, State, WhenDisconnected};

use crate::harness::{SESSION, Wire, dropped};

#[test]
fn close_sends_what_waits_then_the_close_and_ends_on_the_answer() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.session.close(wire.now);
    wire.session.close(wire.now);
    wire.submit(1, OpCode::SET_DATA);
    let ops: Vec<OpCode> = wire.requests().iter().map(|sent| sent.op).collect();
    assert_eq!(ops, [OpCode::SET_DATA, OpCode::CLOSE_SESSION]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.reply(2, 2, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(matches!(&events[0], Event::Reply { token: 1, outcome: Err(RequestError::Closed) }));
    assert!(matches!(&events[1], Event::Reply { token: 0, outcome: Ok(_) }));
    assert_eq!(wire.session.state(), State::Closed);
    assert_eq!(wire.session.poll_timeout(), None);
}

#[test]
fn close_is_bounded_in_every_state() {
    let mut silent = Wire::connected();
    silent.session.close(silent.now);
    silent.requests();
    silent.advance(Duration::from_secs(2));
    assert_eq!(silent.session.state(), State::Closed);

    let mut dialling = Wire::new();
    let _ = dialling.round();
    dialling.session.close(dialling.now);
    assert_eq!(dialling.session.state(), State::Closed);

    let mut handshaking = Wire::new();
    handshaking.open();
    handshaking.session.close(handshaking.now);
    assert!(dropped(&handshaking.events()).is_some());
    assert_eq!(handshaking.session.state(), State::Closed);

    let mut dropped_while_closing = Wire::connected();
    dropped_while_closing.session.close(dropped_while_closing.now);
    dropped_while_closing.requests();
    dropped_while_closing.lose();
    dropped_while_closing.advance(Duration::from_secs(2));
    assert_eq!(dropped_while_closing.session.state(), State::Closed);
}

/// Somebody else who takes up the session, or a server that dies, ends the connection before `closeSession` is read.
#[test]
fn a_close_that_was_not_answered_is_asked_for_again() {
    let lost = || {
        let mut wire = Wire::connected();
        wire.session.close(wire.now);
        assert_eq!(wire.requests().len(), 1);
        wire.lose();
        assert_ne!(wire.session.state(), State::Closed, "the session may live on");
        wire
    };

    let mut lives_on = lost();
    lives_on.connect(SESSION);
    let asked = lives_on.requests();
    assert_eq!((asked.len(), asked[0].op), (1, OpCode::CLOSE_SESSION));
    lives_on.reply(asked[0].xid, 1, ErrorCode::OK, b"");
    assert_eq!(lives_on.session.state(), State::Closed);

    let mut was_ended = lost();
    was_ended.open();
    was_ended.answer_connect(Duration::ZERO, 0, Some(false));
    assert_eq!(was_ended.session.state(), State::Closed, "it was the answer that was lost");
}

#[test]
fn closing_a_session_whose_connection_was_just_lost_resumes_it_to_end_it() {
    let mut wire = Wire::connected();
    wire.lose();
    wire.submit_with(0, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.session.close(wire.now);
    wire.open();
    wire.lose();
    assert_eq!(wire.session.state(), State::Connecting, "one server that refuses is not the end");
    wire.connect(SESSION);
    let ops: Vec<OpCode> = wire.requests().iter().map(|sent| sent.op).collect();
    assert_eq!(ops, [OpCode::SET_DATA, OpCode::CLOSE_SESSION]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.reply(2, 2, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Closed);

    let mut nobody = Wire::connected();
    nobody.lose();
    nobody.session.close(nobody.now);
    nobody.advance(Duration::from_secs(2));
    assert_eq!(nobody.session.state(), State::Closed, "bounded");

    let mut replaced = Wire::connected();
    replaced.lose();
    replaced.session.close(replaced.now);
    replaced.connect(99);
    assert_eq!(replaced.session.state(), State::Closed, "ours is over already");
    let events = replaced.events();
    assert!(!events.iter().any(|event| matches!(event, Event::SessionEstablished(_))), "{events:?}");
}

#[test]
fn a_detached_session_can_be_resumed_by_another_client() {
    let mut wire = Wire::awaiting_an_answer();
    let credentials = wire.session.detach(wire.now).expect("there is a session");
    assert!(wire.requests().is_empty(), "no closeSession");
    assert_eq!(wire.session.state(), State::Closed);
    assert!(!format!("{credentials:?}").contains('7'), "{credentials:?}");

    for (answer, generation_of_the_old) in [(SESSION, true), (99, false)] {
        let mut config = Config::new(vec![Host::new("zk1", 2181)]);
        config.resume =
            Some(SessionCredentials::new(credentials.session_id(), credentials.expose_password()));
        let mut heir = Wire::with(config);
        let request = heir.connect(answer);
        assert_eq!((request.session_id, request.password.as_ref()), (SESSION, [7; 16].as_ref()));
        let events = heir.events();
        let expired = events.iter().any(
            |event| matches!(event, Event::SessionExpired { session, .. } if session.session_id == SESSION),
        );
        assert_eq!(expired, !generation_of_the_old, "one that is over by then is announced as an expiry");
        assert!(events.iter().any(|event| matches!(event, Event::SessionEstablished(info)
            if info.session_id == answer && info.generation == 1)));
    }
}
