//! One-shot watches against real servers: fired once, and never lost.
#![allow(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

mod session_common;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use integration_tests::{gate::Gate, wait::eventually};
use session_common::{
    builder, client, connected, generation, one_server, reconnected, server_of, session_id, state,
    three_servers,
};
use tokio::time::timeout;
use zk_session::{Acl, Client, CreateMode, EventType, OneshotWatcher, State, WatchEvent};
use zk_testkit::{Ensemble, four_letter_word};

const SOON: Duration = Duration::from_secs(3);

async fn create(client: &Client, path: &str) {
    client.create(path, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
}

fn changed(kind: EventType, path: &str) -> (EventType, String) {
    (kind, path.to_owned())
}

async fn fired(watcher: OneshotWatcher) -> (EventType, String) {
    match timeout(SOON, watcher).await.expect("the watch fires") {
        WatchEvent::Changed { kind, path, .. } => (kind, path),
        other => panic!("{other:?}"),
    }
}

/// Whether the watcher has not fired after everything the server has sent by now was seen.
async fn is_quiet(client: &Client, watcher: &mut OneshotWatcher) -> bool {
    client.sync("/").await.unwrap();
    timeout(Duration::from_millis(30), watcher).await.is_err()
}

/// What the server counts: connections with watches, paths, watches.
async fn watches_on(ensemble: &Ensemble, server: usize) -> String {
    four_letter_word(ensemble.addr(server), "wchs").await.unwrap()
}

#[tokio::test]
async fn each_kind_fires_once_with_its_kind_and_path() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;
    create(&other, "/x").await;
    let client = Client::builder(&format!("{}/x", ensemble.connect_string())).unwrap().build();
    create(&client, "/a").await;

    let (_, _, data) = client.get_data_and_watch("/a").await.unwrap();
    let (stat, exists) = client.exists_and_watch("/a").await.unwrap();
    let (_, _, mut children) = client.get_children_and_watch("/a").await.unwrap();
    assert!(stat.is_some());
    other.set_data("/x/a", "new", None).await.unwrap();
    assert_eq!(fired(data).await, changed(EventType::NODE_DATA_CHANGED, "/a"));
    assert_eq!(fired(exists).await, changed(EventType::NODE_DATA_CHANGED, "/a"));
    assert!(is_quiet(&client, &mut children).await, "data is not children");
    create(&other, "/x/a/b").await;
    assert_eq!(fired(children).await, changed(EventType::NODE_CHILDREN_CHANGED, "/a"));

    let (stat, created) = client.exists_and_watch("/later").await.unwrap();
    assert_eq!(stat, None);
    create(&other, "/x/later").await;
    assert_eq!(fired(created).await, changed(EventType::NODE_CREATED, "/later"));

    let (_, _, data) = client.get_data_and_watch("/later").await.unwrap();
    let (_, _, children) = client.get_children_and_watch("/later").await.unwrap();
    let (_, _, mut parent) = client.get_children_and_watch("/").await.unwrap();
    other.set_data("/x", "", None).await.unwrap();
    assert!(is_quiet(&client, &mut parent).await);
    other.delete("/x/later", None).await.unwrap();
    assert_eq!(fired(data).await, changed(EventType::NODE_DELETED, "/later"));
    assert_eq!(fired(children).await, changed(EventType::NODE_DELETED, "/later"));
    assert_eq!(fired(parent).await, changed(EventType::NODE_CHILDREN_CHANGED, "/"));

    assert!(client.get_data_and_watch("/none").await.is_err(), "and leaves no watch");
    assert!(watches_on(&ensemble, 0).await.contains("Total watches:0"));
}

#[tokio::test]
async fn a_change_while_disconnected_is_told_once_after_the_reconnect() {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let (follower, third) = ((leader + 1) % 3, (leader + 2) % 3);
    // Gates decide where the client can be, and for how long it is nowhere.
    let first = Gate::to(ensemble.addr(follower), true).await;
    let second = Gate::to(ensemble.addr(third), false).await;
    let hosts = format!("{},{}", first.addr(), second.addr());
    let client = connected(Client::builder(&hosts).unwrap().session_timeout(Duration::from_secs(10))).await;
    for path in ["/data", "/gone", "/children", "/quiet"] {
        create(&client, path).await;
    }
    let (_, _, data) = client.get_data_and_watch("/data").await.unwrap();
    let (_, _, gone) = client.get_data_and_watch("/gone").await.unwrap();
    let (_, _, children) = client.get_children_and_watch("/children").await.unwrap();
    let (_, created) = client.exists_and_watch("/created").await.unwrap();
    let (_, _, mut quiet) = client.get_data_and_watch("/quiet").await.unwrap();

    let other = connected(Client::builder(&ensemble.addr(leader).to_string()).unwrap()).await;
    let id = session_id(&client);
    first.shut();
    ensemble.kill(follower).await.unwrap();
    state(&client, State::Connecting, SOON).await;
    other.set_data("/data", "1", None).await.unwrap();
    other.set_data("/data", "2", None).await.unwrap();
    create(&other, "/children/a").await;
    create(&other, "/children/b").await;
    other.delete("/gone", None).await.unwrap();
    create(&other, "/created").await;
    second.open();

    assert_eq!(fired(data).await, changed(EventType::NODE_DATA_CHANGED, "/data"));
    assert_eq!(fired(gone).await, changed(EventType::NODE_DELETED, "/gone"));
    assert_eq!(fired(children).await, changed(EventType::NODE_CHILDREN_CHANGED, "/children"));
    assert_eq!(fired(created).await, changed(EventType::NODE_CREATED, "/created"));
    assert!(is_quiet(&client, &mut quiet).await);
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    other.set_data("/quiet", "at last", None).await.unwrap();
    assert_eq!(fired(quiet).await, changed(EventType::NODE_DATA_CHANGED, "/quiet"));
}

#[tokio::test]
async fn watches_outlive_one_outage_after_the_other() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let servers = gate.addr().to_string();
    let client = connected(Client::builder(&servers).unwrap().session_timeout(Duration::from_secs(10))).await;
    let other = session_common::client(&ensemble).await;
    create(&client, "/data").await;
    create(&client, "/children").await;
    let (_, _, mut data) = client.get_data_and_watch("/data").await.unwrap();
    let (_, _, mut children) = client.get_children_and_watch("/children").await.unwrap();
    let (_, mut created) = client.exists_and_watch("/created").await.unwrap();
    let id = session_id(&client);
    for outage in 0..3 {
        gate.shut();
        state(&client, State::Connecting, SOON).await;
        gate.open();
        state(&client, State::Connected, SOON).await;
        for watcher in [&mut data, &mut children, &mut created] {
            assert!(is_quiet(&client, watcher).await, "outage {outage}: nothing has changed");
        }
    }
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    other.set_data("/data", "1", None).await.unwrap();
    create(&other, "/children/a").await;
    create(&other, "/created").await;
    assert_eq!(fired(data).await, changed(EventType::NODE_DATA_CHANGED, "/data"));
    assert_eq!(fired(children).await, changed(EventType::NODE_CHILDREN_CHANGED, "/children"));
    assert_eq!(fired(created).await, changed(EventType::NODE_CREATED, "/created"));
}

#[tokio::test]
async fn thousands_of_watches_survive_the_loss_of_their_server() {
    const COUNT: usize = 3_200;
    let ensemble = three_servers().await;
    let client = client(&ensemble).await;
    let parent = format!("/{}", "p".repeat(90));
    create(&client, &parent).await;
    let paths: Vec<String> = (0..COUNT).map(|n| format!("{parent}/{n:04}")).collect();
    let acl = Acl::open();
    let creates = paths.iter().map(|path| client.create(path, "", CreateMode::PERSISTENT, &acl));
    for created in join_all(creates).await {
        created.unwrap();
    }
    let reads = join_all(paths.iter().map(|path| client.get_data_and_watch(path))).await;
    let watchers: Vec<OneshotWatcher> = reads.into_iter().map(|read| read.unwrap().2).collect();
    assert!(paths.iter().map(|path| path.len() + 4).sum::<usize>() > 2 * 128 * 1024);

    let server = server_of(&ensemble, &client).await;
    let mut events = client.session_events();
    let started = Instant::now();
    ensemble.kill(server).await.unwrap();
    reconnected(&mut events, 2 * SOON).await;
    println!("{COUNT} watches restored {:?} after the kill", started.elapsed());

    // Half of them is written to in one go, the others are deleted.
    let client = &client;
    let writes = paths.iter().enumerate().map(|(n, path)| async move {
        if n % 2 == 0 {
            client.set_data(path, "new", None).await.map(|_| ())
        } else {
            client.delete(path, None).await
        }
    });
    // Until there is a quorum again, calls wait.
    for write in join_all(writes).await {
        write.unwrap();
    }
    let events = join_all(watchers.into_iter().map(fired)).await;
    let told: BTreeSet<String> = events.iter().map(|(_, path)| path.clone()).collect();
    assert_eq!(told.len(), COUNT, "each was told of its own node");
    for (n, (kind, path)) in events.into_iter().enumerate() {
        let expected = if n % 2 == 0 { EventType::NODE_DATA_CHANGED } else { EventType::NODE_DELETED };
        assert_eq!((kind, path.as_str()), (expected, paths[n].as_str()));
    }
}

#[tokio::test]
async fn a_dropped_watcher_is_forgotten() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(Client::builder(&gate.addr().to_string()).unwrap()).await;
    let mut kept = Vec::new();
    for n in 0..10 {
        let path = format!("/{n}");
        create(&client, &path).await;
        // Two of each, so that dropping one of a pair does not forget the other.
        let (_, _, one) = client.get_data_and_watch(&path).await.unwrap();
        let (_, _, two) = client.get_data_and_watch(&path).await.unwrap();
        match n {
            0 => kept.push(one),
            1 => kept.extend([one, two]),
            _ => {}
        }
    }
    // Given up before the answer.
    drop(client.get_data_and_watch("/9"));
    eventually(SOON, "the server forgets them, too", async || {
        client.sync("/").await.unwrap();
        watches_on(&ensemble, 0).await.contains("Total watches:2").then_some(())
    })
    .await;
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    gate.open();
    client.sync("/").await.unwrap();
    let counted = watches_on(&ensemble, 0).await;
    assert!(counted.contains("Total watches:2"), "only the wanted ones are restored: {counted}");
    for n in 0..10 {
        client.set_data(&format!("/{n}"), "new", None).await.unwrap();
    }
    for (watcher, path) in kept.into_iter().zip(["/0", "/1", "/1"]) {
        assert_eq!(fired(watcher).await, changed(EventType::NODE_DATA_CHANGED, path));
    }
}

#[tokio::test]
async fn an_expiry_ends_every_watcher() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    let gate = Gate::to(ensemble.addr(0), true).await;
    let through_gate = Client::builder(&gate.addr().to_string()).unwrap();
    let client = connected(through_gate.session_timeout(Duration::from_millis(400))).await;
    let plain = connected(builder(&ensemble)).await;
    create(&client, "/a").await;
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, data) = client.get_data_and_watch("/a").await.unwrap();
    let (_, exists) = client.exists_and_watch("/none").await.unwrap();
    gate.shut();
    eventually(SOON, "the session expires", async || {
        plain.exists("/mine").await.unwrap().is_none().then_some(())
    })
    .await;
    gate.open();
    assert_eq!(timeout(SOON, data).await.unwrap(), WatchEvent::SessionLost);
    assert_eq!(timeout(SOON, exists).await.unwrap(), WatchEvent::SessionLost);
    // And a watch of the next generation works.
    let (_, _, data) = client.get_data_and_watch("/a").await.unwrap();
    assert_eq!(generation(&client), 2);
    plain.set_data("/a", "new", None).await.unwrap();
    assert_eq!(fired(data).await, changed(EventType::NODE_DATA_CHANGED, "/a"));
    // Closing ends those that are left; so does dropping the last handle, which a watcher is not.
    let (_, _, left) = client.get_data_and_watch("/a").await.unwrap();
    client.close().await;
    assert_eq!(timeout(SOON, left).await.unwrap(), WatchEvent::Closed);
    let (_, _, left) = plain.get_data_and_watch("/a").await.unwrap();
    drop(plain);
    assert_eq!(timeout(SOON, left).await.unwrap(), WatchEvent::Closed);
}

#[tokio::test]
async fn no_change_is_missed_when_events_and_replies_race() {
    const WRITES: i32 = 1_000;
    let ensemble = one_server().await;
    let reader = client(&ensemble).await;
    let writer = client(&ensemble).await;
    create(&writer, "/n").await;
    let writing = tokio::spawn(async move {
        for _ in 0..WRITES {
            writer.set_data("/n", "x", None).await.unwrap();
        }
    });
    let (mut seen, mut turns) = (-1, 0);
    while seen < WRITES {
        let (_, stat, watcher) = reader.get_data_and_watch("/n").await.unwrap();
        assert!(
            stat.version > seen,
            "a watch that fired means a newer version: {} after {seen}",
            stat.version
        );
        seen = stat.version;
        turns += 1;
        if seen < WRITES {
            fired(watcher).await;
        }
    }
    writing.await.unwrap();
    println!("{turns} turns for {WRITES} writes");
}
