//! After a connection is lost: what is shown to the next server, which one it is, and when it is asked.

use std::time::Duration;

use zk_jute::{ErrorCode, EventType, OpCode};
use zk_proto::{Config, Host, Opened, State};

use crate::harness::{NEGOTIATED, SESSION, Wire};

#[test]
fn a_lost_connection_resumes_the_session_with_its_password_and_zxid() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.reply(1, 4_711, ErrorCode::OK, b"");
    wire.lose();
    let request = wire.connect(SESSION);
    assert_eq!((request.session_id, request.last_zxid_seen), (SESSION, 4_711));
    assert_eq!(request.password.as_ref(), [7; 16]);
    assert_eq!(wire.session.session().map(|info| info.generation), Some(1));
}

#[test]
fn the_lost_server_goes_last() {
    for _ in 0..20 {
        let mut wire = Wire::new();
        let round = wire.round();
        let lost = round.hosts[0].clone();
        let opened = Opened { host: lost.clone(), failed: vec![], started_at: wire.now };
        wire.session.transport_opened(wire.now, opened);
        wire.answer_connect(NEGOTIATED, SESSION, Some(false));
        wire.lose();
        assert_eq!(wire.round().hosts.last(), Some(&lost));
    }
}

#[test]
fn a_server_that_drops_every_connection_at_once_makes_no_hot_loop() {
    let mut wire = Wire::connected();
    let start = wire.now;
    for _ in 0..50 {
        wire.lose();
        while wire.session.poll_timeout().is_some() && {
            wire.drain();
            wire.session.poll_connect().is_none_or(|round| {
                let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
                wire.session.transport_opened(wire.now, opened);
                false
            })
        } {
            let due = wire.session.poll_timeout().unwrap();
            wire.now = wire.now.max(due);
            wire.session.handle_timeout(wire.now);
        }
        wire.received.clear();
        wire.answer_connect(NEGOTIATED, SESSION, Some(false));
        assert_eq!(wire.session.state(), State::Connected);
    }
    assert!(wire.now.since(start) > Duration::from_secs(5), "50 connects took {:?}", wire.now.since(start));
}

/// How long after now the next round begins; zero if one is due already.
fn pause_before_round(wire: &mut Wire) -> Duration {
    let start = wire.now;
    wire.drain();
    loop {
        if wire.session.poll_connect().is_some() {
            return wire.now.since(start);
        }
        wire.now = wire.now.max(wire.session.poll_timeout().expect("a round is to come"));
        wire.session.handle_timeout(wire.now);
        wire.drain();
    }
}

#[test]
fn the_first_round_starts_at_once_and_later_ones_after_pauses_that_grow_to_a_second() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_secs(1));
    wire.lose();
    let mut pauses = Vec::new();
    for _ in 0..200 {
        pauses.push(pause_before_round(&mut wire));
        wire.session.dial_failed(wire.now, "zk1: refused");
    }
    assert_eq!(pauses[0], Duration::ZERO);
    assert!(pauses[1] <= Duration::from_millis(50), "{:?}", pauses[1]);
    assert!(pauses[1..].iter().all(|pause| (20..=1_000).contains(&pause.as_millis())), "{pauses:?}");
    assert!(pauses.iter().any(|pause| pause.as_millis() > 800), "they grow: {pauses:?}");
    assert!(pauses[10..].iter().any(|pause| pause.as_millis() < 300), "full jitter: {pauses:?}");
}

#[test]
fn a_connection_is_healthy_after_a_second_and_not_before() {
    for (millis, at_once) in [(999, false), (1_000, true)] {
        let mut wire = Wire::connected();
        // The first pause of nothing is used up.
        wire.lose();
        wire.connect(SESSION);
        wire.advance(Duration::from_millis(millis));
        wire.lose();
        assert_eq!(pause_before_round(&mut wire).is_zero(), at_once, "after {millis} ms");
    }
}

#[test]
fn the_next_server_of_a_round_is_asked_without_a_pause() {
    let mut wire = Wire::connected();
    wire.lose();
    let mut asked = Vec::new();
    for _ in 0..3 {
        let round = wire.round();
        asked.push(round.hosts[0].clone());
        let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
        wire.session.transport_opened(wire.now, opened);
        wire.lose();
    }
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 3, "each once, all at the same instant");
}

#[test]
fn two_servers_take_turns_however_often_they_fail() {
    let mut config = Config::new(vec![Host::new("zk1", 2181), Host::new("zk2", 2181)]);
    config.read_timeout = Some(Duration::from_secs(8));
    let mut wire = Wire::with(config);
    let mut before = None;
    for _ in 0..20 {
        let round = wire.round();
        let host = round.hosts[0].clone();
        assert_ne!(Some(&host), before.as_ref(), "the one that was just lost comes last");
        let opened = Opened { host: host.clone(), failed: vec![], started_at: wire.now };
        wire.received.clear();
        wire.session.transport_opened(wire.now, opened);
        wire.answer_connect(NEGOTIATED, SESSION, Some(false));
        wire.advance(Duration::from_secs(1));
        wire.lose();
        before = Some(host);
    }
}

#[test]
fn the_newest_zxid_is_the_highest_of_all_replies_and_of_no_event() {
    let mut wire = Wire::connected();
    for (token, zxid) in [(0, 60), (1, 50)] {
        wire.submit(token, OpCode::GET_DATA);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, zxid, ErrorCode::OK, b"");
    }
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    wire.lose();
    assert_eq!(wire.connect(SESSION).last_zxid_seen, 60);
}

/// How servers may be down.
#[derive(Debug, Clone, Copy)]
enum Down {
    /// Nobody listens.
    Refuses,
    /// Whoever connects is sent away at once.
    Closes,
    /// Whoever connects hears nothing.
    IsSilent,
}

/// How many connections are asked for in a virtual minute in which all three servers are down.
fn connects_in_a_minute(down: Down, seed: u64) -> usize {
    let hosts = (1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect();
    let mut config = Config::new(hosts);
    config.connect_timeout = Duration::from_millis(200);
    let mut wire = Wire::seeded(config, seed);
    wire.connect(SESSION);
    wire.advance(Duration::from_secs(1));
    wire.lose();
    let end = wire.now.after(Duration::from_secs(60));
    let mut connects = 0;
    loop {
        wire.drain();
        match (wire.session.poll_connect(), down) {
            (Some(round), Down::Refuses) => {
                connects += round.hosts.len();
                wire.session.dial_failed(wire.now, "all refused");
            }
            (Some(round), _) => {
                connects += 1;
                let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
                wire.session.transport_opened(wire.now, opened);
                if let Down::Closes = down {
                    wire.lose();
                }
            }
            (None, _) => match wire.session.poll_timeout() {
                Some(due) if due <= end => {
                    wire.now = wire.now.max(due);
                    wire.session.handle_timeout(wire.now);
                }
                _ => return connects,
            },
        }
    }
}

#[test]
fn a_minute_without_servers_costs_a_bounded_number_of_connects() {
    for down in [Down::Refuses, Down::Closes, Down::IsSilent] {
        let most = (0..200).map(|seed| connects_in_a_minute(down, seed)).max().unwrap();
        let least = (0..200).map(|seed| connects_in_a_minute(down, seed)).min().unwrap();
        // The bound of `connects_allowed` in `tests/leaks.rs`; pauses are of half a second in the long run.
        assert!(most <= 3 * (6 + 4 * 60), "{down:?}: {most} connects");
        assert!(least >= 3 * 30, "{down:?}: {least} connects: a server that is back is found late");
        println!("{down:?}: {least} to {most}");
    }
}
