//! What begins and ends for years leaves nothing behind, and what never ends stays within bounds.
//!
//! Tasks, open files and allocated bytes of this process are counted, servers aside. One test at a time: the gauges are of the
//! whole process. `scripts/leak-soak.sh` runs them for hours and keeps a record in `LEDGER.jsonl`.
//!
//! | variable | meaning |
//! |---|---|
//! | `LEAK_CYCLES` | how many sessions begin and end, in each way (100) |
//! | `LEAK_DROPS` | how many connections are reset (1,000) |
//! | `LEAK_OUTAGE` | how many seconds all servers are down (6) |
//! | `LEAK_EVENTS` | how many events come to a watcher that nobody reads (1,000,000) |
//! | `LEAK_LEDGER` | the file that a line is added to for each |

mod leaks_common;
mod session_common;

use std::time::Duration;

use dcs_zk::{Config, DcsZk, MemberData, Timings};
use futures_util::future::join_all;
use integration_tests::wait::eventually;
use leaks_common::{
    counted_port::{CountedPort, Manners},
    gauges::{Cycles, alone, growth_during},
    setting,
};
use session_common::{builder, connected, generation, one_server, session_id, state};
use zk_session::{Acl, AddWatchMode, Client, CreateMode, ErrorKind, MultiOp, State, WatchEvent};
use zk_testkit::{Direction, Ensemble, FaultProxy};

const SECOND: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(20);

/// Bytes that a cycle may leave behind: fewer than the smallest thing that could leak with each.
const PER_CYCLE: usize = 16;

fn cycles() -> usize {
    setting("LEAK_CYCLES", 100)
}

/// Everything a session has to clear away: an ephemeral node, watches of every kind, of which one is given up.
async fn use_it(client: &Client, node: &str) {
    client.create(node, "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, left) = client.get_data_and_watch(node).await.unwrap();
    let persistent = client.add_watch("/", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    drop(left);
    let (_, _, watcher) = client.get_data_and_watch(node).await.unwrap();
    client.set_data(node, "changed", None).await.unwrap();
    assert!(matches!(watcher.await, WatchEvent::Changed { .. }));
    drop(persistent);
}

#[tokio::test]
async fn sessions_that_are_closed_or_dropped_leave_nothing() {
    let _alone = alone().await;
    let ensemble = one_server().await;
    let mut levels = Cycles::start("sessions closed, and clients dropped", cycles());
    while levels.go_on() {
        let (closed, dropped) = (builder(&ensemble).build(), builder(&ensemble).build());
        use_it(&closed, "/closed").await;
        use_it(&dropped, "/dropped").await;
        closed.close().await;
        drop((closed, dropped));
        levels.ended().await;
    }
    levels.assert_level(PER_CYCLE);
}

#[tokio::test]
async fn sessions_that_expire_leave_nothing() {
    /// Sessions that expire together: one after the other would wait for each.
    const TOGETHER: usize = 20;
    let _alone = alone().await;
    let ensemble = one_server().await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let hosts = proxy.address().to_string();
    let mut levels =
        Cycles::start("sessions expired by the server, 20 at a time", cycles().div_ceil(TOGETHER));
    while levels.go_on() {
        let clients = join_all((0..TOGETHER).map(async |n| {
            // Long enough for a machine that stands still for half a second, or else calls end unknown.
            let client =
                Client::builder(&hosts).unwrap().session_timeout(2 * SECOND).suspicion(false).build();
            use_it(&client, &format!("/{n}")).await;
            let (_, _, watcher) = client.get_data_and_watch(&format!("/{n}")).await.unwrap();
            (client, watcher)
        }))
        .await;
        let ids: Vec<i64> = clients.iter().map(|(client, _)| session_id(client)).collect();
        proxy.black_hole(Direction::ToServer, true);
        let witness = session_common::client(&ensemble).await;
        eventually(SOON, "the server ends the sessions", async || {
            let (left, _) = witness.get_children("/").await.unwrap();
            (left == ["zookeeper"]).then_some(())
        })
        .await;
        witness.close().await;
        drop(witness);
        proxy.reset();
        proxy.black_hole(Direction::ToServer, false);
        join_all(clients.into_iter().zip(ids).map(async |((client, watcher), id)| {
            assert_eq!(watcher.await, WatchEvent::SessionLost);
            client.connected().await.unwrap();
            assert_ne!(session_id(&client), id);
            assert_eq!(generation(&client), 2);
            client.close().await;
        }))
        .await;
        levels.ended().await;
    }
    levels.assert_level(PER_CYCLE * TOGETHER);
}

#[tokio::test]
async fn a_dcs_that_is_closed_leaves_nothing() {
    let _alone = alone().await;
    let ensemble = Ensemble::builder().max_session_timeout(60 * SECOND).start().await.unwrap();
    let config = Config::new("demo", &ensemble.connect_string()).unwrap().with_name("a").unwrap();
    let timings = Timings::new(10 * SECOND, SECOND, 3 * SECOND).unwrap();
    let longer = Timings::new(12 * SECOND, SECOND, 3 * SECOND).unwrap();
    let mut levels = Cycles::start("DCS that led, were followed, and had their session replaced", cycles());
    while levels.go_on() {
        let dcs = DcsZk::connect(config.clone().with_timings(timings));
        let mut changes = dcs.cluster_changes();
        dcs.get_cluster().await.unwrap();
        dcs.touch_member(&MemberData::new("postgres://a:5432/postgres", "http://a:8008/patroni"))
            .await
            .unwrap();
        let lease = dcs.attempt_to_acquire_leader().await.unwrap().expect("nobody else contends");
        changes.next().await.expect("it is open");
        let leaders = dcs.leader_changes();
        dcs.reload_config(config.clone().with_timings(longer)).await.unwrap();
        assert!(!lease.is_valid(), "another session");
        dcs.close().await;
        drop((dcs, changes, leaders, lease));
        levels.ended().await;
    }
    levels.assert_level(PER_CYCLE);
}

#[tokio::test]
async fn a_thousand_resets_end_every_request_once_and_no_session() {
    const CLIENTS: usize = 100;
    /// For each client, half of them before the first is answered.
    const REQUESTS: usize = 20;
    let _alone = alone().await;
    let ensemble = one_server().await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let hosts = proxy.address().to_string();
    let clients = join_all((0..CLIENTS).map(async |n| {
        let client = connected(Client::builder(&hosts).unwrap().session_timeout(10 * SECOND)).await;
        client.create(&format!("/{n}"), "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
        client
    }))
    .await;
    let ids: Vec<i64> = clients.iter().map(session_id).collect();
    // Answers take a while, so that some are under way.
    proxy.set_latency(Duration::from_millis(5));
    let (mut done, mut unknown) = (vec![0; CLIENTS], vec![0; CLIENTS]);
    let rounds = setting("LEAK_DROPS", 1_000).div_ceil(CLIENTS);
    let mut levels = Cycles::start("100 connections reset with requests in flight", rounds);
    while levels.go_on() {
        let send = |n: usize| {
            let client = clients[n].clone();
            let write = client.set_data(&format!("/{n}"), "changed", None);
            async move { (n, write.await) }
        };
        let early: Vec<_> = (0..CLIENTS * REQUESTS / 2).map(|request| send(request % CLIENTS)).collect();
        let (first, _, early) = futures_util::future::select_all(early.into_iter().map(Box::pin)).await;
        let late: Vec<_> = (0..CLIENTS * REQUESTS / 2).map(|request| send(request % CLIENTS)).collect();
        proxy.reset();
        let (early, late) = tokio::join!(join_all(early), join_all(late));
        for (n, outcome) in [first].into_iter().chain(early).chain(late) {
            match outcome {
                Ok(_) => done[n] += 1,
                Err(error) if error.kind() == ErrorKind::Unknown => unknown[n] += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotSent, "{error}"),
            }
        }
        join_all(clients.iter().map(async |client| client.connected().await.unwrap())).await;
        levels.ended().await;
    }
    assert_eq!(clients.iter().map(session_id).collect::<Vec<_>>(), ids);
    assert!(clients.iter().all(|client| generation(client) == 1));
    let written = join_all((0..CLIENTS).map(async |n| {
        let (_, stat) = clients[n].get_data(&format!("/{n}")).await.unwrap();
        usize::try_from(stat.version).unwrap()
    }))
    .await;
    for n in 0..CLIENTS {
        let possible = done[n]..=done[n] + unknown[n];
        assert!(possible.contains(&written[n]), "client {n}: {} writes, {possible:?}", written[n]);
    }
    let (done, unknown) = (done.iter().sum::<usize>(), unknown.iter().sum::<usize>());
    assert!(done > 0 && unknown > 0, "{done} done, {unknown} unknown: nothing was in flight");
    levels.assert_level(PER_CYCLE * CLIENTS);
}

/// How many connects an outage of so many seconds may cost with three servers. The pauses between rounds grow from 50 ms to at
/// most a second, drawn evenly: half a second in the long run.
fn connects_allowed(seconds: usize) -> usize {
    3 * (6 + 4 * seconds)
}

#[tokio::test]
async fn while_all_servers_are_down_connects_are_few() {
    let _alone = alone().await;
    let server = zk_embedded::Server::builder().max_session_timeout(600 * SECOND).start().await.unwrap();
    let seconds = setting("LEAK_OUTAGE", 6);
    let mut ways = Vec::new();
    for manners in [Manners::Drop, Manners::Silence] {
        let ports: Vec<_> = join_all((0..3).map(|_| CountedPort::to(server.addr()))).await;
        let hosts = ports.iter().map(|port| port.address().to_string()).collect::<Vec<_>>().join(",");
        let builder = Client::builder(&hosts).unwrap().session_timeout(600 * SECOND);
        let times = builder.read_timeout(2 * SECOND).connect_timeout(Duration::from_millis(200));
        let client = connected(times).await;
        ways.push((manners, ports, session_id(&client), client));
    }
    let connects = |ports: &[CountedPort]| ports.iter().map(CountedPort::take_connects).sum::<usize>();
    let mut levels = Cycles::start("an outage of all servers", 0);
    for (manners, ports, _, client) in &ways {
        ports.iter().for_each(|port| port.behave(*manners));
        state(client, State::Connecting, SOON).await;
        connects(ports);
    }
    // The length of the outage.
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    for (manners, ports, id, client) in &ways {
        let tried = connects(ports);
        println!("{manners:?}: {tried} connects in {seconds} s, {} allowed", connects_allowed(seconds));
        assert!(tried <= connects_allowed(seconds), "{manners:?}: {tried} connects in {seconds} s");
        assert!(tried >= seconds, "{manners:?}: only {tried} connects in {seconds} s");
        ports.iter().for_each(|port| port.behave(Manners::Pass));
        client.connected().await.unwrap();
        assert_eq!(session_id(client), *id);
    }
    levels.ended().await;
}

#[tokio::test]
async fn a_million_events_that_nobody_reads_stay_within_bounds_and_are_told_of() {
    /// Changes in a transaction, each an event.
    const AT_ONCE: usize = 1_000;
    let _alone = alone().await;
    let server = zk_embedded::Server::start().await.unwrap();
    let writer = connected(Client::builder(&server.connect_string()).unwrap()).await;
    let reader = connected(Client::builder(&server.connect_string()).unwrap()).await;
    let node = format!("/{}", "a-name-of-some-length".repeat(5));
    writer.create(&node, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let mut unread = reader.add_watch("/", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    let writes: Vec<_> = (0..AT_ONCE).map(|_| MultiOp::set_data(&node, "", None)).collect();
    let events = setting("LEAK_EVENTS", 1_000_000);
    let write = async || drop(writer.multi(writes.clone()).await.unwrap());
    // A transaction takes memory itself, at both ends.
    let one = growth_during(write()).await;
    let mut levels = Cycles::start("a million events into a watcher that nobody reads", 0);
    let all = growth_during(async {
        for _ in 0..events.div_ceil(AT_ONCE) {
            write().await;
        }
        // Answered behind every event.
        reader.sync("/").await.unwrap();
    })
    .await;
    println!("{events} events: {all} bytes at most, {AT_ONCE} take {one}");
    assert!(all < 2 * one + (1 << 20), "{all} bytes for {events} events, {one} for {AT_ONCE}");
    levels.ended().await;
    assert_eq!(unread.next().await, Some(WatchEvent::Resync), "lost, and said so");
    writer.set_data(&node, "", None).await.unwrap();
    assert!(matches!(unread.next().await, Some(WatchEvent::Changed { path, .. }) if path == node));
}
