//! Time: sessions expire in no time under a stopped clock, and a run is the same every time.

mod common;

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use common::RawClient;
use tokio::time::Instant;
use zk_embedded::{ErrorCode, OpCode, Server, ServerBuilder};
use zk_jute::{
    Decode, EventType, Permissions,
    records::{
        Acl, Create2Response, CreateRequest, CreateTTLRequest, DeleteRequest, ExistsRequest, ExistsResponse,
        Id, WatcherEvent,
    },
};

fn open() -> Vec<Acl<'static>> {
    vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }]
}

async fn client(server: &Server, timeout: i32) -> RawClient {
    let mut client = RawClient::over(server.connect());
    client.connect(timeout, None).await.expect("a session");
    client
}

async fn create(client: &mut RawClient, path: &str, flags: i32) {
    let request = CreateRequest { path, data: None, acl: open(), flags };
    client.call(OpCode::CREATE, &request).await.unwrap();
}

async fn exists(client: &mut RawClient, path: &str, watch: bool) -> bool {
    client.call(OpCode::EXISTS, &ExistsRequest { path, watch }).await.is_ok()
}

/// Waits for an event and says what it is.
async fn event(client: &mut RawClient) -> (EventType, String) {
    let message = client.message().await.expect("the connection stands");
    let event = WatcherEvent::from_bytes(&message.body).unwrap();
    (event.event_type, event.path.to_owned())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_session_expires_at_the_tick_after_its_timeout_in_no_real_time() {
    let server = Server::start().await.unwrap();
    let started = Instant::now();
    let (mut mine, mut other) = (client(&server, 4_000).await, client(&server, 40_000).await);
    create(&mut mine, "/mine", 1).await;
    assert!(exists(&mut other, "/mine", true).await);
    assert_eq!(server.sessions()[0].expires_in, seconds(6), "4 s, and up to the next multiple of 2 s");
    assert_eq!(event(&mut other).await, (EventType::NODE_DELETED, "/mine".to_owned()));
    assert_eq!(started.elapsed(), seconds(6));
    assert!(mine.message().await.is_none(), "its connection ends");
    assert_eq!(server.sessions().len(), 1);
    // Most of a day goes by for the other one, which has a night's sleep of its own every 30 s.
    for _ in 0..2_000 {
        tokio::time::sleep(seconds(30)).await;
        other.ping().await;
        other.message().await.expect("it lives");
    }
    assert!(started.elapsed() > seconds(16 * 3_600));
}

#[tokio::test(start_paused = true)]
async fn whatever_a_client_sends_keeps_its_session_alive() {
    let server = Server::start().await.unwrap();
    let mut mine = client(&server, 4_000).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(3_900)).await;
        exists(&mut mine, "/", false).await;
    }
    assert_eq!(server.sessions().len(), 1);
    // Authentication does not count.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(3_900)).await;
        let auth = zk_jute::records::AuthPacket {
            auth_type: 0,
            scheme: "digest",
            auth: Some(Bytes::from_static(b"a:b")),
        };
        mine.send(OpCode::AUTH, &auth).await;
    }
    assert!(server.sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn timeouts_are_negotiated_between_two_and_twenty_ticks() {
    let server = Server::builder().tick(Duration::from_millis(500)).start().await.unwrap();
    for (asked, granted) in
        [(-1, 1_000), (0, 1_000), (999, 1_000), (1_500, 1_500), (10_001, 10_000), (i32::MAX, 10_000)]
    {
        assert_eq!(client(&server, asked).await.timeout, granted);
    }
    let limits = Server::builder().min_session_timeout(seconds(1)).max_session_timeout(seconds(60));
    let server = limits.start().await.unwrap();
    assert_eq!((client(&server, 1).await.timeout, client(&server, 90_000).await.timeout), (1_000, 60_000));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_taken_up_with_its_password_alone() {
    let server = Server::start().await.unwrap();
    let mut first = client(&server, 10_000).await;
    create(&mut first, "/mine", 1).await;
    let credentials = (first.session_id, first.password.clone());

    let mut wrong = RawClient::over(server.connect());
    let refused = wrong.connect(10_000, Some((credentials.0, Bytes::from_static(&[1; 16])))).await.unwrap();
    assert_eq!((refused.session_id, refused.timeout), (0, 0));
    assert!(wrong.message().await.is_none());
    assert!(
        first.message().await.is_none(),
        "as in ZooKeeper, the old connection has been ended all the same"
    );

    let mut second = RawClient::over(server.connect());
    let taken_up = second.connect(20_000, Some(credentials.clone())).await.unwrap();
    assert_eq!((taken_up.session_id, taken_up.timeout), (credentials.0, 20_000));
    assert!(exists(&mut second, "/mine", false).await);
    drop(second);
    tokio::time::sleep(seconds(19)).await;
    assert_eq!(server.sessions().len(), 1, "a connection that ends ends no session");
    tokio::time::sleep(seconds(4)).await;
    let mut late = RawClient::over(server.connect());
    assert_eq!(late.connect(10_000, Some(credentials)).await.unwrap().session_id, 0, "it has expired");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_seen_more_than_the_server_is_sent_away() {
    let server = Server::start().await.unwrap();
    let mut ahead = RawClient::over(server.connect());
    assert!(ahead.connect_with(4_000, None, Some(false), 1).await.is_none());
    let mut old = RawClient::over(server.connect());
    let response = old.connect_with(4_000, None, None, 0).await.unwrap();
    assert_eq!(response.read_only, None, "a client before 3.4 is not told what it does not know");
}

#[tokio::test(start_paused = true)]
async fn containers_and_times_to_live_end() {
    let server = Server::builder().ttl_nodes(true).start().await.unwrap();
    let started = Instant::now();
    let mut client = client(&server, 40_000).await;
    for path in ["/container", "/unused"] {
        let request = CreateRequest { path, data: None, acl: open(), flags: 4 };
        client.call(OpCode::CREATE_CONTAINER, &request).await.unwrap();
    }
    let request = CreateTTLRequest { path: "/ttl", data: None, acl: open(), flags: 5, ttl: 70_000 };
    client.call(OpCode::CREATE_TTL, &request).await.unwrap();
    create(&mut client, "/container/child", 0).await;
    for path in ["/container", "/ttl"] {
        assert!(exists(&mut client, path, true).await);
    }
    client.call(OpCode::DELETE, &DeleteRequest { path: "/container/child", version: -1 }).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        tokio::time::sleep(seconds(30)).await;
        client.ping().await;
        let (messages, _) = client.until_pong().await;
        for message in messages.iter().filter(|message| message.header.xid == -1) {
            let event = WatcherEvent::from_bytes(&message.body).unwrap();
            told.push((event.path.to_owned(), started.elapsed().as_secs()));
        }
    }
    assert_eq!(
        told,
        [("/container".to_owned(), 60), ("/ttl".to_owned(), 120)],
        "at the checks, once a minute"
    );
    assert!(exists(&mut client, "/unused", false).await, "one that never had a child stays");
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_goes_with_the_clock_of_the_sessions() {
    let start = UNIX_EPOCH + seconds(1_000);
    let server = Server::builder().wall_clock_starts_at(start).start().await.unwrap();
    let mut client = client(&server, 40_000).await;
    tokio::time::sleep(Duration::from_millis(2_345)).await;
    create(&mut client, "/a", 0).await;
    let body = client.call(OpCode::EXISTS, &ExistsRequest { path: "/a", watch: false }).await.unwrap();
    assert_eq!(ExistsResponse::from_bytes(&body).unwrap().stat.ctime, 1_002_345);
}

/// Everything that three sessions see of each other, some of which expire.
async fn transcript(settings: ServerBuilder) -> Vec<String> {
    let server = settings.wall_clock_starts_at(UNIX_EPOCH).start().await.unwrap();
    let mut dice = fastrand::Rng::with_seed(11);
    let mut seen = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(client(&server, 4_000).await);
    }
    for step in 0..300 {
        let index = dice.usize(..3);
        let path = format!("/{}", dice.u8(..5));
        let client = &mut clients[index];
        match dice.u8(..4) {
            0 => {
                let request = CreateRequest { path: &path, data: None, acl: open(), flags: dice.i32(0..4) };
                client.send(OpCode::CREATE2, &request).await;
            }
            1 => {
                client.send(OpCode::DELETE, &DeleteRequest { path: &path, version: -1 }).await;
            }
            2 => {
                client.send(OpCode::EXISTS, &ExistsRequest { path: &path, watch: true }).await;
            }
            _ => tokio::time::sleep(Duration::from_millis(dice.u64(..3_000))).await,
        }
        for client in &mut clients {
            client.ping().await;
            let (messages, alive) = client.until_pong().await;
            seen.push(format!("{step} {:#x} {:?} {messages:?}", client.session_id, client.password));
            if !alive || dice.u8(..20) == 0 {
                *client = self::client(&server, 4_000).await;
            }
        }
    }
    assert!(seen.iter().any(|seen| seen.contains("xid: -1,")), "events were told");
    seen
}

#[tokio::test(start_paused = true)]
async fn a_run_follows_from_its_seed() {
    let one = transcript(Server::builder().seed(7)).await;
    let same = transcript(Server::builder().seed(7)).await;
    assert_eq!(one, same);
    let other = transcript(Server::builder().seed(8)).await;
    assert_ne!(one, other, "session ids differ");
}

#[tokio::test]
async fn errors_of_writes_use_zxids_up() {
    let server = Server::start().await.unwrap();
    let mut client = RawClient::tcp(server.addr()).await;
    client.connect(4_000, None).await.unwrap();
    assert_eq!(server.last_zxid(), 1, "a session takes one");
    let request = DeleteRequest { path: "/none", version: -1 };
    assert_eq!(client.call(OpCode::DELETE, &request).await, Err(ErrorCode::NO_NODE));
    let request = CreateRequest { path: "/a", data: None, acl: open(), flags: 0 };
    let body = client.call(OpCode::CREATE2, &request).await.unwrap();
    assert_eq!(Create2Response::from_bytes(&body).unwrap().stat.czxid, 3);
}
