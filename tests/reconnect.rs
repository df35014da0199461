//! What servers do to a client, and how fast it is back.
#![allow(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

mod session_common;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use integration_tests::gate::Gate;
use session_common::{
    builder, client, connected, generation, one_server, server_of, session_id, state, three_servers,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use zk_session::{Acl, Client, CreateMode, State};
use zk_testkit::Ensemble;

const READ_TIMEOUT: Duration = Duration::from_millis(800);

/// The time until a read succeeds that is made now and waits for a connection.
async fn time_to_answer(client: &Client) -> Duration {
    let started = Instant::now();
    loop {
        match client.get_data("/").await {
            Ok(_) => return started.elapsed(),
            // It was on its way when the connection broke.
            Err(error) => assert!(error.is_ambiguous() || error.is_retriable(), "{error:?}"),
        }
    }
}

#[tokio::test]
async fn a_killed_server_costs_no_session_and_little_time() {
    let ensemble = three_servers().await;
    let client = client(&ensemble).await;
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let mut killed = Vec::new();
    // Once with the leader elsewhere (if it is not our server by chance), once more after it came back.
    for turn in 0..2 {
        let server = server_of(&ensemble, &client).await;
        ensemble.kill(server).await.unwrap();
        let took = time_to_answer(&client).await;
        println!("turn {turn}: answered {took:?} after the kill");
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert_eq!((session_id(&client), generation(&client)), (id, 1));
        let now = server_of(&ensemble, &client).await;
        assert_ne!(now, server);
        assert!(client.exists("/mine").await.unwrap().is_some());
        ensemble.start_server(server).unwrap();
        ensemble.wait_all().await.unwrap();
        killed.push(server);
    }
    assert_eq!(killed.len(), 2);
}

#[tokio::test]
async fn a_follower_that_dies_is_left_at_once() {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let follower = (leader + 1) % 3;
    let client = client_that_starts_at(&ensemble, follower).await;
    let id = session_id(&client);
    ensemble.kill(follower).await.unwrap();
    let took = time_to_answer(&client).await;
    println!("answered {took:?} after the kill of a follower");
    assert!(
        took < Duration::from_millis(300),
        "the quorum stands, so nothing has to be waited for: {took:?}"
    );
    assert_eq!(session_id(&client), id);
}

#[tokio::test]
async fn the_leader_dies() {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let client = client_that_starts_at(&ensemble, (leader + 1) % 3).await;
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let started = Instant::now();
    ensemble.kill(leader).await.unwrap();
    // Writes need the new leader.
    let mut attempts = 0;
    loop {
        attempts += 1;
        match client.set_data("/a", "x", None).await {
            Ok(_) => break,
            Err(error) => assert!(error.is_ambiguous() || error.is_retriable(), "{error:?}"),
        }
    }
    let took = started.elapsed();
    println!("written {took:?} after the kill of the leader, {attempts} attempts");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

/// A client whose connection is to this server, with the others in its list.
async fn client_that_starts_at(ensemble: &Ensemble, server: usize) -> Client {
    loop {
        let client = connected(builder(ensemble).read_timeout(READ_TIMEOUT)).await;
        if server_of(ensemble, &client).await == server {
            return client;
        }
        client.close().await;
    }
}

async fn frozen_server_is_left(write_every: Option<Duration>) {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let follower = (leader + 1) % 3;
    let client = client_that_starts_at(&ensemble, follower).await;
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let writing = write_every.map(|pause| {
        let client = client.clone();
        tokio::spawn(async move {
            loop {
                drop(client.set_data("/a", "x", None));
                tokio::time::sleep(pause).await;
            }
        })
    });
    ensemble.freeze(follower).unwrap();
    let started = Instant::now();
    state(&client, State::Connecting, READ_TIMEOUT * 2).await;
    let noticed = started.elapsed();
    state(&client, State::Connected, Duration::from_secs(2)).await;
    let moved = started.elapsed();
    println!("writing: {}, noticed after {noticed:?}, moved after {moved:?}", write_every.is_some());
    // A ping that went out before the freeze may have been answered just before it.
    assert!(noticed <= READ_TIMEOUT + Duration::from_millis(200), "{noticed:?}");
    assert!(moved <= READ_TIMEOUT + Duration::from_millis(600), "{moved:?}");
    assert!(client.get_data("/a").await.is_ok());
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert_ne!(server_of(&ensemble, &client).await, follower);
    if let Some(writing) = writing {
        writing.abort();
    }
}

#[tokio::test]
async fn a_frozen_server_is_left_within_the_read_timeout() {
    frozen_server_is_left(None).await;
}

#[tokio::test]
async fn a_frozen_server_is_left_within_the_read_timeout_also_by_a_client_that_writes() {
    frozen_server_is_left(Some(Duration::from_millis(50))).await;
}

/// What a writer knows of what it wrote.
#[derive(Default)]
struct Written {
    acknowledged: Vec<usize>,
    unknown: Vec<usize>,
    version: i32,
    unknown_sets: i32,
}

/// Creates numbered nodes and counts a version up until it is told to stop. Repeats only what was not sent.
async fn write_until(client: Client, stop: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    let mut id = 0;
    while !stop.load(Ordering::Relaxed) {
        let create = client.create("/w/n-", id.to_string(), CreateMode::PERSISTENT_SEQUENTIAL, &Acl::open());
        let set = client.set_data("/version", id.to_string(), None);
        match create.await {
            Ok(_) => written.acknowledged.push(id),
            Err(error) if error.is_ambiguous() => written.unknown.push(id),
            Err(error) => assert!(error.is_retriable(), "{error:?}"),
        }
        match set.await {
            Ok(stat) => {
                let (least, most) = (written.version + 1, written.version + 1 + written.unknown_sets);
                assert!((least..=most).contains(&stat.version), "{} in {least}..={most}", stat.version);
                (written.version, written.unknown_sets) = (stat.version, 0);
            }
            Err(error) if error.is_ambiguous() => written.unknown_sets += 1,
            Err(error) => assert!(error.is_retriable(), "{error:?}"),
        }
        id += 1;
    }
    written
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_nothing_and_doubles_nothing() {
    let ensemble = three_servers().await;
    let client = client(&ensemble).await;
    client.create("/w", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.create("/version", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write_until(client.clone(), Arc::clone(&stop)));
    let started = Instant::now();
    for server in 0..3 {
        ensemble.restart(server).await.unwrap();
        ensemble.wait_quorum().await.unwrap();
    }
    println!("three restarts took {:?}", started.elapsed());
    stop.store(true, Ordering::Relaxed);
    let written = writing.await.unwrap();
    println!("{} acknowledged, {} unknown", written.acknowledged.len(), written.unknown.len());
    assert!(written.acknowledged.len() > 50, "or nothing was tested");

    // A client of its own looks: what is asked of the other may still be on its way over a connection that breaks.
    ensemble.wait_all().await.unwrap();
    let witness = session_common::client(&ensemble).await;
    witness.sync("/w").await.unwrap();
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for name in witness.get_children("/w").await.unwrap().0 {
        let data = witness.get_data(&format!("/w/{name}")).await.unwrap().0;
        *found.entry(std::str::from_utf8(&data).unwrap().parse().unwrap()).or_default() += 1;
    }
    for id in &written.acknowledged {
        assert_eq!(found.remove(id), Some(1), "acknowledged write {id}");
    }
    for id in &written.unknown {
        assert!(found.remove(id).unwrap_or(0) <= 1, "unknown write {id}");
    }
    assert!(found.is_empty(), "writes that were reported as not sent: {found:?}");
    let version = witness.get_data("/version").await.unwrap().1.version;
    assert!((written.version..=written.version + written.unknown_sets).contains(&version));
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert_eq!(witness.exists("/mine").await.unwrap().map(|stat| stat.ephemeral_owner), Some(id));
}

/// A host that takes connections and never says a word.
async fn silent_host() -> (String, JoinHandle<Vec<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
        held
    });
    (address, held)
}

/// A host that answers no SYN: its queue of connections that nobody accepts is full.
async fn black_hole() -> (String, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        queued.push(connected.unwrap());
        assert!(queued.len() < 100, "this system does not limit the queue");
    }
    (address.to_string(), listener, queued)
}

#[tokio::test]
async fn two_hosts_that_swallow_everything_do_not_keep_the_third_from_being_found() {
    let ensemble = one_server().await;
    let (first, second) = (silent_host().await, silent_host().await);
    let (third, fourth) = (black_hole().await, black_hole().await);
    for (kind, dead) in [
        ("swallow SYN", format!("{},{}", third.0, fourth.0)),
        ("never answer", format!("{},{}", first.0, second.0)),
    ] {
        let hosts = format!("{dead},{}", ensemble.connect_string());
        let mut slowest = Duration::ZERO;
        // The order is drawn anew by each client.
        for _ in 0..8 {
            let started = Instant::now();
            let client = connected(Client::builder(&hosts).unwrap()).await;
            slowest = slowest.max(started.elapsed());
            client.close().await;
        }
        println!("two hosts that {kind}: {slowest:?} at most");
        assert!(slowest < Duration::from_millis(1_200), "{kind}: {slowest:?}");
    }
    first.1.abort();
    second.1.abort();
}

/// The same for a session that is under way: its connection is cut, and whichever host is asked first, it is back in time.
#[tokio::test]
async fn a_session_is_back_within_three_seconds_past_two_hosts_that_swallow_everything() {
    let ensemble = one_server().await;
    let (first, second) = (black_hole().await, black_hole().await);
    for session_timeout in [10, 4] {
        let gate = Gate::to(ensemble.addr(0), true).await;
        let hosts = format!("{},{},{}", first.0, second.0, gate.addr());
        let builder = Client::builder(&hosts).unwrap();
        let client = connected(builder.session_timeout(Duration::from_secs(session_timeout))).await;
        let id = session_id(&client);
        let mut slowest = Duration::ZERO;
        for _ in 0..5 {
            gate.shut();
            state(&client, State::Connecting, Duration::from_secs(1)).await;
            gate.open();
            let cut = Instant::now();
            state(&client, State::Connected, Duration::from_secs(3)).await;
            slowest = slowest.max(cut.elapsed());
        }
        println!("back after {slowest:?} at most, session timeout {session_timeout} s");
        assert_eq!((session_id(&client), generation(&client)), (id, 1));
    }
}
