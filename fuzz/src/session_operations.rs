//! Any sequence of what users, servers, networks and clocks do to a session.

use std::time::Duration;

use bytes::BytesMut;
use zk_jute::records::{ReplyHeader, WatcherEvent};
use zk_jute::{ErrorCode, EventType, FrameLimit, KeeperState, OpCode, write_frame, xid};
use zk_proto::{
    Cause, Config, Credential, Host, Opened, Sasl, SaslStep, Secret, SessionCredentials, State, WatchId,
    WatchOn, WhenDisconnected,
};

use crate::driver::{CREDENTIAL, Driver, PASSWORD};
use crate::input::Input;

/// The most operations of one input: enough for several sessions, and a bound on the time it takes.
const MOST_OPERATIONS: usize = 256;

const PATHS: [&str; 4] = ["/", "/a", "/a/b", "/ab"];

const OPS: [OpCode; 10] = [
    OpCode::GET_DATA,
    OpCode::EXISTS,
    OpCode::GET_CHILDREN2,
    OpCode::ADD_WATCH,
    OpCode::CREATE,
    OpCode::SET_DATA,
    OpCode::MULTI,
    OpCode::SYNC,
    OpCode::REMOVE_WATCHES,
    OpCode::DELETE,
];

const ERRORS: [ErrorCode; 8] = [
    ErrorCode::OK,
    ErrorCode::OK,
    ErrorCode::NO_NODE,
    ErrorCode::SESSION_MOVED,
    ErrorCode::SESSION_EXPIRED,
    ErrorCode::UNIMPLEMENTED,
    ErrorCode::AUTH_FAILED,
    ErrorCode::BAD_ARGUMENTS,
];

const EVENTS: [EventType; 6] = [
    EventType::NODE_CREATED,
    EventType::NODE_DELETED,
    EventType::NODE_DATA_CHANGED,
    EventType::NODE_CHILDREN_CHANGED,
    EventType::NONE,
    EventType::new(99),
];

const TIMES: [u64; 8] = [0, 1, 5, 37, 250, 1_700, 6_000, 40_000];

/// The shortest deadline that a request is given is none at all.
const DEADLINES: [u64; 4] = [0, 20, 1_000, 10_000];

/// What a session has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operations {
    /// How many operations there were.
    pub count: usize,
    /// Requests that ended before the client was closed.
    pub replies: usize,
    /// Connections that the session gave up.
    pub dropped: usize,
    /// How many sessions there were.
    pub generations: u64,
    /// The state before the client was closed.
    pub state: State,
}

/// Goes through operations on a session: each is a byte for its kind and the bytes that it takes. The first byte sets the
/// session up (see the source); when the input ends, the client is closed.
///
/// # Panics
///
/// If a request ends not once, a timeout that was handled comes again, a queue grows beyond its cap, a secret is shown or sent
/// where it does not belong, something is left when the client has closed, or the session panics.
pub fn session_operations(input: &[u8]) -> Operations {
    let mut input = Input(input);
    let mut driver = Driver::new(config(input.byte()));
    let mut count = 0;
    while !input.is_empty() && count < MOST_OPERATIONS && driver.session.state() != State::Closed {
        operation(&mut driver, &mut input);
        count += 1;
    }
    let outcome = Operations {
        count,
        replies: driver.replies,
        dropped: driver.dropped.len(),
        generations: driver.session.session().map_or(0, |ours| ours.generation),
        state: driver.session.state(),
    };
    driver.finish();
    outcome
}

fn hosts(bits: u8) -> Vec<Host> {
    (0..3u8).filter(|n| bits & (1 << n) != 0).map(|n| Host::new(format!("zk{n}"), 2181)).collect()
}

fn config(setup: u8) -> Config {
    let mut config = Config::new(hosts(if setup & 1 == 0 { 7 } else { 1 }));
    config.max_frame = FrameLimit::new(4_096).expect("a limit");
    config.max_request = FrameLimit::new(1_024).expect("a limit");
    config.allow_read_only = setup & 2 != 0;
    config.read_timeout = (setup & 4 != 0).then_some(Duration::from_secs(2));
    config.resume = (setup & 8 != 0).then(|| SessionCredentials::new(1, PASSWORD));
    if setup & 16 != 0 {
        config.credentials = vec![Credential::new("digest", CREDENTIAL), Credential::new("ip", "")];
    }
    config.sasl = match setup >> 5 & 3 {
        1 => Some(Sasl::digest_md5("user", CREDENTIAL)),
        2 => Some(Sasl::ByDriver),
        _ => None,
    };
    config.suspicion = setup & 128 == 0;
    config
}

fn operation(driver: &mut Driver, input: &mut Input<'_>) {
    match input.byte() % 32 {
        0 | 1 => submit(driver, input),
        2 => driver.open(usize::from(input.byte())),
        3 => grant(driver, input),
        4 | 5 => answer(driver, input),
        6 => driver.advance(Duration::from_millis(input.pick(&TIMES))),
        7 => late(driver, Duration::from_millis(input.pick(&TIMES))),
        8 => lose(driver, input),
        9 => driver.dial_failed(),
        10 => watcher_event(driver, input),
        11 => {
            let bytes = input.bytes();
            driver.receive(bytes);
        }
        12 => {
            let (xid, zxid, err) = (input.int(), input.long(), ErrorCode::new(input.int()));
            let body = input.bytes();
            driver.reply(xid, zxid, err, body);
        }
        13 => {
            let xid =
                input.pick(&[xid::PING_XID, xid::AUTH_XID, xid::SET_WATCHES_XID, xid::WATCH_EVENT_XID, 1]);
            let err = input.pick(&ERRORS);
            driver.reply(xid, 0, err, b"");
        }
        14 => driver.forget_watch(WatchId(u64::from(input.byte() % 16))),
        15 => {
            let hosts = hosts(input.byte());
            driver.session.set_hosts(driver.now, hosts);
            driver.settle();
        }
        16 => driver.add_auth(),
        17 => {
            let credentials =
                (0..input.byte() % 3).map(|n| Credential::new(["digest", "ip"][usize::from(n)], CREDENTIAL));
            let credentials = credentials.collect();
            driver.session.set_credentials(driver.now, credentials);
            driver.settle();
        }
        18 => {
            let timeout = input.pick(&TIMES);
            let read_timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
            driver.session.set_read_timeout(driver.now, read_timeout);
            driver.settle();
        }
        19 => driver.session.set_connect_timeout(Duration::from_millis(input.pick(&TIMES))),
        20 => {
            let connection = driver.connection;
            driver.session.probe_answered(driver.now, connection);
            driver.settle();
        }
        21 | 22 => spare(driver, input),
        23 => {
            let host = Host::new(format!("zk{}", input.byte() % 4), 2181);
            let connection = driver.connection;
            driver.session.read_write_found(driver.now, host, connection);
            driver.settle();
        }
        24 => sasl_step(driver, input),
        25 => {
            let error = zk_jute::DecodeError::TrailingBytes { left: 1 };
            // The number of a connection is in every reply; the newest is not far from the last one seen.
            let connection = driver.connection + u64::from(input.byte() % 4);
            driver.session.malformed_reply(driver.now, connection, error);
            driver.settle();
        }
        26 => {
            driver.session.forget_spare();
            driver.settle();
        }
        27 => {
            driver.writable = !driver.writable;
            driver.settle();
        }
        28 | 29 => answer_all(driver),
        30 if input.flag() => driver.close(),
        31 if input.flag() => {
            let ours = driver.session.session().map(|ours| ours.session_id);
            let left = driver.session.detach(driver.now);
            assert_eq!(left.map(|left| left.session_id()), ours, "what is handed over is the session");
            driver.settle();
        }
        _ => {}
    }
}

fn submit(driver: &mut Driver, input: &mut Input<'_>) {
    let op = input.pick(&OPS);
    let what = input.byte();
    let path = PATHS[usize::from(what) % PATHS.len()].to_owned();
    let on = match what >> 2 & 7 {
        0 => Some(WatchOn::Data(path)),
        1 => Some(WatchOn::Exists(path)),
        2 => Some(WatchOn::Children(path)),
        3 => Some(WatchOn::Persistent(path)),
        4 => Some(WatchOn::Recursive(path)),
        _ => None,
    };
    let watch = on.map(|on| (on, driver.next_watch()));
    let when = if what & 32 == 0 { WhenDisconnected::Wait } else { WhenDisconnected::Fail };
    let body: &[u8] = match what >> 6 {
        0 => b"",
        1 => &[b'b'; 100],
        2 => &[b'b'; 1_000],
        _ => &[b'b'; 2_000],
    };
    let deadline = Duration::from_millis(input.pick(&DEADLINES));
    driver.submit(op, watch, deadline, when, body);
}

/// A connect response, honest but for what the input changes.
fn grant(driver: &mut Driver, input: &mut Input<'_>) {
    let how = input.byte();
    let asked = driver.connect_request.as_ref().map_or(0, |request| request.session_id);
    let session_id = match how & 3 {
        0 | 1 if asked != 0 => asked,
        3 => input.long(),
        _ => i64::from(how) + 100,
    };
    let timeout = match how >> 2 & 3 {
        0 | 1 => 10_000,
        2 => input.pick(&[0, -1, 1, 400, i32::MAX]),
        _ => input.int(),
    };
    let read_only = [Some(false), Some(false), Some(true), None][usize::from(how >> 4 & 3)];
    let password = if how >> 6 == 3 { input.bytes() } else { &PASSWORD };
    driver.grant(session_id, timeout, password, read_only);
}

/// An answer to what was asked first, honest but for what the input changes.
fn answer(driver: &mut Driver, input: &mut Input<'_>) {
    let how = input.byte();
    let Some(due) = driver.asked.pop_front() else { return };
    let err = ERRORS[usize::from(how & 7)];
    let zxid = if how & 8 == 0 { i64::from(how) } else { input.long() };
    let xid = if how & 0xf0 == 0xf0 { due.wrapping_add(1) } else { due };
    let body = if how & 16 == 0 { b"" } else { input.bytes() };
    driver.reply(xid, zxid, err, body);
}

/// Honest answers to everything that was asked.
fn answer_all(driver: &mut Driver) {
    for _ in 0..64 {
        let Some(xid) = driver.asked.pop_front() else { return };
        driver.reply(xid, 5, ErrorCode::OK, b"");
    }
}

/// A clock that jumps: what was due on the way is only handled at the end.
fn late(driver: &mut Driver, by: Duration) {
    driver.now = driver.now.after(by);
    driver.session.handle_timeout(driver.now);
    driver.settle();
    driver.advance(Duration::ZERO);
}

fn lose(driver: &mut Driver, input: &mut Input<'_>) {
    let cause = match input.byte() % 3 {
        0 => Cause::ConnectionClosed,
        1 => Cause::Io("reset".into()),
        _ => Cause::Reconfigured,
    };
    driver.lose(cause);
}

fn watcher_event(driver: &mut Driver, input: &mut Input<'_>) {
    let (event_type, path) = (input.pick(&EVENTS), input.pick(&PATHS));
    let event = WatcherEvent { event_type, state: KeeperState::SYNC_CONNECTED, path };
    let header = ReplyHeader { xid: xid::WATCH_EVENT_XID, zxid: -1, err: ErrorCode::OK };
    let mut bytes = BytesMut::new();
    write_frame(&mut bytes, &header, &event).expect("smaller than a frame can be");
    driver.receive(&bytes);
}

fn spare(driver: &mut Driver, input: &mut Input<'_>) {
    let opens = input.flag();
    let Some(round) = driver.spare_round.take() else { return };
    match round.hosts.first() {
        Some(host) if opens => {
            let opened = Opened { host: host.clone(), failed: Vec::new(), started_at: driver.now };
            driver.session.spare_opened(driver.now, &opened);
        }
        _ => driver.session.spare_failed(),
    }
    driver.settle();
}

fn sasl_step(driver: &mut Driver, input: &mut Input<'_>) {
    let outcome = match input.byte() % 4 {
        0 => Err("no ticket".to_owned()),
        1 => Ok(SaslStep::Respond(Secret::new("token"))),
        _ => Ok(SaslStep::Done),
    };
    let connection = driver.connection;
    driver.session.sasl_stepped(driver.now, connection, outcome);
    driver.settle();
}
