//! Persistent and recursive watches against real servers.

use std::time::Duration;

use integration_tests::wait::eventually;
use zk_session::{Acl, AddWatchMode, Client, CreateMode, EventType, PersistentWatcher, WatchEvent};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

async fn next(watcher: &mut PersistentWatcher) -> Option<WatchEvent> {
    tokio::time::timeout(10 * SECOND, watcher.next()).await.expect("an event within 10 s")
}

async fn changed(watcher: &mut PersistentWatcher) -> (EventType, String) {
    match next(watcher).await {
        Some(WatchEvent::Changed { kind, path, .. }) => (kind, path),
        other => panic!("{other:?} instead of a change"),
    }
}

async fn create(client: &Client, path: &str) {
    client.create(path, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
}

#[tokio::test]
async fn one_node_sees_itself_and_its_children_and_goes_on() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    let mut watcher = client.add_watch("/a", AddWatchMode::PERSISTENT).await.unwrap();
    create(&client, "/a").await;
    create(&client, "/a/b").await;
    for _ in 0..3 {
        client.set_data("/a", "x", None).await.unwrap();
    }
    client.set_data("/a/b", "x", None).await.unwrap();
    client.delete("/a/b", None).await.unwrap();
    client.delete("/a", None).await.unwrap();
    let a = || "/a".to_owned();
    for expected in [
        EventType::NODE_CREATED,
        EventType::NODE_CHILDREN_CHANGED,
        EventType::NODE_DATA_CHANGED,
        EventType::NODE_DATA_CHANGED,
        EventType::NODE_DATA_CHANGED,
        EventType::NODE_CHILDREN_CHANGED,
        EventType::NODE_DELETED,
    ] {
        assert_eq!(changed(&mut watcher).await, (expected, a()));
    }
}

#[tokio::test]
async fn a_recursive_one_sees_all_below_with_the_chroot_taken_off() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let outside = Client::builder(&ensemble.connect_string()).unwrap().build();
    for path in ["/base", "/base/a", "/base/ab"] {
        create(&outside, path).await;
    }
    let client = Client::builder(&format!("{}/base", ensemble.connect_string())).unwrap().build();
    let mut watcher = client.add_watch("/a", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    create(&outside, "/base/ab/x").await;
    create(&outside, "/base/a/b").await;
    create(&outside, "/base/a/b/c").await;
    outside.set_data("/base/a/b/c", "x", None).await.unwrap();
    outside.delete("/base/a/b/c", None).await.unwrap();
    for (kind, path) in [
        (EventType::NODE_CREATED, "/a/b"),
        (EventType::NODE_CREATED, "/a/b/c"),
        (EventType::NODE_DATA_CHANGED, "/a/b/c"),
        (EventType::NODE_DELETED, "/a/b/c"),
    ] {
        assert_eq!(changed(&mut watcher).await, (kind, path.to_owned()));
    }
}

#[tokio::test]
async fn after_a_reconnect_it_is_told_to_look_again_and_sees_what_follows() {
    let ensemble = Ensemble::builder().servers(3).max_session_timeout(60 * SECOND).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().session_timeout(30 * SECOND).build();
    create(&client, "/a").await;
    let mut node = client.add_watch("/a", AddWatchMode::PERSISTENT).await.unwrap();
    let mut tree = client.add_watch("/a", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    let mut tree_of_another_path = client.add_watch("/", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    drop(node);
    let session = client.status().session.unwrap().session_id;
    let server = eventually(10 * SECOND, "its server", || ensemble.server_of_session(session)).await;
    ensemble.kill(server).await.unwrap();
    for watcher in [&mut tree, &mut tree_of_another_path] {
        assert_eq!(next(watcher).await, Some(WatchEvent::Resync));
    }
    let writer = client.with_timeout(20 * SECOND);
    writer.set_data("/a", "x", None).await.unwrap();
    for watcher in [&mut tree, &mut tree_of_another_path] {
        assert_eq!(changed(watcher).await, (EventType::NODE_DATA_CHANGED, "/a".to_owned()));
    }
    node = client.add_watch("/b", AddWatchMode::PERSISTENT).await.unwrap();
    create(&writer, "/b").await;
    assert_eq!(changed(&mut node).await.0, EventType::NODE_CREATED);
}

#[tokio::test]
async fn a_dropped_watch_is_gone_from_the_server() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    create(&client, "/a").await;
    let watches = || async {
        let word = ensemble.four_letter_word(0, "wchs").await.unwrap();
        word.lines()
            .find_map(|line| line.strip_prefix("Total watches:")?.trim().parse::<usize>().ok())
            .unwrap()
    };
    let persistent = client.add_watch("/a", AddWatchMode::PERSISTENT).await.unwrap();
    let (_, _, children) = client.get_children_and_watch("/").await.unwrap();
    let (_, absent) = client.exists_and_watch("/absent").await.unwrap();
    assert_eq!(watches().await, 2, "the word counts no child watches");
    drop((persistent, children, absent));
    eventually(10 * SECOND, "no watch", async || (watches().await == 0).then_some(())).await;
    // What others wait for on the same path stays.
    let (_, _, one) = client.get_data_and_watch("/a").await.unwrap();
    let (_, _, other) = client.get_data_and_watch("/a").await.unwrap();
    drop(one);
    client.set_data("/a", "x", None).await.unwrap();
    assert!(matches!(other.await, WatchEvent::Changed { .. }));
}

#[tokio::test]
async fn it_ends_with_the_client() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    let mut watcher = client.add_watch("/", AddWatchMode::PERSISTENT).await.unwrap();
    client.close().await;
    assert_eq!(next(&mut watcher).await, Some(WatchEvent::Closed));
    assert_eq!(next(&mut watcher).await, None);
}
