//! Identities and SASL, on every connection before anything else.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{
    Decode, Encode, ErrorCode, OpCode,
    records::{AuthPacket, GetSASLRequest, SetSASLResponse},
    xid::SET_WATCHES_XID,
};
use zk_proto::{
    Cause, Config, Credential, Host, RequestError, Sasl, State, WatchId, WatchOn, WhenDisconnected,
};

use crate::harness::{SESSION, Wire, dropped, with_credentials};

#[test]
fn credentials_go_first_on_every_connection_and_connected_comes_after_the_acknowledgements() {
    let mut wire = with_credentials();
    wire.submit_with(0, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    for session in [SESSION, SESSION] {
        wire.connect(session);
        wire.events();
        let sent = wire.requests();
        assert_eq!(
            sent.iter().map(|sent| (sent.xid, sent.op)).collect::<Vec<_>>(),
            [(-4, OpCode::AUTH), (-4, OpCode::AUTH)]
        );
        let packet = AuthPacket::from_bytes(&sent[0].body).unwrap();
        assert_eq!((packet.scheme, packet.auth.as_deref()), ("digest", Some(b"user:pass".as_ref())));
        wire.reply(-4, 0, ErrorCode::OK, b"");
        assert_eq!(wire.session.state(), State::Connecting);
        wire.reply(-4, 0, ErrorCode::OK, b"");
        assert_eq!(wire.session.state(), State::Connected);
        wire.lose();
    }
}

#[test]
fn a_refused_credential_is_told_and_tried_again_slowly() {
    let mut wire = with_credentials();
    wire.connect(SESSION);
    wire.events();
    wire.reply(-4, 0, ErrorCode::AUTH_FAILED, b"");
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::AuthFailed { scheme, .. }) if &**scheme == "digest")
    );
    wire.submit(1, OpCode::GET_DATA);
    assert!(matches!(wire.outcomes()[..], [(1, Err(RequestError::NotSent(Cause::AuthFailed { .. })))]));
    wire.advance(Duration::from_millis(999));
    assert!(wire.session.poll_connect().is_none(), "not at once");
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.connect(SESSION).session_id, SESSION, "the session is kept");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected, "it heals");
}

#[test]
fn an_identity_added_while_connected_stays_if_it_is_accepted() {
    for (err, kept) in [(ErrorCode::OK, 1), (ErrorCode::AUTH_FAILED, 0)] {
        let mut wire = Wire::connected();
        wire.session.add_auth(Credential::new("digest", "user:pass"), 7);
        assert_eq!(wire.requests().len(), 1);
        wire.reply(-4, 0, err, b"");
        assert!(matches!(&wire.outcomes()[..], [(7, Ok(reply))] if reply.err == err));
        if err == ErrorCode::OK {
            wire.lose();
        } else {
            wire.advance(Duration::from_secs(2));
        }
        wire.connect(SESSION);
        assert_eq!(wire.requests().len(), kept);
    }
    let mut lost = Wire::connected();
    lost.session.add_auth(Credential::new("digest", "user:pass"), 7);
    lost.lose();
    assert_eq!(lost.outcomes(), [(7, Err(RequestError::Unknown(Cause::ConnectionClosed)))]);
}

#[test]
fn a_refused_identity_takes_no_accepted_one_with_it() {
    let mut wire = Wire::connected();
    wire.session.add_auth(Credential::new("digest", "bad"), 1);
    wire.session.add_auth(Credential::new("digest", "good"), 2);
    wire.requests();
    wire.reply(-4, 0, ErrorCode::AUTH_FAILED, b"");
    wire.advance(Duration::from_secs(2));
    wire.connect(SESSION);
    assert!(wire.requests().is_empty(), "neither was accepted");
    // One whose answer was lost is not kept either.
    wire.session.add_auth(Credential::new("digest", "bad"), 3);
    wire.lose();
    wire.advance(Duration::from_secs(2));
    wire.connect(SESSION);
    assert!(wire.requests().is_empty());
}

#[test]
fn sasl_comes_before_everything_else() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.sasl = Some(Sasl::digest_md5("patroni", "secret"));
    config.credentials = vec![Credential::new("digest", "user:pass")];
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    let sent = wire.requests();
    assert_eq!(sent.iter().map(|sent| sent.op).collect::<Vec<_>>(), [OpCode::SASL]);
    assert_eq!(GetSASLRequest::from_bytes(&sent[0].body).unwrap().token.as_deref(), Some(b"".as_ref()));
    let challenge = Box::leak(
        SetSASLResponse { token: Some(Bytes::from_static(b"nonce=\"n\",algorithm=md5-sess")) }
            .to_bytes()
            .to_vec()
            .into_boxed_slice(),
    );
    wire.reply(sent[0].xid, 0, ErrorCode::OK, challenge);
    let sent = wire.requests();
    assert_eq!(sent.len(), 1);
    let answer = GetSASLRequest::from_bytes(&sent[0].body).unwrap().token.unwrap();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(
        answer.contains("digest-uri=\"zookeeper/zk-sasl-md5\"") && !answer.contains("secret"),
        "{answer}"
    );
    let impostor = Box::leak(
        SetSASLResponse { token: Some(Bytes::from_static(b"rspauth=0")) }
            .to_bytes()
            .to_vec()
            .into_boxed_slice(),
    );
    wire.reply(sent[0].xid, 0, ErrorCode::OK, impostor);
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::AuthFailed { .. })),
        "the server must prove itself, too"
    );
    assert!(!format!("{:?}", wire.session).contains("secret"));
}

#[test]
fn identities_then_watches_then_connected_then_requests() {
    let mut wire = with_credentials();
    wire.connect(SESSION);
    for _ in 0..2 {
        wire.reply(-4, 0, ErrorCode::OK, b"");
    }
    let watch = Some((WatchOn::Data("/a".into()), WatchId(1)));
    wire.submit_with(0, OpCode::GET_DATA, watch, WhenDisconnected::Fail);
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.lose();
    wire.submit_with(1, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.connect(SESSION);
    let ops: Vec<OpCode> = wire.requests().iter().map(|sent| sent.op).collect();
    assert_eq!(ops, [OpCode::AUTH, OpCode::AUTH, OpCode::SET_WATCHES], "nothing of the user's");
    for xid in [-4, -4, SET_WATCHES_XID] {
        assert_eq!(wire.session.state(), State::Connecting);
        assert!(wire.requests().is_empty());
        wire.reply(xid, 0, ErrorCode::OK, b"");
    }
    assert_eq!(wire.session.state(), State::Connected);
    assert_eq!(wire.requests()[0].op, OpCode::SET_DATA);
}

#[test]
fn identities_are_replaced_on_the_live_connection_where_that_is_possible() {
    let credential = |auth: &str| Credential::new("digest", auth);
    let mut wire = Wire::connected();
    let now = wire.now;
    wire.session.set_credentials(now, vec![credential("a:1")]);
    wire.session.set_credentials(now, vec![credential("a:1"), credential("b:2")]);
    wire.session.set_credentials(now, vec![credential("a:1"), credential("b:2")]);
    let sent: Vec<_> =
        wire.requests().iter().map(|sent| AuthPacket::from_bytes(&sent.body).unwrap().auth).collect();
    assert_eq!(sent, [Some(b"a:1".as_slice().into()), Some(b"b:2".as_slice().into())], "what is new, once");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected, "the connection stays");

    // A server cannot be told to forget one.
    wire.session.set_credentials(now, vec![credential("b:2")]);
    assert_eq!(dropped(&wire.events()), Some(&Cause::Reconfigured));
    assert_eq!(wire.connect(SESSION).session_id, SESSION, "the session is kept");
    assert_eq!(wire.requests().len(), 1, "without the one that is gone");
}

#[test]
fn an_identity_that_is_unanswered_is_replaced_with_the_others() {
    let mut wire = Wire::connected();
    let now = wire.now;
    wire.session.add_auth(Credential::new("digest", "a:1"), 1);
    wire.requests();
    wire.session.set_credentials(now, vec![]);
    assert_eq!(dropped(&wire.events()), Some(&Cause::Reconfigured));
    wire.connect(SESSION);
    assert!(wire.requests().is_empty(), "it was not kept");
}

#[test]
fn an_identity_that_is_added_again_is_said_once_to_the_next_server() {
    let mut wire = Wire::connected();
    for token in 0..3 {
        wire.session.add_auth(Credential::new("digest", "a:1"), token);
        wire.requests();
        wire.reply(-4, 0, ErrorCode::OK, b"");
    }
    wire.lose();
    wire.connect(SESSION);
    assert_eq!(wire.requests().len(), 1);
}

/// The client may end in three ways while the answer is due: its patience does, also after the server's end, it is detached.
#[test]
fn an_identity_that_is_being_added_ends_with_the_client() {
    for end in 0..3 {
        let mut wire = Wire::connected();
        wire.session.add_auth(Credential::new("digest", "user:pass"), 7);
        wire.requests();
        match end {
            0 => {
                wire.session.close(wire.now);
                wire.advance(Duration::from_secs(3));
            }
            1 => {
                wire.session.close(wire.now);
                wire.requests();
                wire.lose();
                wire.advance(Duration::from_secs(3));
            }
            _ => drop(wire.session.detach(wire.now)),
        }
        assert_eq!(wire.session.state(), State::Closed);
        let outcomes = wire.outcomes();
        assert!(matches!(outcomes[..], [(7, Err(RequestError::Unknown(_)))]), "{end}: {outcomes:?}");
    }
}
