//! SASL mechanisms whose steps the driver takes.

use std::time::Duration;

use zk_jute::{Decode, ErrorCode, OpCode, records::GetSASLRequest};
use zk_proto::{Cause, Config, Event, Host, Sasl, SaslStep, State};

use crate::harness::{READ_TIMEOUT, SESSION, Wire, dropped};

/// A session whose driver takes the steps of SASL; its session is granted, and the first step is asked for.
fn wire_with_steps() -> Wire {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.sasl = Some(Sasl::ByDriver);
    config.read_timeout = Some(READ_TIMEOUT);
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    assert_eq!(wire.step_asked_for(), Some((1, None)));
    wire
}

impl Wire {
    /// The connection and the server's token of the step that the driver is to take.
    fn step_asked_for(&mut self) -> Option<(u64, Option<Vec<u8>>)> {
        self.events().into_iter().find_map(|event| match event {
            Event::SaslStep { host, connection, challenge } => {
                assert_eq!(host, Host::new("zk1", 2181));
                Some((connection, challenge.map(|token| token.expose().to_vec())))
            }
            _ => None,
        })
    }

    /// The token in the one request that was sent.
    fn sasl_request(&mut self) -> (i32, Vec<u8>) {
        let sent = self.requests();
        assert_eq!(sent.iter().map(|sent| sent.op).collect::<Vec<_>>(), [OpCode::SASL]);
        (sent[0].xid, GetSASLRequest::from_bytes(&sent[0].body).unwrap().token.unwrap().to_vec())
    }
}

#[test]
fn the_driver_takes_the_steps_of_its_mechanism() {
    let mut wire = wire_with_steps();
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Respond("ticket".into())));
    let (xid, token) = wire.sasl_request();
    assert_eq!(token, b"ticket");
    wire.reply(xid, 0, ErrorCode::OK, b"\x00\x00\x00\x05proof");
    assert_eq!(wire.step_asked_for(), Some((1, Some(b"proof".to_vec()))));
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Respond("".into())));
    let (xid, token) = wire.sasl_request();
    assert_eq!(token, b"");
    // No token at all is an empty one.
    wire.reply(xid, 0, ErrorCode::OK, b"\xff\xff\xff\xff");
    assert_eq!(wire.step_asked_for(), Some((1, Some(Vec::new()))));
    assert_eq!(wire.session.state(), State::Connecting);
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Done));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn while_the_driver_takes_a_step_nothing_is_sent_and_the_server_owes_nothing() {
    let mut wire = wire_with_steps();
    // Longer than pings are apart, and nearly the deadline of a read timeout.
    wire.advance(READ_TIMEOUT - Duration::from_millis(1));
    assert_eq!(wire.requests(), []);
    assert!(dropped(&wire.events()).is_none());
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Respond("ticket".into())));
    wire.sasl_request();
    // From here on it is the server that must answer, within half a read timeout at least.
    wire.advance(READ_TIMEOUT / 2 - Duration::from_millis(1));
    assert!(dropped(&wire.events()).is_none());
    wire.advance(Duration::from_millis(2));
    assert!(matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { .. })));
}

#[test]
fn a_step_that_takes_too_long_or_fails_ends_the_connection_and_is_tried_again_slowly() {
    let mut wire = wire_with_steps();
    wire.advance(READ_TIMEOUT);
    let cause = dropped(&wire.events()).cloned().expect("the deadline of the step");
    assert!(cause.to_string().contains("within 8000 ms"), "{cause}");
    // The outcome comes late, and then once more for the connection that follows.
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Done));
    assert!(wire.session.poll_connect().is_none(), "no pause");
    wire.advance(Duration::from_secs(2));
    wire.connect(SESSION);
    assert_eq!(wire.step_asked_for(), Some((2, None)));
    wire.session.sasl_stepped(wire.now, 1, Ok(SaslStep::Done));
    assert_eq!(wire.session.state(), State::Connecting, "a late word about another connection");
    wire.session.sasl_stepped(wire.now, 2, Err("no ticket".into()));
    let cause = dropped(&wire.events()).cloned().expect("the failure of the step");
    assert!(matches!(&cause, Cause::AuthFailed { reason, .. } if &**reason == "no ticket"), "{cause}");
    wire.advance(Duration::from_millis(990));
    assert!(wire.session.poll_connect().is_none(), "no pause");
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    assert_eq!(wire.step_asked_for(), Some((3, None)));
}
