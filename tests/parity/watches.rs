//! Watches, as the suites of other clients check them.

use futures_util::FutureExt;
use tokio::time::timeout;
use zk_session::{AddWatchMode, Client, EventType, PersistentWatcher, State, WatchEvent};

use integration_tests::gate::Gate;

use crate::{
    harness::{SOON, below, create, event, fired, is_quiet},
    session_common::{client, connected, one_server, session_id, state},
};

#[tokio::test]
async fn a_change_is_told_before_it_can_be_read() {
    let ensemble = one_server().await;
    let (reader, writer) = (client(&ensemble).await, client(&ensemble).await);
    for n in 0..100 {
        let path = format!("/{n}");
        create(&writer, &path).await;
        let (_, _, data) = reader.get_data_and_watch(&path).await.unwrap();
        let (_, exists) = reader.exists_and_watch(&path).await.unwrap();
        // Once by another client, once by the watching one itself.
        let by = if n % 2 == 0 { &writer } else { &reader };
        by.set_data(&path, "new", None).await.unwrap();
        reader.sync(&path).await.unwrap();
        assert_eq!(reader.get_data(&path).await.unwrap().0, "new");
        for watcher in [data, exists] {
            let told = watcher.now_or_never().expect("told already");
            let changed =
                WatchEvent::Changed { kind: EventType::NODE_DATA_CHANGED, path: path.clone(), zxid: None };
            assert_eq!(told, changed);
        }
    }
}

#[tokio::test]
async fn watches_below_a_chroot_are_restored_below_it() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;
    for path in ["/x", "/x/y", "/x/y/deep", "/x/y/deep/quiet", "/deep"] {
        create(&other, path).await;
    }
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(Client::builder(&format!("{}/x/y", gate.addr())).unwrap()).await;
    let session = session_id(&client);
    let (_, _, mut root) = client.get_children_and_watch("/").await.unwrap();
    let (_, _, deep) = client.get_children_and_watch("/deep").await.unwrap();
    let (_, later) = client.exists_and_watch("/later").await.unwrap();
    let (_, _, mut quiet) = client.get_data_and_watch("/deep/quiet").await.unwrap();
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    // One change while nobody listens, the others after the reconnect; what lies outside is nobody's business.
    create(&other, "/x/y/deep/a").await;
    create(&other, "/later").await;
    gate.open();
    state(&client, State::Connected, SOON).await;
    create(&other, "/deep/b").await;
    create(&other, "/x/c").await;
    assert_eq!(fired(deep).await, event(EventType::NODE_CHILDREN_CHANGED, "/deep"));
    assert!(is_quiet(&client, &mut root).await && is_quiet(&client, &mut quiet).await);
    create(&other, "/x/y/later").await;
    assert_eq!(fired(later).await, event(EventType::NODE_CREATED, "/later"));
    assert_eq!(fired(root).await, event(EventType::NODE_CHILDREN_CHANGED, "/"));
    other.set_data("/x/y/deep/quiet", "", None).await.unwrap();
    assert_eq!(fired(quiet).await, event(EventType::NODE_DATA_CHANGED, "/deep/quiet"));
    assert_eq!(session_id(&client), session);
}

#[tokio::test]
async fn watches_that_are_asked_for_during_an_outage_begin_after_it() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;
    create(&other, "/a").await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(Client::builder(&gate.addr().to_string()).unwrap()).await;
    let mut before = Vec::new();
    for _ in 0..50 {
        before.push(client.exists_and_watch("/a").await.unwrap().1);
    }
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    let waiting: Vec<_> = (0..50).map(|_| Box::pin(client.exists_and_watch("/a"))).collect();
    other.delete("/a", None).await.unwrap();
    gate.open();
    for watcher in before {
        assert_eq!(fired(watcher).await, event(EventType::NODE_DELETED, "/a"));
    }
    let mut after = Vec::new();
    for call in waiting {
        let (stat, watcher) = call.await.unwrap();
        assert_eq!(stat, None);
        after.push(watcher);
    }
    for watcher in &mut after {
        assert!(is_quiet(&client, watcher).await, "the deletion came before it");
    }
    create(&other, "/a").await;
    for watcher in after {
        assert_eq!(fired(watcher).await, event(EventType::NODE_CREATED, "/a"));
    }
}

async fn next(watcher: &mut PersistentWatcher) -> (EventType, String) {
    match timeout(SOON, watcher.next()).await.expect("an event") {
        Some(WatchEvent::Changed { kind, path, .. }) => (kind, path),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn persistent_watches_of_the_root_see_what_anybody_does() {
    let ensemble = one_server().await;
    let (client, other) = (client(&ensemble).await, client(&ensemble).await);
    create(&client, "/a").await;
    let mut tree = client.add_watch("/", AddWatchMode::PERSISTENT_RECURSIVE).await.unwrap();
    // A one-shot watch of children below it takes nothing from it, and it says nothing of lists of children.
    let (_, _, children) = client.get_children_and_watch("/a").await.unwrap();
    for round in 0..2 {
        for (client, data) in [(&client, "one"), (&other, "two"), (&other, "two")] {
            client.set_data("/a", data, None).await.unwrap();
            assert_eq!(next(&mut tree).await, event(EventType::NODE_DATA_CHANGED, "/a"), "{round}");
        }
        for path in ["/b", "/b/c", "/a/b"] {
            create(&other, path).await;
            assert_eq!(next(&mut tree).await, event(EventType::NODE_CREATED, path), "{round}");
        }
        for path in ["/b/c", "/b", "/a/b"] {
            other.delete(path, None).await.unwrap();
            assert_eq!(next(&mut tree).await, event(EventType::NODE_DELETED, path), "{round}");
        }
    }
    assert_eq!(fired(children).await, event(EventType::NODE_CHILDREN_CHANGED, "/a"));

    let alone = below(&ensemble, "/a").await;
    let mut root = alone.add_watch("/", AddWatchMode::PERSISTENT).await.unwrap();
    create(&other, "/a/x").await;
    other.set_data("/a/x", "not seen", None).await.unwrap();
    create(&other, "/y").await;
    other.delete("/a/x", None).await.unwrap();
    other.set_data("/a", "seen", None).await.unwrap();
    for kind in
        [EventType::NODE_CHILDREN_CHANGED, EventType::NODE_CHILDREN_CHANGED, EventType::NODE_DATA_CHANGED]
    {
        assert_eq!(next(&mut root).await, event(kind, "/"));
    }
}

#[tokio::test]
async fn a_watch_that_is_given_up_takes_none_of_its_like_with_it() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;
    create(&other, "/a").await;
    let client = client(&ensemble).await;
    for mode in [AddWatchMode::PERSISTENT, AddWatchMode::PERSISTENT_RECURSIVE] {
        let gone = client.add_watch("/a", mode).await.unwrap();
        let mut stays = client.add_watch("/a", mode).await.unwrap();
        drop(gone);
        client.sync("/").await.unwrap();
        other.set_data("/a", "", None).await.unwrap();
        assert_eq!(next(&mut stays).await, event(EventType::NODE_DATA_CHANGED, "/a"));
    }
    let (_, _, gone) = client.get_children_and_watch("/a").await.unwrap();
    let (_, _, stays) = client.get_children_and_watch("/a").await.unwrap();
    drop(gone);
    client.sync("/").await.unwrap();
    create(&other, "/a/b").await;
    assert_eq!(fired(stays).await, event(EventType::NODE_CHILDREN_CHANGED, "/a"));
}

#[tokio::test]
async fn watches_that_are_given_up_during_an_outage_do_not_come_back() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;
    create(&other, "/x").await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = connected(Client::builder(&format!("{}/x", gate.addr())).unwrap()).await;
    let (mut oneshot, mut persistent) = (Vec::new(), Vec::new());
    for n in 0..100 {
        let path = format!("/{n}");
        create(&client, &path).await;
        oneshot.push(client.get_data_and_watch(&path).await.unwrap().2);
        oneshot.push(client.exists_and_watch(&format!("/{n}/none")).await.unwrap().1);
        oneshot.push(client.get_children_and_watch(&path).await.unwrap().2);
        persistent.push(client.add_watch(&format!("/{n}/p"), AddWatchMode::PERSISTENT).await.unwrap());
    }
    let (_, _, kept) = client.get_data_and_watch("/7").await.unwrap();
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    drop((oneshot, persistent));
    gate.open();
    client.sync("/").await.unwrap();
    let counted = ensemble.four_letter_word(0, "wchs").await.unwrap();
    assert!(counted.contains("Total watches:1"), "only the one that is wanted: {counted}");
    other.set_data("/x/7", "", None).await.unwrap();
    assert_eq!(fired(kept).await, event(EventType::NODE_DATA_CHANGED, "/7"));
}
