//! What other clients are known to fail at, each as a test that passes here.
//!
//! | peer | what fails there | shown here by |
//! |---|---|---|
//! | zookeeper-client 0.11.2 | watches are not restored after a reconnect: the index of the last list of `SetWatches` stays 0 (`watch.rs`) | `persistent_watches::after_a_reconnect_it_is_told_to_look_again_and_sees_what_follows`, `watches::a_change_while_disconnected_is_told_once_after_the_reconnect` |
//! | zookeeper-client 0.11.2 | more than 128 KiB of watched paths: two requests with xid −8, of which one reply is unexpected, until the session expires | `more_than_128_kib_of_watches_of_every_kind_survive_a_reconnect` |
//! | zookeeper-client 0.11.2 | a reply of 40 bytes aborts the process: `Vec::with_capacity` of a count from the wire (`record.rs`) | `a_reply_of_40_bytes_that_promises_billions_costs_its_call_and_nothing_more` |
//! | kazoo 2.11 | a frozen server goes unnoticed while the client writes once a second | `a_client_that_writes_every_second_leaves_a_frozen_server_within_the_read_timeout` |
//! | kazoo 2.11 | a frame length of −1 ends the network thread for good | `bad_servers::before_the_session_is_granted`, `bad_servers::after_the_session_is_granted` (0, −1, −2³¹, 2³¹ − 1, the limit) |
//! | C client 3.9 | with two hosts, the second failover never reconnects (ZOOKEEPER-2466) | `two_hosts_take_over_from_each_other_again_and_again` |
//! | zookeeper-async 5.0 | thousands of connects a second when every server refuses; no pause | `servers_that_hang_up_are_asked_again_in_moderation_one_connection_at_a_time` |
//! | tokio-zookeeper 0.4 | an answer to nothing, and any reconnect, panics its task | `bad_servers::after_the_session_is_granted`, `reconnect::a_killed_server_costs_no_session_and_little_time` |
//! | kazoo, zookeeper-client, Java | a session replaced by another goes unnoticed | `bad_servers::another_session_than_the_one_asked_for_is_an_expiry` |
//! | kazoo (Patroni) | two servers that swallow everything cost more than `retry_timeout` | `reconnect::two_hosts_that_swallow_everything_do_not_keep_the_third_from_being_found` |
//! | kazoo | one refused identity ends the client for ever | `auth::a_configured_identity_that_is_refused_ends_no_client` |

mod session_common;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use integration_tests::{
    gate::Gate,
    hostile::{
        Bad,
        Step::{Hold, ReadConnect, ReadRequest, Reply, Write},
        bytes::granted,
        ours::{Honest, client_of, works_with_the_honest_one},
    },
    wait::eventually,
};
use session_common::{builder, connected, generation, server_of, session_id, state, three_servers};
use tokio::net::TcpListener;
use zk_session::{
    Acl, AddWatchMode, Cause, Client, CreateMode, Error, EventType, PersistentWatcher, ProtocolError, ReadOp,
    State, WatchEvent,
};

const SOON: Duration = Duration::from_secs(10);

/// A path of about a hundred bytes.
fn long(n: usize) -> String {
    format!("/{}-{n:05}", "x".repeat(90))
}

async fn next(watcher: &mut PersistentWatcher) -> WatchEvent {
    let event = tokio::time::timeout(SOON, watcher.next()).await.expect("an event in time");
    event.expect("the watch lives")
}

/// zookeeper-client 0.11.2: several `SetWatches` share one xid, its map of xids keeps one, and the session is lost over a
/// harmless disconnect. Here all kinds are restored, in several requests; what changed meanwhile is told once, and what
/// changes later, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_128_kib_of_watches_of_every_kind_survive_a_reconnect() {
    const COUNT: usize = 3_000;
    let ensemble = three_servers().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(
        Client::builder(&gate.addr().to_string()).unwrap().session_timeout(Duration::from_secs(10)),
    )
    .await;
    let other = connected(Client::builder(&ensemble.addr(1).to_string()).unwrap()).await;
    let acl = Acl::open();
    let paths: Vec<String> = (0..COUNT).map(long).collect();
    for created in
        join_all(paths.iter().map(|path| client.create(path, "", CreateMode::PERSISTENT, &acl))).await
    {
        created.unwrap();
    }
    assert!(paths.iter().map(String::len).sum::<usize>() > 2 * 128 * 1024);
    // A data watch on the even ones, a watch of the children on the odd ones; persistent ones on a few.
    let (even, odd) = (paths.iter().step_by(2), paths.iter().skip(1).step_by(2));
    let of_data = join_all(even.map(|path| client.get_data_and_watch(path))).await;
    let of_children = join_all(odd.map(|path| client.get_children_and_watch(path))).await;
    let of_data = of_data.into_iter().map(|read| read.unwrap().2);
    let of_children = of_children.into_iter().map(|read| read.unwrap().2);
    let watchers = of_data.zip(of_children).flat_map(|(data, children)| [data, children]);
    // On paths of their own: servers before 3.9 let kinds of watches on one path disturb each other (ZOOKEEPER-4466).
    let persistent = [long(COUNT), long(COUNT + 1)];
    for path in &persistent {
        client.create(path, "", CreateMode::PERSISTENT, &acl).await.unwrap();
    }
    let mut node = client.add_watch(&persistent[0], AddWatchMode::PERSISTENT).await.unwrap();
    let mut tree = client.add_watch(&persistent[1], AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    let id = session_id(&client);

    gate.shut();
    state(&client, State::Connecting, SOON).await;
    // A third changes during the gap.
    let change = |(n, path): (usize, &String)| {
        let (other, acl, path) = (other.clone(), acl.clone(), path.clone());
        async move {
            if n % 2 == 0 {
                other.set_data(&path, "1", None).await.unwrap();
            } else {
                other.create(&format!("{path}/c"), "", CreateMode::PERSISTENT, &acl).await.unwrap();
            }
        }
    };
    join_all(paths.iter().enumerate().filter(|(n, _)| n % 3 == 0).map(change)).await;
    gate.open();
    state(&client, State::Connected, SOON).await;
    assert_eq!((session_id(&client), generation(&client)), (id, 1), "a harmless disconnect");
    // The rest changes after it.
    join_all(paths.iter().enumerate().filter(|(n, _)| n % 3 != 0).map(change)).await;

    let told = join_all(watchers.map(|watcher| tokio::time::timeout(SOON, watcher))).await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (n, told) in told.into_iter().enumerate() {
        let expected =
            if n % 2 == 0 { EventType::NODE_DATA_CHANGED } else { EventType::NODE_CHILDREN_CHANGED };
        match told.unwrap_or_else(|_| panic!("watch {n} was not told")) {
            WatchEvent::Changed { kind, path, .. } if kind == expected => *seen.entry(path).or_default() += 1,
            event => panic!("watch {n}: {event:?}"),
        }
    }
    assert_eq!(seen.len(), COUNT);
    assert!(paths.iter().all(|path| seen.get(path) == Some(&1)), "each of its own node, once");

    for (watcher, path) in [&mut node, &mut tree].into_iter().zip(&persistent) {
        assert_eq!(next(watcher).await, WatchEvent::Resync);
        for _ in 0..2 {
            other.set_data(path, "2", None).await.unwrap();
            let changed =
                WatchEvent::Changed { kind: EventType::NODE_DATA_CHANGED, path: path.clone(), zxid: None };
            assert_eq!(next(watcher).await, changed, "restored, and still there after the first event");
        }
    }
}

/// zookeeper-client 0.11.2 allocates what a count in a reply promises before it reads: 2³¹ − 1 strings are 48 GiB, and an
/// allocation that fails aborts the process, with every task in it. Each kind of reply that has a count, in 40 bytes.
#[tokio::test]
async fn a_reply_of_40_bytes_that_promises_billions_costs_its_call_and_nothing_more() {
    let honest = Honest::start().await;
    // What is left of 40 bytes after the length and the header.
    let body = |count: i32| [&count.to_be_bytes()[..], &[0; 16]].concat();
    for count in [i32::MAX, i32::MAX / 2, 1 << 24] {
        for call in ["children", "acl", "ephemerals", "reads"] {
            let gate = Gate::to(honest.plain(), false).await;
            let body = match call {
                // A result of a multiRead: its header says "children", then comes the count.
                "reads" => {
                    let header = [&8i32.to_be_bytes()[..], &[0], &0i32.to_be_bytes()].concat();
                    [&header[..], &count.to_be_bytes(), &[0; 7]].concat()
                }
                _ => body(count),
            };
            assert_eq!(4 + 16 + body.len(), 40);
            let script = vec![ReadConnect, Write(granted()), ReadRequest, Reply(0, 0, body), Hold];
            let bad = Bad::start(script).await;
            let client = client_of(&bad, &gate);
            client.connected().await.unwrap();
            let error = match call {
                "children" => client.get_children("/").await.map(drop),
                "acl" => client.get_acl("/").await.map(drop),
                "ephemerals" => client.get_ephemerals("/").await.map(drop),
                _ => client.multi_read(vec![ReadOp::get_children("/")]).await.map(drop),
            };
            let error = error.unwrap_err();
            assert!(
                matches!(error, Error::Unknown(Cause::Protocol(ProtocolError::Body(_)))),
                "{call} of {count}: {error:?}"
            );
            works_with_the_honest_one(&client, &gate, call).await;
        }
    }
}

/// kazoo 2.11 counts a request that it sends as a ping, and then never asks whether anything was answered: a client that
/// writes every second does not notice a frozen server as long as TCP takes its bytes. Without suspicion here, so that it
/// is the read timeout that decides.
#[tokio::test]
async fn a_client_that_writes_every_second_leaves_a_frozen_server_within_the_read_timeout() {
    const READ_TIMEOUT: Duration = Duration::from_secs(3);
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let client = loop {
        let client = connected(builder(&ensemble).read_timeout(READ_TIMEOUT).suspicion(false)).await;
        if server_of(&ensemble, &client).await != leader {
            break client;
        }
        client.close().await;
    };
    let follower = server_of(&ensemble, &client).await;
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.tick().await;
    ensemble.freeze(follower).unwrap();
    let frozen = Instant::now();
    let mut status = client.watch_status();
    let mut sent = 0;
    loop {
        tokio::select! {
            _ = second.tick() => {
                sent += 1;
                drop(client.set_data("/a", "x", None));
            }
            left = status.wait_for(|status| status.state != State::Connected) => {
                left.unwrap();
                break;
            }
        }
        assert!(
            frozen.elapsed() < 2 * READ_TIMEOUT,
            "{sent} writes without an answer, and nothing is noticed"
        );
    }
    let noticed = frozen.elapsed();
    assert!(sent >= 2, "or the client was as idle as kazoo has to be: {sent} writes in {noticed:?}");
    assert!(noticed < READ_TIMEOUT + Duration::from_millis(300), "{noticed:?}");
    assert!(noticed > READ_TIMEOUT / 2, "too early for the read timeout: {noticed:?}");
    state(&client, State::Connected, SOON).await;
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert_ne!(server_of(&ensemble, &client).await, follower);
    ensemble.thaw(follower).unwrap();
}

/// The C client moves its position in the list of hosts in two places: with two hosts it skips the living one at the second
/// failover and never connects again (ZOOKEEPER-2466).
#[tokio::test]
async fn two_hosts_take_over_from_each_other_again_and_again() {
    let ensemble = three_servers().await;
    let hosts = format!("{},{}", ensemble.addr(0), ensemble.addr(1));
    let client = connected(Client::builder(&hosts).unwrap().session_timeout(Duration::from_secs(10))).await;
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let id = session_id(&client);
    let mut served_by = Vec::new();
    for _ in 0..5 {
        let server = server_of(&ensemble, &client).await;
        served_by.push(server);
        ensemble.kill(server).await.unwrap();
        let other = 1 - server;
        eventually(SOON, "the other host holds the session", async || {
            (ensemble.server_of_session(id).await == Some(other)).then_some(())
        })
        .await;
        client.sync("/").await.unwrap();
        ensemble.start_server(server).unwrap();
        ensemble.wait_all().await.unwrap();
    }
    assert!(served_by.windows(2).all(|pair| pair[0] + pair[1] == 1), "to and fro: {served_by:?}");
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, id);
}

/// zookeeper-async 5.0 makes 31,000 connects in 4 s when every server refuses; others leave a connection behind at each
/// election. Here: a few attempts, and one connection at a time.
#[tokio::test]
async fn servers_that_hang_up_are_asked_again_in_moderation_one_connection_at_a_time() {
    for grants in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (connects, open, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = Arc::new((connects, open, most));
        let counting = Arc::clone(&counts);
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let counts = Arc::clone(&counting);
                tokio::spawn(async move {
                    use tokio::io::{AsyncReadExt, AsyncWriteExt};
                    counts.0.fetch_add(1, Ordering::Relaxed);
                    let open = counts.1.fetch_add(1, Ordering::Relaxed) + 1;
                    counts.2.fetch_max(open, Ordering::Relaxed);
                    let mut request = [0; 256];
                    let _ = stream.read(&mut request).await;
                    if grants {
                        let _ = stream.write_all(&granted()).await;
                    }
                    // Hangs up, and waits until the client has done so, too.
                    let _ = stream.shutdown().await;
                    while matches!(stream.read(&mut request).await, Ok(1..)) {}
                    counts.1.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        let client = Client::builder(&addr.to_string()).unwrap().build();
        // The time the fault lasts, not a wait for a condition.
        tokio::time::sleep(Duration::from_secs(4)).await;
        let (connects, most) = (counts.0.load(Ordering::Relaxed), counts.2.load(Ordering::Relaxed));
        assert!((5..=60).contains(&connects), "{connects} connects in 4 s, granted: {grants}");
        assert_eq!(most, 1, "connections at the same time");
        client.close().await;
        eventually(SOON, "no connection is left behind", async || {
            (counts.1.load(Ordering::Relaxed) == 0).then_some(())
        })
        .await;
        server.abort();
    }
}
