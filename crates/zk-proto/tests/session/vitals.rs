//! What a driver can report of a session.

use std::time::Duration;

use zk_jute::{
    ErrorCode, OpCode,
    xid::{AUTH_XID, PING_XID, SET_WATCHES_XID},
};
use zk_proto::{Config, Credential, Event, Host, Phase, WatchId, WatchOn, WhenDisconnected};

use crate::harness::{NEGOTIATED, READ_TIMEOUT, SESSION, Wire};

#[test]
fn the_vital_signs_follow_what_happens() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.read_timeout = Some(READ_TIMEOUT);
    config.credentials.push(Credential::new("digest", "user:password"));
    let mut wire = Wire::with(config);
    assert_eq!(wire.session.phase(), Phase::Dialing);
    wire.submit_with(0, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    wire.open();
    assert_eq!(wire.session.phase(), Phase::Handshaking);
    assert_eq!(wire.session.oldest_unanswered(), None);
    let granted_at = wire.now;
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(wire.session.phase(), Phase::Authenticating);
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.session.oldest_unanswered(), Some(granted_at));
    assert_eq!((wire.session.requests_waiting(), wire.session.requests_in_flight()), (1, 0));
    wire.reply(AUTH_XID, 0, ErrorCode::OK, b"");
    assert_eq!(wire.session.phase(), Phase::Ready);
    assert_eq!(wire.session.oldest_unanswered(), None, "nothing was sent yet");
    assert_eq!(wire.requests().len(), 2, "addauth, getData");
    assert_eq!((wire.session.requests_waiting(), wire.session.requests_in_flight()), (0, 1));
    let sent_at = wire.now;
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.session.oldest_unanswered(), Some(sent_at));
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!((wire.session.oldest_unanswered(), wire.session.requests_in_flight()), (None, 0));

    wire.submit_with(
        1,
        OpCode::GET_DATA,
        Some((WatchOn::Data("/a".into()), WatchId(0))),
        WhenDisconnected::Fail,
    );
    wire.requests();
    assert_eq!(wire.session.watches(), 0, "not before the answer");
    wire.reply(2, 1, ErrorCode::OK, b"");
    assert_eq!(wire.session.watches(), 1);

    // The first ping went out half a read timeout after the grant.
    wire.events();
    wire.advance(Duration::from_secs(3));
    assert_eq!(wire.session.oldest_unanswered(), Some(granted_at.after(READ_TIMEOUT / 2)));
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    let round_trip = wire.now.since(granted_at.after(READ_TIMEOUT / 2));
    assert!(matches!(wire.events()[..], [Event::Pong { round_trip: told }] if told == round_trip));

    wire.lose();
    wire.drain();
    wire.open();
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    wire.reply(AUTH_XID, 1, ErrorCode::OK, b"");
    assert_eq!(wire.session.phase(), Phase::Restoring);
    wire.reply(SET_WATCHES_XID, 1, ErrorCode::OK, b"");
    assert_eq!((wire.session.phase(), wire.session.watches()), (Phase::Ready, 1));
    wire.session.detach(wire.now);
    assert_eq!((wire.session.phase(), wire.session.oldest_unanswered()), (Phase::Closed, None));
}
