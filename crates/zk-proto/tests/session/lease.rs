//! What proves that the leader has heard of the session, and since when.

use std::time::Duration;

use zk_jute::{ErrorCode, OpCode, xid::PING_XID};
use zk_proto::{Config, Host, State, Timestamp};

use crate::harness::{NEGOTIATED, READ_TIMEOUT, SESSION, Wire};

#[test]
fn the_quorum_proof_is_what_was_passed_on_before_a_committed_write() {
    let mut wire = Wire::connected();
    let asked = wire.now;
    wire.submit(0, OpCode::GET_DATA);
    wire.submit(1, OpCode::SYNC);
    wire.requests();
    wire.reply(1, 5, ErrorCode::OK, b"");
    wire.reply(2, 5, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(4));
    let pinged = wire.now;
    wire.requests();
    wire.reply(PING_XID, 5, ErrorCode::OK, b"");
    assert_eq!(wire.session.quorum_proof(), None, "a follower answers all of these by itself");
    for (wait, proof) in [(1_000, asked), (1_000, pinged)] {
        wire.advance(Duration::from_millis(wait));
        wire.submit(2, OpCode::MULTI);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, 6, ErrorCode::OK, b"");
        assert_eq!(
            wire.session.quorum_proof(),
            Some(proof),
            "what is said half a tick before the write counts, not the write"
        );
    }
}

/// A session that is connected since 5 s, asks this at 5 s, and is answered at once.
fn proof_of(op: OpCode, err: ErrorCode) -> (Wire, Timestamp) {
    let mut wire = Wire::connected();
    let asked = wire.now;
    wire.advance(Duration::from_secs(5));
    wire.requests();
    wire.submit(0, op);
    let xid = wire.requests()[0].xid;
    wire.reply(xid, 1, err, b"");
    (wire, asked)
}

#[test]
fn what_a_follower_can_answer_alone_proves_nothing_and_what_was_committed_does() {
    let committed = [
        OpCode::CREATE,
        OpCode::CREATE2,
        OpCode::CREATE_CONTAINER,
        OpCode::CREATE_TTL,
        OpCode::DELETE,
        OpCode::SET_DATA,
        OpCode::SET_ACL,
        OpCode::MULTI,
        OpCode::RECONFIG,
    ];
    for op in OpCode::NAMED {
        if matches!(*op, OpCode::PING | OpCode::CLOSE_SESSION | OpCode::CREATE_SESSION | OpCode::ERROR) {
            continue;
        }
        let (wire, asked) = proof_of(*op, ErrorCode::OK);
        let expected = committed.contains(op).then_some(asked);
        assert_eq!(wire.session.quorum_proof(), expected, "{op:?}");
    }
}

#[test]
fn a_write_that_was_refused_proves_nothing() {
    for err in [ErrorCode::BAD_VERSION, ErrorCode::NO_NODE, ErrorCode::NO_AUTH, ErrorCode::NOT_READ_ONLY] {
        assert_eq!(proof_of(OpCode::SET_DATA, err).0.session.quorum_proof(), None, "{err:?}");
    }
}

/// When the proof moves from the connect request to a ping, with this timeout and this relay delay: the ping is sent and
/// answered at 4 s, the write is sent `delay` after it.
fn ping_counts_after(negotiated: Duration, relay_delay: Option<Duration>, delay: Duration) -> bool {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.read_timeout = Some(READ_TIMEOUT);
    config.relay_delay = relay_delay;
    let mut wire = Wire::with(config);
    wire.open();
    let connected = wire.now;
    wire.answer_connect(negotiated, SESSION, Some(false));
    wire.advance(Duration::from_secs(4));
    let pinged = wire.now;
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(delay);
    wire.submit(0, OpCode::SET_DATA);
    let xid = wire.requests().iter().find(|sent| sent.op == OpCode::SET_DATA).expect("the write").xid;
    wire.reply(xid, 1, ErrorCode::OK, b"");
    let proof = wire.session.quorum_proof().expect("the write was committed");
    assert!(proof == connected || proof == pinged, "{proof:?}");
    proof == pinged
}

#[test]
fn a_message_counts_once_it_was_answered_for_half_a_tick_and_not_before() {
    let ms = Duration::from_millis;
    for (negotiated, relay_delay, limit) in [
        (NEGOTIATED, None, ms(1_500)),
        (NEGOTIATED, Some(ms(700)), ms(700)),
        (ms(4_000), None, ms(1_000)),
        // Servers that grant less than two ticks.
        (ms(4_000), Some(ms(1_300)), ms(1_300)),
    ] {
        assert!(!ping_counts_after(negotiated, relay_delay, limit - ms(1)), "{negotiated:?} {relay_delay:?}");
        assert!(ping_counts_after(negotiated, relay_delay, limit), "{negotiated:?} {relay_delay:?}");
    }
}

#[test]
fn half_a_tick_counts_from_the_answer_since_the_message_may_have_arrived_just_before_it() {
    let mut wire = Wire::connected();
    let connected = wire.now;
    wire.advance(Duration::from_secs(4));
    let pinged = wire.now;
    wire.requests();
    // Slow on its way to the server, and answered at once there.
    wire.advance(Duration::from_millis(1_400));
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    for (wait, proof) in [(1_499, connected), (1, pinged)] {
        wire.advance(Duration::from_millis(wait));
        wire.submit(0, OpCode::SET_DATA);
        let xid = wire.requests().last().expect("the write").xid;
        wire.reply(xid, 1, ErrorCode::OK, b"");
        assert_eq!(wire.session.quorum_proof(), Some(proof), "{wait} ms later");
    }
}

#[test]
fn on_another_connection_the_proof_begins_with_its_connect_request_and_never_goes_back() {
    let (mut wire, first) = proof_of(OpCode::SET_DATA, ErrorCode::OK);
    wire.lose();
    wire.advance(Duration::from_secs(1));
    wire.open();
    let asked = wire.now;
    wire.advance(Duration::from_millis(50));
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(wire.session.quorum_proof(), Some(first), "reconnecting alone proves nothing more");
    wire.submit(0, OpCode::SET_DATA);
    let xid = wire.requests()[0].xid;
    wire.reply(xid, 1, ErrorCode::OK, b"");
    assert_eq!(wire.session.quorum_proof(), Some(asked));
}

#[test]
fn a_session_that_is_over_proves_nothing() {
    let (mut closed, _) = proof_of(OpCode::SET_DATA, ErrorCode::OK);
    closed.session.close(closed.now);
    closed.requests();
    closed.reply(2, 1, ErrorCode::OK, b"");
    assert_eq!((closed.session.state(), closed.session.quorum_proof()), (State::Closed, None));

    let (mut refused, _) = proof_of(OpCode::SET_DATA, ErrorCode::OK);
    refused.lose();
    refused.open();
    refused.answer_connect(Duration::ZERO, 0, None);
    assert_eq!(refused.session.quorum_proof(), None);
}
