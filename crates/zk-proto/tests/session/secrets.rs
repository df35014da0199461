//! What no `Debug` shows.

use zk_proto::Opened;

use crate::harness::{SESSION, Wire, with_credentials};

#[test]
fn the_session_password_is_in_no_debug_output() {
    let mut wire = Wire::connected();
    wire.lose();
    wire.connect(SESSION);
    let events = wire.events();
    let debug = format!("{:?} {events:?}", wire.session);
    assert!(!debug.contains("7, 7, 7") && !debug.contains("\\u{7}") && !debug.contains("\\x07"), "{debug}");
}

#[test]
fn nothing_of_what_is_on_its_way_out_is_shown() {
    let mut wire = with_credentials();
    wire.connect(SESSION);
    let debug = format!("{:?}", wire.session);
    assert!(!debug.contains("user:pass"), "{debug}");
    wire.lose();
    let round = wire.round();
    let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    let debug = format!("{:?}", wire.session);
    assert!(!debug.contains("\\x07"), "the session password is in the connect request: {debug}");
}
