//! What can be made to go wrong, as a client sees it.

mod common;

use std::time::Duration;

use common::RawClient;
use zk_embedded::{Fault, Match, OpCode, Server};
use zk_jute::records::{DeleteRequest, ExistsRequest, SetDataRequest};
use zk_session::{Acl, Client, CreateMode, ErrorCode, State, WatchEvent};

const SOON: Duration = Duration::from_secs(5);

async fn client(server: &Server) -> Client {
    let client =
        Client::builder(&server.connect_string()).unwrap().session_timeout(Duration::from_secs(10)).build();
    client.connected().await.unwrap();
    client
}

async fn create(client: &Client, path: &str) -> Result<(), zk_session::Error> {
    client.create(path, "", CreateMode::PERSISTENT, &Acl::open()).await.map(|_| ())
}

fn session_id(client: &Client) -> i64 {
    client.status().session.unwrap().session_id
}

async fn until(client: &Client, what: impl FnMut(&zk_session::Status) -> bool) {
    let mut status = client.watch_status();
    let reached = tokio::time::timeout(SOON, status.wait_for(what)).await;
    assert!(reached.is_ok_and(|reached| reached.is_ok()), "{:?}", client.status());
}

#[tokio::test]
async fn the_next_matching_request_gets_any_error() {
    let server = Server::start().await.unwrap();
    let (one, two) = (client(&server).await, client(&server).await);
    let matching = Match::any().op(OpCode::SET_DATA).path("/a").session(session_id(&two));
    let fault = server.faults().times(2, matching, Fault::Answer(ErrorCode::THROTTLED));
    create(&one, "/a").await.unwrap();
    one.set_data("/a", "", None).await.unwrap();
    two.exists("/a").await.unwrap();
    assert_eq!(server.faults().hits(fault), 0, "not these");
    for _ in 0..2 {
        let error = two.set_data("/a", "", None).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::THROTTLED));
    }
    assert_eq!(two.set_data("/a", "", None).await.unwrap().version, 2, "nothing was run");
    assert_eq!(server.faults().hits(fault), 2);

    let below = server.faults().every(Match::any().path_prefix("/a/"), Fault::Answer(ErrorCode::new(-4711)));
    assert_eq!(create(&one, "/a/b").await.unwrap_err().code(), Some(ErrorCode::new(-4711)));
    let multi = vec![zk_session::MultiOp::create("/a/c", "", CreateMode::PERSISTENT, &Acl::open())];
    assert!(one.multi(multi).await.is_err(), "the operations of a multi have paths, too");
    server.faults().end(below);
    create(&one, "/a/b").await.unwrap();
}

#[tokio::test]
async fn a_reply_is_lost_after_the_fact() {
    let server = Server::start().await.unwrap();
    let client = client(&server).await;
    let id = session_id(&client);
    server.faults().next(Match::any().op(OpCode::CREATE2), Fault::LoseReply);
    let error = create(&client, "/a").await.unwrap_err();
    assert!(error.is_ambiguous(), "{error:?}");
    assert!(client.exists("/a").await.unwrap().is_some());
    assert_eq!(session_id(&client), id);
    server.faults().next(Match::any().op(OpCode::CREATE2), Fault::Drop);
    assert!(create(&client, "/b").await.is_err());
    assert_eq!(client.exists("/b").await.unwrap(), None, "this one never was carried out");
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_late_and_so_is_everything_behind_it() {
    let server = Server::start().await.unwrap();
    let mut mine = RawClient::over(server.connect());
    mine.connect(40_000, None).await.unwrap();
    let started = tokio::time::Instant::now();
    server.faults().next(Match::any().op(OpCode::SET_DATA), Fault::DelayReply(Duration::from_secs(3)));
    let set = mine.send(OpCode::SET_DATA, &SetDataRequest { path: "/", data: None, version: -1 }).await;
    let exists = mine.send(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await;
    let first = mine.message().await.unwrap().header;
    assert_eq!((first.xid, started.elapsed()), (set, Duration::from_secs(3)));
    assert_eq!(mine.message().await.unwrap().header.xid, exists);
    assert_eq!(started.elapsed(), Duration::from_secs(3));
    let slow = server.faults().slow(Duration::from_millis(700));
    for turn in 1..4 {
        assert!(mine.call(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await.is_ok());
        assert_eq!(started.elapsed(), Duration::from_millis(3_000 + turn * 700));
    }
    server.faults().end(slow);
    assert!(mine.call(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await.is_ok());
    assert_eq!(started.elapsed(), Duration::from_millis(5_100));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_connection_is_silent_until_it_is_resumed() {
    let server = Server::start().await.unwrap();
    let mut mine = RawClient::over(server.connect());
    mine.connect(40_000, None).await.unwrap();
    assert_eq!(server.faults().stall(mine.session_id), 1);
    let zxid = server.last_zxid();
    let xid = mine.send(OpCode::DELETE, &DeleteRequest { path: "/none", version: -1 }).await;
    let silence = tokio::time::timeout(Duration::from_secs(20), mine.message()).await;
    assert!(silence.is_err());
    assert_eq!(server.last_zxid(), zxid, "nothing was run");
    assert_eq!(server.faults().resume(mine.session_id), 1);
    assert_eq!(mine.message().await.unwrap().header.xid, xid);
    // By request, until the session is over.
    server.faults().next(Match::any().op(OpCode::EXISTS), Fault::Stall);
    mine.send(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await;
    let started = tokio::time::Instant::now();
    assert!(mine.message().await.is_none());
    assert!(started.elapsed() >= Duration::from_secs(40));
}

#[tokio::test]
async fn a_session_is_expired_by_the_caller() {
    let server = Server::start().await.unwrap();
    let (mine, other) = (client(&server).await, client(&server).await);
    mine.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, watcher) = mine.get_data_and_watch("/zookeeper").await.unwrap();
    let id = session_id(&mine);
    assert!(server.faults().expire(id));
    assert!(!server.faults().expire(id));
    assert_eq!(other.exists("/mine").await.unwrap(), None);
    assert_eq!(tokio::time::timeout(SOON, watcher).await.unwrap(), WatchEvent::SessionLost);
    until(&mine, |status| status.session.is_some_and(|session| session.session_id != id)).await;
}

#[tokio::test]
async fn connects_are_refused_until_they_are_not() {
    let server = Server::start().await.unwrap();
    let mine = client(&server).await;
    let id = session_id(&mine);
    server.faults().refuse_connects().await;
    assert!(tokio::net::TcpStream::connect(server.addr()).await.is_err());
    assert!(mine.exists("/").await.unwrap().is_some(), "who is in stays in");
    assert_eq!(server.faults().disconnect(id), 1);
    until(&mine, |status| status.state == State::Connecting && status.cause.is_some()).await;
    until(&mine, |status| status.cause.as_ref().is_some_and(|cause| cause.to_string().contains("refused")))
        .await;
    server.faults().accept_connects().await.unwrap();
    mine.connected().await.unwrap();
    assert_eq!(session_id(&mine), id);
}

#[tokio::test]
async fn a_connect_is_answered_with_another_session_id() {
    let server = Server::start().await.unwrap();
    let mine = client(&server).await;
    let id = session_id(&mine);
    server.faults().answer_connect_with(4_711);
    server.faults().disconnect(id);
    until(&mine, |status| status.session.is_some_and(|session| session.generation == 2)).await;
    assert_eq!(
        session_id(&mine),
        4_711,
        "the client takes it for another session, which ends the one it had"
    );
}

#[tokio::test]
async fn a_read_only_server_takes_readers_alone() {
    let server = Server::start().await.unwrap();
    let mine = client(&server).await;
    create(&mine, "/a").await.unwrap();
    let id = session_id(&mine);
    server.faults().read_only(true);
    let mut reader = RawClient::tcp(server.addr()).await;
    let response = reader.connect_with(10_000, None, Some(true), 0).await.unwrap();
    assert_eq!(response.read_only, Some(true));
    assert!(reader.call(OpCode::EXISTS, &ExistsRequest { path: "/a", watch: false }).await.is_ok());
    let write = SetDataRequest { path: "/a", data: None, version: -1 };
    assert_eq!(reader.call(OpCode::SET_DATA, &write).await, Err(ErrorCode::NOT_READ_ONLY));
    let zxid = server.last_zxid();
    let mut other = RawClient::tcp(server.addr()).await;
    other.connect_with(10_000, None, Some(true), 0).await.unwrap();
    assert!(other.call(OpCode::CLOSE_SESSION, &()).await.is_ok());
    assert_eq!(server.last_zxid(), zxid, "its sessions take no zxids");
    assert_eq!(zk_testkit::four_letter_word(server.addr(), "isro").await.unwrap(), "ro");
    let mut writer = RawClient::tcp(server.addr()).await;
    assert!(writer.connect(10_000, None).await.is_none());
    assert_eq!(mine.status().state, State::Connecting);
    server.faults().read_only(false);
    assert!(reader.message().await.is_none(), "its session ends with the mode");
    mine.connected().await.unwrap();
    assert_eq!(session_id(&mine), id);
    mine.set_data("/a", "", None).await.unwrap();
}

#[tokio::test]
async fn a_server_is_stopped_and_started_again_with_what_it_had() {
    let server = Server::builder().tick(Duration::from_millis(150)).start().await.unwrap();
    // Longer than the client pauses between two attempts, or it would come back too late.
    let timeout = Duration::from_secs(3);
    let builder = Client::builder(&server.connect_string()).unwrap().session_timeout(timeout);
    let mine = builder.build();
    mine.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let id = session_id(&mine);
    server.faults().stop().await;
    assert!(tokio::net::TcpStream::connect(server.addr()).await.is_err());
    tokio::time::sleep(timeout * 11 / 10).await;
    assert_eq!(server.sessions().len(), 1, "nothing expires while it is gone");
    server.faults().start().await.unwrap();
    mine.connected().await.unwrap();
    assert_eq!(session_id(&mine), id);
    assert!(mine.exists("/mine").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_takes_connections_and_says_nothing() {
    let server = Server::start().await.unwrap();
    let mut mine = RawClient::over(server.connect());
    mine.connect(4_000, None).await.unwrap();
    server.faults().freeze();
    let mut other = RawClient::over(server.connect());
    let connecting = tokio::time::timeout(Duration::from_secs(60), other.connect(4_000, None)).await;
    assert!(connecting.is_err());
    assert_eq!(server.sessions().len(), 1);
    server.faults().thaw();
    assert!(mine.message().await.is_none(), "its time went by");
    assert!(other.late_connect_response().await, "its request is answered late");
}
