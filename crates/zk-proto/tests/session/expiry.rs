//! How a session ends without its user, and what begins after it.

use std::time::Duration;

use zk_jute::{ErrorCode, OpCode, xid::SET_WATCHES_XID};
use zk_proto::{
    Cause, Event, ExpiryCause, RequestError, State, StateChange, WatchId, WatchNotice, WatchOn,
    WhenDisconnected,
};

use crate::harness::{NEGOTIATED, SESSION, Wire, dropped};

#[test]
fn expiry_by_a_refusal_begins_the_next_generation() {
    let mut wire = Wire::connected();
    wire.submit_with(
        0,
        OpCode::GET_DATA,
        Some((WatchOn::Data("/a".into()), WatchId(1))),
        WhenDisconnected::Fail,
    );
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.lose();
    wire.submit_with(1, OpCode::CREATE, None, WhenDisconnected::Wait);
    wire.events();
    wire.open();
    wire.answer_connect(Duration::ZERO, 0, None);
    let events = wire.events();
    assert!(dropped(&events).is_some());
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::SessionExpired { session, cause: ExpiryCause::Refused }
        if session.session_id == SESSION))
    );
    assert!(
        events.iter().any(|event| matches!(event, Event::Watch { watches, notice: WatchNotice::SessionLost }
        if watches == &[WatchId(1)]))
    );
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::Reply { token: 1, outcome: Err(RequestError::SessionExpired) }
        ))
    );
    let request = wire.connect(77);
    assert_eq!(request.session_id, 0);
    assert!(wire.events().iter().any(|event| matches!(event, Event::SessionEstablished(info)
        if info.session_id == 77 && info.generation == 2)));
}

#[test]
fn another_session_id_is_an_expiry_even_if_the_server_does_not_say_so() {
    let mut wire = Wire::awaiting_an_answer();
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert!(wire.session.quorum_proof().is_some());
    wire.lose();
    wire.connect(99);
    let events = wire.events();
    let expired = events.iter().position(|event| {
        matches!(event, Event::SessionExpired { cause: ExpiryCause::Replaced { by: 99 }, session } if session.session_id == SESSION)
    });
    let established = events.iter().position(|event| matches!(event, Event::SessionEstablished(_)));
    assert!(expired.is_some() && expired < established, "expired before connected");
    assert_eq!(wire.session.quorum_proof(), None, "the proof was the old session's");
}

#[test]
fn a_session_is_lost_when_no_server_spoke_for_the_negotiated_timeout_and_may_come_back() {
    let mut wire = Wire::connected();
    wire.lose();
    let _ = wire.round();
    wire.session.dial_failed(wire.now, "zk1: refused");
    let mut rounds = 0;
    for _ in 0..299 {
        wire.advance(Duration::from_millis(100));
        if wire.session.poll_connect().is_some() {
            rounds += 1;
            wire.session.dial_failed(wire.now, "zk1: refused");
        }
    }
    assert_eq!(wire.session.state(), State::Connecting);
    wire.advance(Duration::from_millis(100));
    assert_eq!(wire.session.state(), State::Lost);
    assert!((30..=150).contains(&rounds), "a bounded number of rounds in 30 s: {rounds}");
    wire.advance(Duration::from_secs(2));
    let request = wire.connect(SESSION);
    assert_eq!(request.session_id, SESSION, "a recovered ensemble may have kept it");
    assert_eq!(wire.session.state(), State::Connected);
    assert_eq!(wire.session.session().map(|info| info.generation), Some(1));
}

#[test]
fn a_session_is_lost_one_negotiated_timeout_after_the_last_byte_and_not_before() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_secs(3));
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    let heard = wire.now;
    wire.advance(Duration::from_secs(3));
    wire.lose();
    let _ = wire.round();
    wire.advance(Duration::from_millis(26_999));
    assert_eq!((wire.session.state(), wire.now.since(heard).as_millis()), (State::Connecting, 29_999));
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.session.state(), State::Lost);
}

#[test]
fn a_lost_session_that_comes_back_has_its_watches_and_its_waiting_requests() {
    let mut wire = Wire::connected();
    let watch = Some((WatchOn::Data("/a".into()), WatchId(1)));
    wire.submit_with(0, OpCode::GET_DATA, watch, WhenDisconnected::Fail);
    wire.requests();
    wire.reply(1, 7, ErrorCode::OK, b"");
    wire.lose();
    let _ = wire.round();
    wire.advance(Duration::from_secs(30));
    assert_eq!(wire.session.state(), State::Lost);
    wire.submit_with(1, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    let events = wire.events();
    assert!(
        !events.iter().any(|event| matches!(event, Event::Watch { .. } | Event::SessionExpired { .. })),
        "lost is a guess: nobody is told that the session is over: {events:?}"
    );
    wire.session.dial_failed(wire.now, "refused");
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES);
    wire.reply(SET_WATCHES_XID, 8, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected);
    assert_eq!(wire.requests().len(), 1);
}

#[test]
fn every_change_of_state_says_from_what_to_what_why_where_and_after_how_long() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_secs(3));
    wire.lose();
    let _ = wire.round();
    wire.session.dial_failed(wire.now, "zk1: refused");
    wire.advance(Duration::from_secs(30));
    let changes: Vec<StateChange> = wire
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::State(change) => Some(change),
            _ => None,
        })
        .collect();
    let [left, lost] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((left.from, left.to), (State::Connected, State::Connecting));
    assert_eq!(left.cause, Some(Cause::ConnectionClosed));
    assert!(left.server.is_some(), "the server that was lost");
    assert_eq!((left.session_id, left.generation, left.elapsed), (SESSION, 1, Duration::from_secs(3)));
    assert_eq!((lost.from, lost.to), (State::Connecting, State::Lost));
    assert_eq!(lost.cause, Some(Cause::NoServer("zk1: refused".into())));
    assert_eq!((lost.session_id, lost.elapsed), (SESSION, Duration::from_secs(27)));
    assert_eq!(lost.at.since(left.at), Duration::from_secs(27));
}

#[test]
fn a_process_that_slept_through_its_session_finds_it_lost_in_one_step() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.advance(Duration::from_secs(1));
    wire.now = wire.now.after(NEGOTIATED * 2);
    wire.session.handle_timeout(wire.now);
    assert_eq!(
        wire.session.state(),
        State::Lost,
        "the link ends, and nothing was heard for too long already"
    );
    assert!(
        wire.session.poll_timeout().is_none_or(|next| next > wire.now),
        "nothing that is due is left over"
    );
}
