//! Servers without a quorum.

use std::time::Duration;

use zk_jute::{ErrorCode, OpCode, xid::PING_XID};
use zk_proto::{Cause, Config, Event, Host, Opened, State, WatchId, WatchOn, WhenDisconnected};

use crate::harness::{NEGOTIATED, SESSION, Wire, dropped};

fn wire(hosts: usize) -> Wire {
    let mut config = Config::new((0..hosts).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    config.allow_read_only = true;
    // Nothing but the search is to be seen.
    config.suspicion = false;
    Wire::with(config)
}

fn connect(wire: &mut Wire, session_id: i64, read_only: bool) {
    assert_eq!(wire.open().session_id, 0);
    wire.answer_connect(NEGOTIATED, session_id, Some(read_only));
}

fn searches(wire: &mut Wire) -> Vec<(usize, u64)> {
    let search = |event| match event {
        Event::FindReadWrite { round, connection } => Some((round.hosts.len(), connection)),
        _ => None,
    };
    wire.events().into_iter().filter_map(search).collect()
}

#[test]
fn others_are_asked_ever_more_seldom_and_the_first_with_a_quorum_is_moved_to() {
    let mut wire = wire(3);
    connect(&mut wire, SESSION, true);
    assert!(wire.session.is_read_only());
    let changes = wire.events();
    assert!(changes.iter().any(|event| matches!(event, Event::State(change) if change.read_only)));
    wire.advance(Duration::from_millis(99));
    assert_eq!(searches(&mut wire), []);
    wire.advance(Duration::from_millis(1));
    assert_eq!(searches(&mut wire), [(2, 1)], "the other two");
    wire.advance(Duration::from_millis(199));
    assert_eq!(searches(&mut wire), []);
    wire.advance(Duration::from_millis(1));
    assert_eq!(searches(&mut wire).len(), 1);
    let found = Host::new("zk2", 2181);
    wire.session.read_write_found(wire.now, found.clone(), 7);
    assert!(wire.session.is_read_only(), "an answer about another connection moves nobody");
    wire.session.read_write_found(wire.now, Host::new("elsewhere", 2181), 1);
    assert!(wire.session.is_read_only(), "nor does a server that is not in the list");
    wire.session.read_write_found(wire.now, found.clone(), 1);
    assert_eq!(dropped(&wire.events()), Some(&Cause::ReadWriteFound));
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.round().hosts[0], found, "it is tried first");
}

#[test]
fn a_server_with_a_quorum_is_not_left_and_one_server_alone_has_nobody_to_ask_for() {
    for (hosts, read_only) in [(3, false), (1, true)] {
        let mut wire = wire(hosts);
        connect(&mut wire, SESSION, read_only);
        assert_eq!(wire.session.is_read_only(), read_only);
        wire.advance(Duration::from_secs(4));
        assert_eq!(searches(&mut wire), []);
        wire.session.read_write_found(wire.now, Host::new("zk1", 2181), 1);
        assert_eq!(wire.session.state(), State::Connected);
    }
}

#[test]
fn a_session_of_a_read_only_server_is_replaced_without_an_expiry_and_keeps_its_watches() {
    let mut wire = wire(3);
    connect(&mut wire, SESSION, true);
    let watch = (WatchOn::Data("/a".into()), WatchId(1));
    wire.submit_with(0, OpCode::GET_DATA, Some(watch), WhenDisconnected::Fail);
    wire.requests();
    wire.reply(1, 5, ErrorCode::OK, b"");
    wire.lose();
    wire.events();
    // `connect` checks that no session is asked for.
    wire.advance(Duration::from_secs(1));
    connect(&mut wire, SESSION + 1, false);
    let events = wire.events();
    assert!(!events.iter().any(|event| matches!(event, Event::SessionExpired { .. } | Event::Watch { .. })));
    assert!(
        events.iter().any(|event| matches!(event, Event::SessionEstablished(info) if info.generation == 2))
    );
    assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES);
    assert!(!wire.session.is_read_only());
}

#[test]
fn a_session_of_the_quorum_is_asked_for_at_a_read_only_server_too() {
    let mut wire = wire(3);
    connect(&mut wire, SESSION, false);
    wire.lose();
    assert_eq!(wire.open().session_id, SESSION);
    wire.answer_connect(NEGOTIATED, SESSION, Some(true));
    assert!(wire.session.is_read_only());
    wire.lose();
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.open().session_id, SESSION, "it is not local: it goes back as it came");
}

/// A server that was cut off before the session began does not know it, and says so in the words of an expiry.
#[test]
fn a_server_without_a_quorum_ends_no_session() {
    for (timeout, session_id) in [(Duration::ZERO, 0), (NEGOTIATED, SESSION + 1)] {
        let mut wire = wire(2);
        connect(&mut wire, SESSION, false);
        wire.lose();
        wire.events();
        assert_eq!(wire.open().session_id, SESSION);
        wire.answer_connect(timeout, session_id, Some(true));
        let events = wire.events();
        assert_eq!(dropped(&events), Some(&Cause::ReadOnlyServer));
        assert!(!events.iter().any(|event| matches!(event, Event::SessionExpired { .. })));
        wire.advance(Duration::from_secs(1));
        assert_eq!(wire.open().session_id, SESSION, "it goes on asking");
        // One with a quorum is believed.
        wire.answer_connect(timeout, session_id, Some(false));
        assert!(wire.events().iter().any(|event| matches!(event, Event::SessionExpired { .. })));
    }
}

/// Old servers without a quorum resume a session; that they are behind it does not mean that the ensemble was set back.
#[test]
fn servers_without_a_quorum_do_not_end_a_session_for_what_it_has_seen() {
    let mut wire = wire(1);
    connect(&mut wire, SESSION, false);
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.reply(1, 500, ErrorCode::OK, b"");
    wire.lose();
    let mut asked_without_zxid = 0;
    for _ in 0..200 {
        let request = wire.open();
        assert_eq!(request.session_id, SESSION);
        if request.last_zxid_seen == 0 {
            asked_without_zxid += 1;
            wire.answer_connect(NEGOTIATED, SESSION, Some(true));
        } else {
            wire.lose();
        }
        wire.advance(Duration::from_secs(1));
    }
    assert!(asked_without_zxid > 10, "{asked_without_zxid}");
    assert!(!wire.events().iter().any(|event| matches!(event, Event::SessionExpired { .. })));
}

#[test]
fn a_write_that_is_answered_without_a_quorum_proves_nothing() {
    let mut wire = wire(2);
    connect(&mut wire, SESSION, true);
    wire.submit(0, OpCode::SET_DATA);
    let xid = wire.requests()[0].xid;
    wire.reply(xid, 5, ErrorCode::OK, b"");
    assert_eq!(wire.session.quorum_proof(), None);
}

/// One that says that it has a quorum and grants no session: it is full, or behind what the session has seen.
#[test]
fn a_server_that_promises_a_quorum_and_grants_nothing_is_moved_to_ever_more_seldom() {
    let mut wire = wire(2);
    let mut stays = Vec::new();
    for _ in 0..9 {
        let other = loop {
            let round = wire.round();
            wire.session.transport_opened(
                wire.now,
                Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now },
            );
            wire.sent.clear();
            wire.received.clear();
            wire.sent_frames();
            if round.hosts[0].name == "zk0" {
                break Host::new("zk1", 2181);
            }
            wire.lose();
            wire.advance(Duration::from_secs(1));
        };
        wire.answer_connect(NEGOTIATED, SESSION, Some(true));
        wire.events();
        let since = wire.now;
        let connection = loop {
            let due = wire.session.poll_timeout().expect("a search");
            wire.advance(due.since(wire.now));
            wire.requests();
            while wire.session.oldest_unanswered().is_some() {
                wire.reply(PING_XID, 1, ErrorCode::OK, b"");
            }
            if let Some((_, connection)) = searches(&mut wire).pop() {
                break connection;
            }
        };
        stays.push(wire.now.since(since));
        wire.session.read_write_found(wire.now, other, connection);
        wire.events();
        wire.advance(Duration::from_secs(1));
    }
    let seconds = stays.iter().map(Duration::as_secs_f64).collect::<Vec<_>>();
    assert_eq!(seconds, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]);
}
