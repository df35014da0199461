//! Several servers on one tree: followers that lag, are cut off, and pass on late whom they have heard from.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::RawClient;
use tokio::time::{Instant, sleep, timeout};
use zk_embedded::{Ensemble, ErrorCode, Match, OpCode, Server, StartError};
use zk_jute::{
    Decode, EventType, Permissions,
    records::{
        Acl, CreateRequest, ExistsRequest, GetDataRequest, GetDataResponse, Id, SetDataRequest, SyncRequest,
        WatcherEvent,
    },
    xid::WATCH_EVENT_XID,
};

const LAG: Duration = Duration::from_millis(700);

async fn three() -> Ensemble {
    Server::builder().start_ensemble(3).await.unwrap()
}

async fn client(ensemble: &Ensemble, server: usize) -> RawClient {
    let mut client = RawClient::over(ensemble.connect(server));
    client.connect(10_000, None).await.expect("a session");
    client
}

async fn create(client: &mut RawClient, path: &str, flags: i32) -> Result<Bytes, ErrorCode> {
    let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
    client.call(OpCode::CREATE, &CreateRequest { path, data: None, acl, flags }).await
}

async fn set(client: &mut RawClient, path: &str, data: &'static str) -> Result<Bytes, ErrorCode> {
    let data = Some(Bytes::from_static(data.as_bytes()));
    client.call(OpCode::SET_DATA, &SetDataRequest { path, data, version: -1 }).await
}

async fn get(client: &mut RawClient, path: &str, watch: bool) -> Result<String, ErrorCode> {
    let body = client.call(OpCode::GET_DATA, &GetDataRequest { path, watch }).await?;
    let data = GetDataResponse::from_bytes(&body).unwrap().data.unwrap_or_default();
    Ok(String::from_utf8(data.to_vec()).unwrap())
}

async fn exists(client: &mut RawClient, path: &str) -> bool {
    client.call(OpCode::EXISTS, &ExistsRequest { path, watch: false }).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_lags_is_behind_until_a_sync() {
    let ensemble = three().await;
    ensemble.lag(1, LAG);
    let mut leads = client(&ensemble, 0).await;
    let mut follows = client(&ensemble, 1).await;
    let mut prompt = client(&ensemble, 2).await;
    create(&mut leads, "/a", 0).await.unwrap();
    assert!(exists(&mut prompt, "/a").await, "the other follower has it at once");
    assert!(!exists(&mut follows, "/a").await);
    let started = Instant::now();
    follows.call(OpCode::SYNC, &SyncRequest { path: "/a" }).await.unwrap();
    assert_eq!(started.elapsed(), LAG);
    assert!(exists(&mut follows, "/a").await);
    // A write through it is answered when it has applied it itself, and holds up what is behind it.
    let started = Instant::now();
    set(&mut follows, "/a", "mine").await.unwrap();
    assert_eq!(started.elapsed(), LAG);
    assert_eq!(get(&mut follows, "/a", false).await.unwrap(), "mine");
    assert_eq!(get(&mut leads, "/a", false).await.unwrap(), "mine");
    // So are pings.
    let request = SetDataRequest { path: "/a", data: None, version: -1 };
    let xid = follows.send(OpCode::SET_DATA, &request).await;
    follows.ping().await;
    let started = Instant::now();
    assert_eq!(follows.message().await.unwrap().header.xid, xid);
    assert_eq!((follows.message().await.unwrap().header.xid, started.elapsed()), (-2, LAG));
}

#[tokio::test(start_paused = true)]
async fn watches_fire_when_the_own_server_has_applied_the_change() {
    let ensemble = three().await;
    let mut leads = client(&ensemble, 0).await;
    let mut follows = client(&ensemble, 1).await;
    create(&mut leads, "/a", 0).await.unwrap();
    get(&mut follows, "/a", true).await.unwrap();
    ensemble.lag(1, LAG);
    let started = Instant::now();
    set(&mut leads, "/a", "new").await.unwrap();
    assert_eq!(get(&mut follows, "/a", false).await.unwrap(), "");
    let event = follows.message().await.unwrap();
    assert_eq!((event.header.xid, started.elapsed()), (WATCH_EVENT_XID, LAG));
    assert_eq!(WatcherEvent::from_bytes(&event.body).unwrap().event_type, EventType::NODE_DATA_CHANGED);
    assert_eq!(get(&mut follows, "/a", false).await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_follower_passes_on_whom_it_has_heard_from_every_half_tick() {
    let ensemble = three().await;
    let mut follows = client(&ensemble, 1).await;
    let expires_in = || ensemble.sessions()[0].expires_in;
    // Granted at 0: due at 12 s, the tick after 10 s.
    assert_eq!(expires_in(), Duration::from_secs(12));
    sleep(Duration::from_millis(4_300)).await;
    follows.ping().await;
    follows.message().await.unwrap();
    assert_eq!(expires_in(), Duration::from_millis(12_000 - 4_300), "the leader has not heard of it");
    sleep(Duration::from_millis(800)).await;
    // It has at 5 s: due at 16 s.
    assert_eq!(expires_in(), Duration::from_millis(16_000 - 5_100));
    // A write through the follower is no touch of its own either.
    sleep(Duration::from_millis(1_200)).await;
    set(&mut follows, "/", "x").await.unwrap();
    assert_eq!(expires_in(), Duration::from_millis(16_000 - 6_300));
    sleep(Duration::from_millis(800)).await;
    assert_eq!(expires_in(), Duration::from_millis(18_000 - 7_100));
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_cut_off_goes_on_answering_pings_while_the_leader_counts_its_sessions_out() {
    let ensemble = Server::builder().sync_limit(20).start_ensemble(3).await.unwrap();
    let mut cut = client(&ensemble, 1).await;
    let mut leads = client(&ensemble, 0).await;
    create(&mut cut, "/mine", 1).await.unwrap();
    ensemble.cut_off(1);
    let started = Instant::now();
    while ensemble.sessions().iter().any(|session| session.session_id == cut.session_id) {
        cut.ping().await;
        assert!(cut.message().await.is_some(), "the follower answers");
        leads.ping().await;
        leads.message().await.unwrap();
        sleep(Duration::from_millis(500)).await;
    }
    assert!((12_000..=12_500).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    assert!(!exists(&mut leads, "/mine").await);
    assert!(exists(&mut cut, "/mine").await, "its own client does not know yet");
    let write = SetDataRequest { path: "/mine", data: None, version: -1 };
    cut.send(OpCode::SET_DATA, &write).await;
    assert!(timeout(Duration::from_secs(5), cut.message()).await.is_err(), "writes hang");
    ensemble.rejoin(1);
    assert!(cut.message().await.is_none(), "the session is over");
    let mut again = RawClient::over(ensemble.connect(1));
    let answer = again.connect(10_000, Some((cut.session_id, cut.password.clone()))).await.unwrap();
    assert_eq!(answer.session_id, 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_leader_happens_when_it_is_back() {
    let ensemble = three().await;
    let mut cut = client(&ensemble, 1).await;
    ensemble.cut_off(1);
    let xid = cut.send(OpCode::SET_DATA, &SetDataRequest { path: "/", data: None, version: -1 }).await;
    let read = cut.send(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await;
    let mut joins = RawClient::over(ensemble.connect(1));
    let connect = async { joins.connect(10_000, None).await.map(|response| response.session_id) };
    let rejoin = async {
        sleep(Duration::from_secs(3)).await;
        assert_eq!(ensemble.sessions().len(), 1);
        ensemble.rejoin(1);
    };
    let (joined, ()) = tokio::join!(connect, rejoin);
    assert!(joined.is_some_and(|id| id != 0));
    assert_eq!(cut.message().await.unwrap().header.xid, xid);
    assert_eq!(cut.message().await.unwrap().header.xid, read);
    // One that is cut off for longer than the sync limit sends its clients away, and takes none.
    ensemble.cut_off(1);
    let started = Instant::now();
    assert!(cut.message().await.is_none());
    assert_eq!(started.elapsed(), Duration::from_secs(10));
    assert!(RawClient::over(ensemble.connect(1)).connect(10_000, None).await.is_none());
    ensemble.rejoin(1);
    let mut back = RawClient::over(ensemble.connect(1));
    let taken_up = back.connect(10_000, Some((cut.session_id, cut.password.clone()))).await.unwrap();
    assert_eq!(taken_up.session_id, cut.session_id, "the leader had not counted it out yet");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_moved_is_not_written_on_from_where_it_was() {
    let ensemble = three().await;
    let mut before = client(&ensemble, 1).await;
    create(&mut before, "/mine", 1).await.unwrap();
    let mut after = RawClient::over(ensemble.connect(2));
    let taken_up = after.connect(10_000, Some((before.session_id, before.password.clone()))).await.unwrap();
    assert_eq!(taken_up.session_id, before.session_id);
    assert!(exists(&mut before, "/mine").await, "reads are answered still");
    before.send(OpCode::SET_DATA, &SetDataRequest { path: "/mine", data: None, version: -1 }).await;
    assert!(before.message().await.is_none(), "a write ends the connection without an answer");
    assert_eq!(get(&mut after, "/mine", false).await.unwrap(), "");
    set(&mut after, "/mine", "x").await.unwrap();
    // The leader knows who has gone elsewhere, and does not let them read or ping either.
    let mut before = client(&ensemble, 0).await;
    let mut after = RawClient::over(ensemble.connect(1));
    after.connect(10_000, Some((before.session_id, before.password.clone()))).await.unwrap();
    before.ping().await;
    assert!(before.message().await.is_none());
    assert!(exists(&mut after, "/mine").await);
}

#[tokio::test(start_paused = true)]
async fn faults_pick_a_server() {
    let ensemble = three().await;
    let fault = zk_embedded::Fault::Answer(ErrorCode::THROTTLED);
    ensemble.faults().every(Match::any().server(2).op(OpCode::EXISTS), fault);
    let (mut one, mut two) = (client(&ensemble, 1).await, client(&ensemble, 2).await);
    assert!(exists(&mut one, "/").await && !exists(&mut two, "/").await);
}

#[tokio::test]
async fn the_lease_of_a_client_ends_before_the_leader_gives_its_session_up() {
    let settings = Server::builder().tick(Duration::from_millis(100)).sync_limit(50);
    let ensemble = settings.start_ensemble(2).await.unwrap();
    let client = zk_session::Client::builder(&ensemble.addr(1).to_string()).unwrap();
    let client = client.session_timeout(Duration::from_millis(800)).suspicion(false).build();
    client.connected().await.unwrap();
    let started = Instant::now();
    let lease = || client.status().lease_until(Duration::ZERO);
    while started.elapsed() < Duration::from_millis(700) || lease().is_none() {
        client.set_data("/", "x", None).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    ensemble.cut_off(1);
    let lease = lease().unwrap();
    while !ensemble.sessions().is_empty() {
        sleep(Duration::from_millis(2)).await;
    }
    assert!(zk_session::now() > lease, "the lease ended first");
    assert!(client.exists("/").await.is_ok(), "although the follower goes on answering");
}

#[tokio::test]
async fn nothing_listens_where_others_can_reach_it_unless_told() {
    let everywhere = || Server::builder().listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(everywhere().start().await, Err(StartError::NotLoopback(_))));
    assert!(matches!(everywhere().start_ensemble(3).await, Err(StartError::NotLoopback(_))));
    everywhere().allow_remote(true).start().await.unwrap();
    assert!(matches!(Server::builder().start_ensemble(0).await, Err(StartError::Servers(0))));
    let taken = Server::start().await.unwrap();
    let again = Server::builder().listen(taken.addr());
    assert!(matches!(again.clone().start().await, Err(StartError::Listen { .. })));
    assert!(matches!(again.start_ensemble(2).await, Err(StartError::Servers(2))));
}
