//! A silent server is probed and a spare prepared, long before the read timeout.

use std::time::Duration;

use zk_jute::{Decode, ErrorCode, OpCode, records::ConnectRequest};
use zk_proto::{Cause, Config, Event, Host, Opened, RequestError, State};

use crate::harness::{NEGOTIATED, READ_TIMEOUT, SESSION, Wire, dropped};

/// What the session asks of its driver about a suspected server, in short.
fn suspicions(wire: &mut Wire) -> Vec<&'static str> {
    let name = |event: Event<u32>| match event {
        Event::Probe { .. } => Some("probe"),
        Event::DialSpare(_) => Some("dial"),
        Event::DropSpare => Some("drop spare"),
        Event::UseSpare => Some("use spare"),
        Event::DropTransport(_) => Some("drop"),
        _ => None,
    };
    wire.events().into_iter().filter_map(name).collect()
}

/// Dials the spare that the session asks for.
fn open_spare(wire: &mut Wire) -> Host {
    wire.drain();
    let position = wire.events.iter().position(|event| matches!(event, Event::DialSpare(_)));
    let Event::DialSpare(round) = wire.events.remove(position.expect("a spare is wanted")) else {
        unreachable!()
    };
    let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.spare_opened(wire.now, &opened);
    opened.host
}

#[test]
fn a_silent_server_that_answers_no_probe_is_left_for_the_spare_after_twice_hedge_after() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(499));
    assert!(suspicions(&mut wire).is_empty());
    wire.advance(Duration::from_millis(1));
    wire.drain();
    assert!(wire.events.iter().any(|event| matches!(event, Event::Probe { .. })));
    let spare = open_spare(&mut wire);
    wire.events();
    assert!(wire.sent_frames().is_empty(), "nothing is sent on a spare");
    wire.advance(Duration::from_millis(499));
    assert_eq!(wire.session.state(), State::Connected, "a pause shorter than move_after moves nobody");
    wire.advance(Duration::from_millis(1));
    let events = wire.events();
    assert!(matches!(dropped(&events), Some(Cause::Suspected { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::UseSpare)));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Reply { token: 0, outcome: Err(RequestError::Unknown(_)) }))
    );
    let frame = wire.sent_frames().remove(0);
    assert_eq!(ConnectRequest::from_bytes(&frame).unwrap().session_id, SESSION);
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(wire.session.state(), State::Connected);
    assert!(wire.events().iter().any(|event| matches!(event, Event::State(change)
        if change.to == State::Connected && change.server.as_ref() == Some(&spare))));
}

#[test]
fn a_server_that_answers_the_probe_is_waited_for_and_the_read_timeout_is_the_last_word() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(500));
    open_spare(&mut wire);
    let mut probes = 0;
    for _ in 0..14 {
        wire.drain();
        for event in std::mem::take(&mut wire.events) {
            if let Event::Probe { connection, .. } = event {
                probes += 1;
                wire.session.probe_answered(wire.now, connection);
            }
        }
        assert_eq!(wire.session.state(), State::Connected, "a slow quorum moves nobody");
        wire.advance(Duration::from_millis(500));
        wire.requests();
    }
    assert!(probes >= 12, "it is probed again and again: {probes}");
    for _ in 0..10 {
        wire.drain();
        for event in std::mem::take(&mut wire.events) {
            if let Event::Probe { connection, .. } = event {
                wire.session.probe_answered(wire.now, connection);
            }
        }
        wire.advance(Duration::from_millis(100));
        if wire.session.state() != State::Connected {
            break;
        }
    }
    assert!(
        wire.events()
            .iter()
            .any(|event| matches!(event, Event::DropTransport(Cause::ReadTimeout { .. }) | Event::UseSpare))
    );
}

#[test]
fn a_link_that_speaks_again_drops_the_spare() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(600));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!(suspicions(&mut wire), ["drop spare"]);
    // A spare that opens too late is not kept either.
    let late = Opened { host: Host::new("zk9", 2181), failed: vec![], started_at: wire.now };
    wire.session.spare_opened(wire.now, &late);
    assert_eq!(suspicions(&mut wire), ["drop spare"]);
    wire.advance(Duration::from_secs(3));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_link_that_breaks_while_it_is_suspected_goes_to_the_spare_at_once() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(600));
    open_spare(&mut wire);
    suspicions(&mut wire);
    wire.lose();
    assert_eq!(suspicions(&mut wire), ["use spare"]);
    assert_eq!(wire.sent_frames().len(), 1);
}

#[test]
fn a_spare_that_is_silent_too_has_its_share_of_a_budget_and_the_next_is_neither_of_the_two() {
    for seed in 0..20 {
        let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
        config.connect_timeout = Duration::from_secs(3);
        let mut wire = Wire::seeded(config, seed);
        wire.connect(SESSION);
        wire.drain();
        let connected = wire.events().into_iter().find_map(|event| match event {
            Event::State(change) if change.to == State::Connected => change.server,
            _ => None,
        });
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.advance(Duration::from_millis(600));
        let spare = open_spare(&mut wire);
        wire.lose();
        wire.events();
        wire.advance(Duration::from_millis(999));
        assert_eq!(dropped(&wire.events()), None, "it may be slow");
        wire.advance(Duration::from_millis(1));
        assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
        let rest = wire.round();
        assert_eq!(rest.hosts.len(), 1, "without a pause");
        assert!(rest.hosts[0] != spare && Some(&rest.hosts[0]) != connected.as_ref());
    }
}

#[test]
fn a_connect_timeout_of_seconds_is_not_spent_on_one_silent_server_while_others_are_left() {
    for (suspicion, patience) in [(true, Duration::from_secs(1)), (false, Duration::from_millis(1_500))] {
        let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
        config.connect_timeout = Duration::from_millis(4_500);
        config.suspicion = suspicion;
        let mut wire = Wire::with(config);
        wire.open();
        wire.advance(patience - Duration::from_millis(1));
        assert_eq!(dropped(&wire.events()), None);
        wire.advance(Duration::from_millis(1));
        assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
        assert_eq!(wire.round().hosts.len(), 2);
    }
}

#[test]
fn an_idle_link_is_suspected_by_its_ping_and_slow_round_trips_are_allowed_for() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(4_499));
    wire.requests();
    assert!(suspicions(&mut wire).is_empty());
    wire.advance(Duration::from_millis(1));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);

    let mut slow = Wire::connected();
    for _ in 0..4 {
        slow.submit(0, OpCode::GET_DATA);
        let xid = slow.requests()[0].xid;
        slow.advance(Duration::from_millis(200));
        slow.reply(xid, 1, ErrorCode::OK, b"");
    }
    slow.submit(0, OpCode::GET_DATA);
    slow.requests();
    slow.events();
    slow.advance(Duration::from_millis(1_500));
    assert!(suspicions(&mut slow).is_empty(), "eight round trips of 200 ms have not passed");
    slow.advance(Duration::from_millis(200));
    assert_eq!(suspicions(&mut slow), ["probe", "dial"]);
}

#[test]
fn suspicion_can_be_turned_off_and_needs_a_second_server() {
    let mut off = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    off.suspicion = false;
    for config in [off, Config::new(vec![Host::new("zk1", 2181)])] {
        let mut wire = Wire::with(config);
        wire.connect(SESSION);
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.events();
        wire.advance(Duration::from_millis(9_999));
        assert!(suspicions(&mut wire).is_empty());
        wire.advance(Duration::from_millis(1));
        assert_eq!(suspicions(&mut wire), ["drop"], "a third of the negotiated timeout");
    }
}

#[test]
fn a_spare_is_not_used_once_the_list_of_servers_has_changed() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(600));
    open_spare(&mut wire);
    suspicions(&mut wire);
    wire.session.set_hosts(wire.now, vec![Host::new("zk9", 2181)]);
    assert_eq!(suspicions(&mut wire), ["drop spare", "drop"]);
    assert_eq!(wire.round().hosts, [Host::new("zk9", 2181)]);
}

fn with_options(change: impl FnOnce(&mut Config)) -> Wire {
    let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    config.read_timeout = Some(READ_TIMEOUT);
    change(&mut config);
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    wire
}

/// Submits a request and checks that this long after it, and not before, the server is probed and a spare dialled.
fn suspected_after(wire: &mut Wire, millis: u64) {
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(millis - 1));
    assert!(suspicions(wire).is_empty(), "before {millis} ms");
    wire.advance(Duration::from_millis(1));
    assert_eq!(suspicions(wire), ["probe", "dial"], "after {millis} ms");
}

#[test]
fn hedge_after_is_half_a_second_or_a_quarter_of_a_shorter_read_timeout_or_what_was_set() {
    suspected_after(&mut with_options(|_| {}), 500);
    suspected_after(&mut with_options(|config| config.read_timeout = Some(Duration::from_secs(1))), 250);
    suspected_after(
        &mut with_options(|config| config.hedge_after = Some(Duration::from_millis(1_200))),
        1_200,
    );
    suspected_after(&mut with_options(|config| config.hedge_after = Some(Duration::ZERO)), 10);
}

#[test]
fn move_after_can_be_set_and_is_never_less_than_hedge_after() {
    for (set, moves_after) in [(700, 700), (1, 100)] {
        let mut wire = with_options(|config| {
            config.hedge_after = Some(Duration::from_millis(100));
            config.move_after = Some(Duration::from_millis(set));
        });
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.advance(Duration::from_millis(100));
        assert_eq!(wire.session.state(), State::Connected, "no spare yet");
        open_spare(&mut wire);
        if moves_after > 100 {
            wire.advance(Duration::from_millis(moves_after - 101));
            assert_eq!(wire.session.state(), State::Connected);
            wire.advance(Duration::from_millis(1));
        }
        assert_eq!(wire.session.state(), State::Connecting, "move_after of {set} ms");
    }
}

#[test]
fn a_pause_shorter_than_move_after_moves_nobody_and_leaves_nothing_behind() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(500));
    open_spare(&mut wire);
    suspicions(&mut wire);
    wire.advance(Duration::from_millis(499));
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!(suspicions(&mut wire), ["drop spare"]);
    wire.advance(Duration::from_secs(3));
    assert_eq!(suspicions(&mut wire), [""; 0], "nothing is unanswered");
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn an_idle_link_without_anything_unanswered_is_not_suspected() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(3_999));
    assert_eq!(suspicions(&mut wire), [""; 0]);
}

#[test]
fn a_spare_that_is_ready_late_is_used_at_once() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(2_500));
    assert_eq!(wire.session.state(), State::Connected, "nowhere to move to");
    open_spare(&mut wire);
    assert_eq!(suspicions(&mut wire).last(), Some(&"use spare"));
    assert_eq!(wire.session.state(), State::Connecting);
}

#[test]
fn a_spare_that_cannot_be_had_is_tried_for_again_after_another_hedge_after() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(500));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);
    wire.advance(Duration::from_millis(500));
    assert_eq!(suspicions(&mut wire), ["probe"], "one spare is dialled at a time");
    wire.session.spare_failed();
    wire.advance(Duration::from_millis(499));
    assert_eq!(suspicions(&mut wire), [""; 0]);
    wire.advance(Duration::from_millis(1));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);
}

#[test]
fn the_answer_to_the_probe_of_an_earlier_connection_keeps_nobody() {
    let mut wire = Wire::awaiting_an_answer();
    wire.advance(Duration::from_millis(500));
    wire.drain();
    let probed = wire.events.iter().find_map(|event| match event {
        Event::Probe { connection, .. } => Some(*connection),
        _ => None,
    });
    let earlier = probed.expect("it is probed") - 1;
    open_spare(&mut wire);
    wire.advance(Duration::from_millis(499));
    wire.session.probe_answered(wire.now, earlier);
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.session.state(), State::Connecting);
}

#[test]
fn a_server_that_answers_probes_is_left_at_the_read_timeout_and_not_before() {
    let mut wire = Wire::awaiting_an_answer();
    let end = wire.now.after(READ_TIMEOUT);
    wire.advance(Duration::from_millis(500));
    open_spare(&mut wire);
    let mut probes = 0;
    while wire.session.state() == State::Connected {
        wire.drain();
        for event in std::mem::take(&mut wire.events) {
            if let Event::Probe { connection, .. } = event {
                probes += 1;
                wire.session.probe_answered(wire.now, connection);
            }
        }
        wire.advance(Duration::from_millis(100));
        wire.requests();
    }
    assert_eq!(wire.now, end);
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { silent }) if *silent == READ_TIMEOUT)
    );
    assert_eq!(probes, 15, "every half second");
}

#[test]
fn a_session_that_is_closing_looks_for_no_other_server() {
    let mut wire = Wire::connected();
    wire.session.close(wire.now);
    wire.requests();
    wire.advance(Duration::from_millis(1_999));
    assert_eq!(suspicions(&mut wire), [""; 0]);
}
