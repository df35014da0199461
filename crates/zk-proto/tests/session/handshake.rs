//! The connect request, its answer, and the budget of an attempt.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use zk_jute::{OpCode, records::ConnectResponse, write_frame};
use zk_proto::{Cause, Config, Event, Host, Opened, State, WhenDisconnected};

use crate::harness::{NEGOTIATED, SESSION, Wire, dropped};

#[test]
fn the_first_connection_asks_for_a_new_session_and_announces_it() {
    let mut wire = Wire::new();
    let request = wire.connect(SESSION);
    assert_eq!((request.session_id, request.last_zxid_seen, request.timeout), (0, 0, 30_000));
    assert_eq!(request.read_only, Some(false), "old servers and new ones tell clients apart by this byte");
    let events = wire.events();
    assert!(matches!(&events[0], Event::SessionEstablished(info)
        if info.session_id == SESSION && info.negotiated_timeout == NEGOTIATED && info.generation == 1));
    assert!(matches!(&events[1], Event::State(change)
        if change.from == State::Connecting && change.to == State::Connected && change.server.is_some()));
}

#[test]
fn nothing_but_the_connect_request_is_written_before_its_answer() {
    let mut wire = Wire::new();
    wire.submit_with(1, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    wire.open();
    assert!(wire.sent_frames().is_empty());
    wire.answer_connect(NEGOTIATED, SESSION, None);
    assert_eq!(wire.requests().len(), 1);
}

#[test]
fn servers_that_accept_and_stay_silent_cost_one_budget_together_and_the_last_one_has_its_own() {
    let mut wire = Wire::connected();
    wire.lose();
    let first = wire.round();
    assert_eq!(first.hosts.len(), 3);
    let opened = Opened { host: first.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    wire.advance(first.budget / 3);
    assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
    let rest = wire.round();
    assert_eq!(rest.hosts, first.hosts[1..], "the same round, without the silent one, without a pause");
    assert!(first.budget <= NEGOTIATED / 6);
    let opened =
        Opened { host: rest.hosts[1].clone(), failed: vec![rest.hosts[0].clone()], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    wire.advance(first.budget - Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), None, "nobody is left to be asked instead");
    wire.advance(Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
}

#[test]
fn a_read_only_server_is_refused_unless_asked_for() {
    let mut wire = Wire::new();
    wire.open();
    wire.answer_connect(NEGOTIATED, SESSION, Some(true));
    assert_eq!(dropped(&wire.events()), Some(&Cause::ReadOnlyServer));

    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.allow_read_only = true;
    let mut wire = Wire::with(config);
    assert_eq!(wire.open().read_only, Some(true));
    wire.answer_connect(NEGOTIATED, SESSION, Some(true));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn hostile_connect_responses_are_refused_and_the_next_server_is_tried() {
    let response = |timeout: i32, session_id: i64, password: usize| {
        let password = Bytes::from(vec![0; password]);
        let response =
            ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only: Some(false) };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        bytes.to_vec()
    };
    for hostile in [
        vec![0, 0, 0, 0],
        vec![0xff; 4],
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 3, 1, 2, 3],
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
        vec![0x15, 0x03, 0x01, 0, 2, 2, 70],
        response(-1, 0, 16),
        response(30_000, 0, 16),
        response(30_000, 5, 0),
        response(30_000, 5, 17),
    ] {
        let mut wire = Wire::new();
        wire.open();
        wire.receive(&hostile);
        let events = wire.events();
        assert!(matches!(dropped(&events), Some(Cause::Protocol(_))), "{hostile:?} gave {events:?}");
        wire.connect(SESSION);
        assert_eq!(wire.session.state(), State::Connected);
    }
}

#[test]
fn a_session_wants_its_servers_from_the_moment_it_exists_and_waits_for_nobody() {
    let mut wire = Wire::new();
    assert_eq!(wire.session.state(), State::Connecting);
    assert_eq!(wire.round().hosts.len(), 3);
}

#[test]
fn an_attempt_may_take_the_connect_timeout_and_at_most_its_share_of_what_is_left_of_the_session() {
    let with_connect_timeout = |timeout| {
        let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
        config.connect_timeout = timeout;
        Wire::with(config)
    };
    let mut short = with_connect_timeout(Duration::from_secs(1));
    let round = short.round();
    assert_eq!((round.budget, round.stagger), (Duration::from_secs(1), Duration::from_millis(100)));

    let mut wire = with_connect_timeout(Duration::from_secs(10));
    assert_eq!(wire.round().budget, Duration::from_secs(5), "30 s over twice three hosts");
    wire.session.dial_failed(wire.now, "refused");
    wire.connect(SESSION);
    wire.advance(Duration::from_secs(6));
    wire.lose();
    assert_eq!(wire.round().budget, Duration::from_secs(4), "24 s are left");
    wire.advance(Duration::from_millis(23_900));
    wire.session.dial_failed(wire.now, "refused");
    wire.advance(Duration::from_millis(50));
    assert_eq!(wire.round().budget, Duration::from_millis(100), "never less");
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.session.state(), State::Lost);
    wire.session.dial_failed(wire.now, "refused");
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.round().budget, Duration::from_secs(10), "nothing is left to divide");
}

#[test]
fn the_answer_has_what_is_left_of_the_budget_in_which_the_connection_was_made() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.connect_timeout = Duration::from_secs(1);
    let mut wire = Wire::with(config);
    let round = wire.round();
    let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.advance(Duration::from_millis(700));
    wire.session.transport_opened(wire.now, opened);
    wire.advance(Duration::from_millis(299));
    assert_eq!(dropped(&wire.events()), None);
    wire.advance(Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
}

#[test]
fn only_one_connect_request_is_ever_outstanding() {
    let mut wire = Wire::new();
    let round = wire.round();
    let opened = |host: &Host| Opened { host: host.clone(), failed: vec![], started_at: wire.now };
    let (first, second) = (opened(&round.hosts[0]), opened(&round.hosts[1]));
    wire.session.transport_opened(wire.now, first);
    assert_eq!(wire.sent_frames().len(), 1);
    assert!(wire.session.poll_connect().is_none(), "no round while one is asked");
    wire.session.transport_opened(wire.now, second.clone());
    assert!(dropped(&wire.events()).is_some(), "another transport is not wanted");
    assert!(wire.sent_frames().is_empty());
    wire.advance(Duration::from_millis(100));
    assert!(wire.session.poll_connect().is_none());
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    wire.session.transport_opened(wire.now, second);
    assert!(wire.sent_frames().is_empty(), "nor when it was answered");
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_timeout_of_zero_or_less_is_an_expiry_of_what_was_asked_for() {
    for (timeout, over) in [(0, true), (-1, true), (i32::MIN, true), (1, false)] {
        let mut wire = Wire::connected();
        wire.lose();
        wire.open();
        let response = ConnectResponse {
            protocol_version: 0,
            timeout,
            session_id: SESSION,
            password: Bytes::from_static(&[7; 16]),
            read_only: Some(false),
        };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        wire.receive(&bytes);
        let expired = wire.events().iter().any(|event| matches!(event, Event::SessionExpired { .. }));
        assert_eq!(expired, over, "timeout {timeout}");
    }
}
