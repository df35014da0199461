//! Servers that misbehave, next to an honest one: each request fails typed and in time, and the client ends up working with
//! the honest server.

mod session_common;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use integration_tests::wait::eventually;
use session_common::{
    bad_server::{
        Bad,
        Step::{
            self, Drip, Flood, Hold, Pause, ReadConnect, ReadRequest, Reply, ReplyFromTheFuture, Reset, Write,
        },
        client_of, connect_response, event, frame, granted, honest, reply, works_with_the_honest_one,
    },
    connected,
    gate::Gate,
    session_id,
};
use zk_session::{
    Acl, Cause, Client, CreateMode, Error, ErrorCode, MultiOp, ProtocolError, State, WhenDisconnected,
};

/// What is asked of a server that grants a session first.
#[derive(Debug, Clone, Copy)]
enum Ask {
    GetData,
    GetChildren,
    Multi,
}

async fn ask(client: &Client, what: Ask) -> Result<(), Error> {
    match what {
        Ask::GetData => client.get_data("/").await.map(drop),
        Ask::GetChildren => client.get_children("/").await.map(drop),
        Ask::Multi => {
            client.multi(vec![MultiOp::check("/", None), MultiOp::check("/", None)]).await.map(drop)
        }
    }
}

const DEADLINE: Duration = Duration::from_millis(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_session_is_granted() {
    let answers = |bytes: Vec<u8>| vec![ReadConnect, Write(bytes), Hold];
    let mut no_read_only_byte = granted();
    no_read_only_byte.truncate(40);
    no_read_only_byte[3] -= 1;
    let cases: Vec<(&str, Vec<Step>)> = vec![
        ("empty", answers(frame(&[]))),
        ("short", answers(frame(&[0, 0, 0]))),
        ("huge", answers([&[0, 1, 0, 0][..], &[0; 65_536]].concat())),
        ("huge, promised only", answers(vec![0x7f, 0xff, 0xff, 0xff])),
        ("length -1", answers(vec![0xff; 4])),
        ("length -2^31", answers(vec![0x80, 0, 0, 0])),
        ("wrong version", answers(connect_response(1, 1_000, 5, &[7; 16]))),
        ("timeout -1", answers(connect_response(0, -1, 5, &[7; 16]))),
        ("timeout 0", answers(connect_response(0, 0, 0, &[0; 16]))),
        ("password of 0", answers(connect_response(0, 1_000, 5, &[]))),
        ("password of 17", answers(connect_response(0, 1_000, 5, &[7; 17]))),
        ("password of 2^31-1", answers(frame(&[&[0; 16][..], &[0x7f, 0xff, 0xff, 0xff]].concat()))),
        ("session id 0", answers(connect_response(0, 1_000, 0, &[7; 16]))),
        ("never sent", vec![ReadConnect, Hold]),
        ("never read", vec![Hold]),
        ("one byte a second", vec![ReadConnect, Drip(granted())]),
        ("half of it", answers(granted()[..20].to_vec())),
        ("closed in the header", vec![ReadConnect, Write(vec![0, 0])]),
        ("closed at once", vec![]),
        ("closed after the request", vec![ReadConnect]),
        ("reset at once", vec![Reset]),
        ("reset after the request", vec![ReadConnect, Reset]),
        ("TLS alert", answers(vec![0x15, 3, 3, 0, 2, 2, 70])),
        ("HTTP", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ("an event instead", answers(event(3, 3, b"/honest"))),
        ("a flood of zeros", vec![ReadConnect, Flood(vec![0; 4])]),
        ("a flood of noise", vec![Flood(b"noise ".to_vec())]),
    ];
    let ensemble = honest().await;
    let honest_addr = ensemble.addr(0);
    let running = cases.into_iter().map(|(name, script)| async move {
        let gate = Gate::to(honest_addr, false).await;
        let bad = Bad::start(script).await;
        let client = client_of(&bad, &gate);
        let started = Instant::now();
        let error = ask(&client.with_timeout(DEADLINE), Ask::GetData).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{name}: {error:?}");
        let took = started.elapsed();
        assert!(took < DEADLINE + Duration::from_millis(300), "{name}: {took:?}");
        let failing = client.with_when_disconnected(WhenDisconnected::Fail);
        let error = ask(&failing, Ask::GetData).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{name}: {error:?}");
        works_with_the_honest_one(&client, &gate, name).await;
    });
    join_all(running).await;
    // One without the byte for read-only is a server of ZooKeeper 3.3: not bad at all.
    let old = Bad::start(vec![ReadConnect, Write(no_read_only_byte), Hold]).await;
    assert_eq!(
        connected(Client::builder(&old.addr.to_string()).unwrap()).await.status().state,
        State::Connected
    );
}

/// Whether a request failed as it should.
type Expected = fn(&Error) -> bool;

fn protocol(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Protocol(_)))
}

fn malformed(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Protocol(ProtocolError::Body(_))))
}

fn mismatch(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Protocol(ProtocolError::XidMismatch { .. })))
}

fn unsolicited(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Protocol(ProtocolError::Unsolicited { .. })))
}

fn bad_frame(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Protocol(ProtocolError::Frame(_))))
}

fn closed(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::ConnectionClosed | Cause::Io(_)))
}

fn late(error: &Error) -> bool {
    matches!(error, Error::Unknown(Cause::Deadline | Cause::ReadTimeout { .. } | Cause::Suspected { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_session_is_granted() {
    const HUGE: [u8; 4] = [0x7f, 0xff, 0xff, 0xff];
    let minus_7 = (-7i32).to_be_bytes();
    let stat = [0u8; 68];
    let answers = |steps: Vec<Step>| [vec![ReadRequest], steps, vec![Hold]].concat();
    let body = |bytes: &[u8]| answers(vec![Reply(0, 0, bytes.to_vec())]);
    let raw = |bytes: &[u8]| answers(vec![Write(bytes.to_vec())]);
    let good = [&4i32.to_be_bytes()[..], b"data", &stat].concat();
    let empty_results = [0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff];
    let cases: Vec<(&str, Ask, Vec<Step>, Expected)> = vec![
        ("silence", Ask::GetData, vec![Hold], late),
        ("an unknown xid", Ask::GetData, answers(vec![Reply(1_000, 0, good.clone())]), mismatch),
        ("the next xid", Ask::GetData, answers(vec![Reply(1, 0, good.clone())]), mismatch),
        ("xid 0", Ask::GetData, raw(&reply(0, 0, &good)), mismatch),
        ("xid -2 unasked", Ask::GetData, raw(&reply(-2, 0, &[])), unsolicited),
        ("xid -4 unasked", Ask::GetData, raw(&reply(-4, 0, &[])), unsolicited),
        ("xid -8 unasked", Ask::GetData, raw(&reply(-8, 0, &[])), unsolicited),
        ("xid -3", Ask::GetData, raw(&reply(-3, 0, &[])), mismatch),
        ("a short header", Ask::GetData, raw(&frame(&[0; 9])), protocol),
        ("a short event", Ask::GetData, raw(&reply(-1, 0, &[0, 0, 0])), protocol),
        ("an event with text that is none", Ask::GetData, raw(&event(1, 3, &[0xff, 0xfe])), protocol),
        ("an unknown error code", Ask::GetData, answers(vec![Reply(0, -9_999, vec![])]), |error| {
            error.code() == Some(ErrorCode::new(-9_999))
        }),
        ("a positive error code", Ask::GetData, answers(vec![Reply(0, 17, vec![])]), |error| {
            error.code() == Some(ErrorCode::new(17))
        }),
        ("no body", Ask::GetData, body(&[]), malformed),
        ("a short body", Ask::GetData, body(&good[..70]), malformed),
        ("a long body", Ask::GetData, body(&[&good[..], &[1, 2, 3]].concat()), malformed),
        ("a buffer of -7", Ask::GetData, body(&[&minus_7[..], &stat].concat()), malformed),
        ("a buffer of 2^31-1", Ask::GetData, body(&[&HUGE[..], &stat].concat()), malformed),
        ("a vector of 2^31-1", Ask::GetChildren, body(&[&HUGE[..], &stat].concat()), malformed),
        ("a vector of -2", Ask::GetChildren, body(&[&(-2i32).to_be_bytes()[..], &stat].concat()), malformed),
        (
            "a name that is no text",
            Ask::GetChildren,
            body(&[&[0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0x28][..], &stat].concat()),
            malformed,
        ),
        ("a multi without results", Ask::Multi, body(&empty_results), protocol),
        ("a multi without an end", Ask::Multi, body(&[]), malformed),
        ("a multi of nonsense", Ask::Multi, body(&[9; 64]), malformed),
        ("a frame of 0", Ask::GetData, raw(&frame(&[])), protocol),
        ("a frame of -1", Ask::GetData, raw(&[0xff; 4]), bad_frame),
        ("a frame of -2^31", Ask::GetData, raw(&i32::MIN.to_be_bytes()), bad_frame),
        ("a frame of 2^31-1", Ask::GetData, raw(&HUGE), bad_frame),
        ("a frame over the limit", Ask::GetData, raw(&0x10_1001i32.to_be_bytes()), bad_frame),
        ("a frame at the limit that never ends", Ask::GetData, raw(&0x10_1000i32.to_be_bytes()), late),
        ("a TLS alert", Ask::GetData, raw(&[0x15, 3, 3, 0, 2, 2, 70]), bad_frame),
        ("HTTP", Ask::GetData, raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), bad_frame),
        ("closed", Ask::GetData, vec![ReadRequest], closed),
        ("closed in the header", Ask::GetData, vec![ReadRequest, Write(vec![0, 0])], closed),
        ("closed in the body", Ask::GetData, vec![ReadRequest, Write(vec![0, 0, 0, 99, 1])], closed),
        ("reset", Ask::GetData, vec![ReadRequest, Reset], closed),
        ("one byte a second", Ask::GetData, vec![ReadRequest, Drip(reply(1, 0, &good))], late),
        ("events without end", Ask::GetData, vec![Flood(event(3, 3, b"/nobody/asked"))], late),
        ("unknown events without end", Ask::GetData, vec![Flood(event(99, -99, b""))], late),
    ];
    let ensemble = honest().await;
    let honest_addr = ensemble.addr(0);
    let running = cases.into_iter().map(|(name, what, script, expected)| async move {
        let gate = Gate::to(honest_addr, false).await;
        let script = [vec![ReadConnect, Write(granted())], script].concat();
        let bad = Bad::start(script).await;
        let client = client_of(&bad, &gate);
        client.connected().await.unwrap();
        let started = Instant::now();
        let error = ask(&client.with_timeout(DEADLINE), what).await.unwrap_err();
        let took = started.elapsed();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(took < DEADLINE + Duration::from_millis(300), "{name}: {took:?}");
        works_with_the_honest_one(&client, &gate, name).await;
    });
    join_all(running).await;
}

#[tokio::test]
async fn a_repeated_reply_ends_the_connection_and_not_the_request_before() {
    let ensemble = honest().await;
    let gate = Gate::to(ensemble.addr(0), false).await;
    let good = [&4i32.to_be_bytes()[..], b"data", &[0; 68]].concat();
    let twice = vec![Reply(0, 0, good.clone()), Reply(0, 0, good)];
    let bad =
        Bad::start([vec![ReadConnect, Write(granted()), ReadRequest], twice, vec![Hold]].concat()).await;
    let client = client_of(&bad, &gate);
    assert_eq!(client.get_data("/").await.unwrap().0, "data");
    eventually(Duration::from_secs(1), "the repetition is noticed", async || {
        (client.status().state != State::Connected).then_some(())
    })
    .await;
    works_with_the_honest_one(&client, &gate, "repeated").await;
}

#[tokio::test]
async fn a_zxid_from_the_future_does_not_shut_the_client_out_for_ever() {
    let ensemble = honest().await;
    let gate = Gate::to(ensemble.addr(0), false).await;
    let good = [&4i32.to_be_bytes()[..], b"data", &[0; 68]].concat();
    let script = vec![ReadConnect, Write(granted()), ReadRequest, ReplyFromTheFuture(good), Hold];
    let bad = Bad::start(script).await;
    let client = client_of(&bad, &gate);
    assert_eq!(client.get_data("/").await.unwrap().0, "data");
    drop(bad);
    // Honest servers refuse whoever claims to have seen more than they have.
    works_with_the_honest_one(&client, &gate, "from the future").await;
    assert_eq!(session_common::generation(&client), 2);
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named_as_what_it_is() {
    for (bytes, word) in [
        (vec![0x15, 3, 3, 0, 2, 2, 70], "TLS alert"),
        (vec![0x16, 3, 1, 0, 0], "TLS handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "HTTP"),
    ] {
        let bad = Bad::start(vec![ReadConnect, Write(bytes), Hold]).await;
        let builder = Client::builder(&bad.addr.to_string()).unwrap();
        let error =
            builder.request_timeout(Duration::from_millis(200)).build().connected().await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn another_session_than_the_one_asked_for_is_an_expiry() {
    // Grants its own session to whoever asks, as ClickHouse Keeper does.
    let ensemble = honest().await;
    let first = Gate::to(ensemble.addr(0), true).await;
    let bad = Bad::start(vec![ReadConnect, Write(granted()), Hold]).await;
    let hosts = format!("{},{}", first.addr(), bad.addr);
    // The order of the hosts is drawn anew by each client: until one begins at the honest server.
    let client = loop {
        let client =
            connected(Client::builder(&hosts).unwrap().session_timeout(Duration::from_secs(2))).await;
        if session_id(&client) != 0x5eed {
            break client;
        }
    };
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, watcher) = client.get_data_and_watch("/honest").await.unwrap();
    assert!(client.status().lease_until(Duration::ZERO).is_some());
    first.shut();
    let told = tokio::time::timeout(Duration::from_secs(2), watcher).await.unwrap();
    assert_eq!(told, zk_session::WatchEvent::SessionLost);
    session_common::state(&client, State::Connected, Duration::from_secs(2)).await;
    assert_eq!((session_id(&client), session_common::generation(&client)), (0x5eed, 2));
    assert_eq!(client.status().lease_until(Duration::ZERO), None);
}

/// It answers each create as one that it does not know, and late: what is asked instead has what is left of the time.
#[tokio::test]
async fn a_create_that_is_asked_in_another_way_keeps_its_deadline() {
    let late = vec![ReadConnect, Write(granted()), ReadRequest, Pause(DEADLINE), Reply(0, -6, vec![]), Hold];
    let bad = Bad::start(late).await;
    let client = Client::builder(&bad.addr.to_string())
        .unwrap()
        .read_timeout(Duration::from_secs(5))
        .request_timeout(DEADLINE * 3 / 2)
        .build();
    client.with_timeout(Duration::from_secs(5)).connected().await.unwrap();
    let started = Instant::now();
    let error = client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(error.kind(), zk_session::ErrorKind::Unknown, "{error} after {:?}", started.elapsed());
}
