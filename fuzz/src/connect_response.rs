//! Any bytes where the connect response is due.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::records::ConnectResponse;
use zk_jute::{Decode, FrameLimit};
use zk_proto::{Cause, Config, Host, Phase, ProtocolError, SessionCredentials, State};

use crate::driver::{Driver, PASSWORD};
use crate::input::Input;

/// The session that some of the inputs ask to resume.
const RESUMED: i64 = 0x1234;

/// What became of the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handshake {
    /// The bytes are not a whole frame yet.
    Waiting,
    /// A session was granted; the other that was asked for, if any, is over.
    Granted,
    /// The session that was asked for is over.
    Expired,
    /// The connection was dropped, for this cause.
    Dropped(Cause),
}

/// Feeds bytes to a session that has just sent its connect request: at once, and one by one. Then the server closes the
/// connection, and another one that is honest is dialled.
///
/// The first byte says what to ask for (1: to resume a session, 2: a read-only server will do), and whether the rest is the
/// stream as it is or to be put into a frame (4).
///
/// # Panics
///
/// If the outcome is not what the bytes say by the protocol, the slices make a difference, or the session is of no use
/// afterwards.
pub fn connect_response(input: &[u8]) -> Handshake {
    let mut input = Input(input);
    let setup = input.byte();
    let (resumes, allow_read_only) = (setup & 1 != 0, setup & 2 != 0);
    let mut stream = Vec::new();
    if setup & 4 != 0 {
        stream.extend(u32::try_from(input.0.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    stream.extend(input.0);

    let outcome = feed(resumes, allow_read_only, [&stream[..]]);
    assert_eq!(feed(resumes, allow_read_only, stream.chunks(1)), outcome, "single bytes make a difference");
    let expected = expect(resumes, allow_read_only, &stream);
    match (&outcome, expected) {
        (Handshake::Dropped(Cause::Protocol(_)), Expected::Malformed) => {}
        (Handshake::Dropped(Cause::ReadOnlyServer), Expected::ReadOnly) => {}
        (Handshake::Granted, Expected::Granted) | (Handshake::Expired, Expected::Expired) => {}
        (Handshake::Waiting, Expected::Incomplete) => {}
        (outcome, expected) => panic!("{outcome:?}, where {expected:?} was due"),
    }
    outcome
}

fn feed<'s>(resumes: bool, allow_read_only: bool, slices: impl IntoIterator<Item = &'s [u8]>) -> Handshake {
    let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    config.allow_read_only = allow_read_only;
    config.resume = resumes.then(|| SessionCredentials::new(RESUMED, PASSWORD));
    let mut driver = Driver::new(config);
    driver.open(0);
    assert!(driver.connect_request.is_some());
    for slice in slices {
        // What is behind the connect response is not this target's.
        if driver.session.phase() != Phase::Handshaking {
            break;
        }
        driver.receive(slice);
    }
    let outcome = match (driver.session.phase(), driver.dropped.first()) {
        (Phase::Handshaking, None) => Handshake::Waiting,
        (_, Some(Cause::SessionExpired)) => Handshake::Expired,
        // What came behind a response that was granted may have ended the connection.
        (_, Some(cause)) if driver.session.session().is_none_or(|ours| ours.generation == 0) => {
            Handshake::Dropped(cause.clone())
        }
        _ => Handshake::Granted,
    };
    if outcome == Handshake::Granted {
        let ours = driver.session.session().expect("a session that was granted");
        assert!(ours.generation == 1 && ours.session_id != 0 && ours.negotiated_timeout > Duration::ZERO);
    }
    if let Handshake::Dropped(_) = outcome {
        assert_ne!(driver.session.state(), State::Connected);
        assert_eq!(driver.session.session().map(|ours| ours.session_id), resumes.then_some(RESUMED));
    }
    driver.lose(Cause::ConnectionClosed);
    driver.recovers(0x77);
    driver.finish();
    outcome
}

/// What the protocol says of a stream.
#[derive(Debug)]
enum Expected {
    Incomplete,
    Malformed,
    ReadOnly,
    Expired,
    Granted,
}

fn expect(resumes: bool, allow_read_only: bool, stream: &[u8]) -> Expected {
    let Some((length, rest)) = stream.split_first_chunk() else { return Expected::Incomplete };
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { return Expected::Malformed };
    if length > FrameLimit::CONNECT_RESPONSE.get() {
        return Expected::Malformed;
    }
    let Some(frame) = rest.get(..length) else { return Expected::Incomplete };
    let Ok(response) = ConnectResponse::from_bytes(&Bytes::copy_from_slice(frame)).map(|response| {
        let ConnectResponse { protocol_version, timeout, session_id, password, read_only } = response;
        (protocol_version, timeout, session_id, password.len(), read_only)
    }) else {
        return Expected::Malformed;
    };
    match response {
        // A server without a quorum cannot know that a session is over.
        (0, ..=0, .., Some(true)) if resumes => Expected::ReadOnly,
        (0, _, session_id, _, Some(true)) if resumes && session_id != RESUMED => Expected::ReadOnly,
        (0, ..=0, ..) if resumes => Expected::Expired,
        (0, 1.., 1.. | ..=-1, 16, Some(true)) if !allow_read_only => Expected::ReadOnly,
        (0, 1.., 1.. | ..=-1, 16, _) => Expected::Granted,
        _ => Expected::Malformed,
    }
}

/// What went wrong, if the bytes were none that the protocol allows.
impl Handshake {
    /// The error of the protocol.
    pub fn protocol_error(&self) -> Option<&ProtocolError> {
        match self {
            Self::Dropped(Cause::Protocol(error)) => Some(error),
            _ => None,
        }
    }
}
