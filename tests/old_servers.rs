//! A server of 2014 (ZooKeeper 3.4.6), which knows neither persistent watches nor several other requests.
//!
//! `scripts/install-deps.sh zookeeper-3.4` brings it; `ZOOKEEPER_34_HOME` names another place.

mod session_common;

use std::{path::PathBuf, time::Duration};

use integration_tests::wait::eventually;
use session_common::{builder, connected, session_id, state};
use zk_session::{Acl, AddWatchMode, CreateMode, ErrorCode, EventType, MultiOp, State, WatchEvent};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

async fn old_server() -> Ensemble {
    let home = std::env::var_os("ZOOKEEPER_34_HOME").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/zookeeper-3.4")),
        PathBuf::from,
    );
    assert!(
        home.is_dir(),
        "no ZooKeeper 3.4 in {}: run scripts/install-deps.sh zookeeper-3.4",
        home.display()
    );
    Ensemble::builder()
        .zookeeper_home(home)
        .max_session_timeout(20 * SECOND)
        .start()
        .await
        .expect("ZooKeeper 3.4 starts")
}

#[tokio::test]
async fn the_operations_of_its_time_work() {
    let ensemble = old_server().await;
    let client = connected(builder(&ensemble)).await;
    let (path, stat) = client.create("/a", &b"1"[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    assert_eq!((path.as_str(), stat.version, stat.data_length), ("/a", 0, 1));
    let (path, stat) =
        client.create("/a/s-", &b""[..], CreateMode::EPHEMERAL_SEQUENTIAL, &Acl::open()).await.unwrap();
    assert_eq!(path, "/a/s-0000000000");
    assert_eq!(stat.ephemeral_owner, session_id(&client));
    client.create_with_parents("/x/y/z", &b""[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.delete_recursive("/x").await.unwrap();
    let error = client.create("/a", &b""[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NODE_EXISTS));
    let session = session_id(&client);
    // It ends the connection of whoever asks for what it does not know. That must not cost the session.
    let error = client.create_container("/c", &b""[..], &Acl::open()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNIMPLEMENTED), "{error}");
    let error = client.add_watch("/a", AddWatchMode::PERSISTENT).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNIMPLEMENTED), "{error}");
    client
        .multi(vec![
            MultiOp::check("/a", Some(0)),
            MultiOp::create("/m", &b""[..], CreateMode::PERSISTENT, &Acl::open()),
        ])
        .await
        .unwrap();
    assert!(client.exists("/m").await.unwrap().is_some());
    assert_eq!(session_id(&client), session);
    client.close().await;
}

#[tokio::test]
async fn watches_survive_a_reconnect_and_a_dropped_watcher_harms_nobody() {
    let ensemble = old_server().await;
    let client = connected(builder(&ensemble).session_timeout(20 * SECOND)).await;
    let other = connected(builder(&ensemble).session_timeout(20 * SECOND)).await;
    client.create("/a", &b"1"[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let (_, _, data) = client.get_data_and_watch("/a").await.unwrap();
    let (_, given_up) = client.exists_and_watch("/b").await.unwrap();
    let (_, absent) = client.exists_and_watch("/c").await.unwrap();
    drop(given_up);
    let session = session_id(&client);
    // What was asked behind removeWatches, which is unknown there, may be lost with the connection.
    eventually(5 * SECOND, "connected again", async || client.exists("/a").await.ok()).await;
    let (_, given_up) = client.exists_and_watch("/d").await.unwrap();
    drop(given_up);
    client.exists("/a").await.expect("the second time it is known to be unknown");
    ensemble.restart(0).await.unwrap();
    state(&other, State::Connected, 10 * SECOND).await;
    other.set_data("/a", &b"2"[..], None).await.unwrap();
    other.create("/c", &b""[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    eventually(10 * SECOND, "connected again", async || {
        (client.status().state == State::Connected).then_some(())
    })
    .await;
    assert_eq!(session_id(&client), session);
    for (watcher, kind) in [(data, EventType::NODE_DATA_CHANGED), (absent, EventType::NODE_CREATED)] {
        match tokio::time::timeout(5 * SECOND, watcher).await {
            Ok(WatchEvent::Changed { kind: got, .. }) => assert_eq!(got, kind),
            other => panic!("{kind}: {other:?}"),
        }
    }
}
