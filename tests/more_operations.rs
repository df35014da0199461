//! The rarer operations against real servers.

mod session_common;

use std::time::Duration;

use futures_util::future::join_all;
use session_common::{client, connected, one_server, session_id, three_servers};
use zk_session::{
    Acl, Client, CreateMode, Error, ErrorCode, Invalid, MultiOp, MultiResult, Permissions, ReadOp,
    ReadResult, Reconfig,
};
use zk_testkit::Ensemble;

const PERSISTENT: CreateMode = CreateMode::PERSISTENT;

#[tokio::test]
async fn acls_are_read_and_replaced_under_their_own_version() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let acl = Acl::open();
    client.create("/a", "", PERSISTENT, &acl).await.unwrap();
    let (got, stat) = client.get_acl("/a").await.unwrap();
    assert_eq!((got, stat.aversion), (acl.clone(), 0));
    let read_only = [
        Acl::new(Permissions::READ | Permissions::ADMIN, "world", "anyone"),
        Acl::new(Permissions::ALL, "ip", "10.1.2.3"),
    ];
    assert_eq!(client.set_acl("/a", &read_only, Some(0)).await.unwrap().aversion, 1);
    assert_eq!(client.get_acl("/a").await.unwrap().0, read_only);
    assert_eq!(client.set_data("/a", "", None).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    let error = client.set_acl("/a", &acl, Some(0)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION), "0 is a condition");
    client.set_acl("/a", &acl, None).await.unwrap();
    client.set_data("/a", "", None).await.unwrap();
    let nonsense = [Acl::new(Permissions::ALL, "nonsense", "x")];
    assert_eq!(client.set_acl("/a", &nonsense, None).await.unwrap_err().code(), Some(ErrorCode::INVALID_ACL));
    assert_eq!(client.set_acl("/a", &[], None).await, Err(Error::Invalid(Invalid::EmptyAcl)));
    assert_eq!(client.get_acl("/none").await.unwrap_err().code(), Some(ErrorCode::NO_NODE));
}

#[tokio::test]
async fn containers_and_nodes_with_a_time_to_live_go_by_themselves() {
    let ensemble = Ensemble::builder()
        .system_property("zookeeper.extendedTypesEnabled", "true")
        .system_property("znode.container.checkIntervalMs", "100")
        .max_session_timeout(Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    let client = client(&ensemble).await;
    let acl = Acl::open();
    let (ttl, mode) = (Duration::from_millis(300), CreateMode::PERSISTENT_WITH_TTL);
    let (path, stat) = client.create_container("/container", "c", &acl).await.unwrap();
    assert_eq!((path.as_str(), client.get_data("/container").await.unwrap().1), ("/container", stat));
    client.create("/container/child", "", PERSISTENT, &acl).await.unwrap();
    let (path, _) = client.create_ttl("/ttl", "t", mode, &acl, ttl).await.unwrap();
    assert_eq!((path.as_str(), client.get_data("/ttl").await.unwrap().0), ("/ttl", "t".into()));
    let sequential = CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL;
    let (numbered, _) = client.create_ttl("/ttl-", "", sequential, &acl, ttl).await.unwrap();
    assert_eq!(numbered, "/ttl-0000000002");
    let (_, container) = client.exists_and_watch("/container").await.unwrap();
    let (_, gone) = client.exists_and_watch(&numbered).await.unwrap();
    client.delete("/container/child", None).await.unwrap();
    for watcher in [container, gone] {
        tokio::time::timeout(Duration::from_secs(5), watcher).await.expect("the server deletes it");
    }
    assert_eq!(client.exists("/container").await.unwrap(), None);
    assert_eq!(client.exists(&numbered).await.unwrap(), None);

    let long = Duration::from_secs(3_600);
    let ops = vec![
        MultiOp::create_container("/multi-c", "", &acl),
        MultiOp::create_ttl("/multi-t", "", mode, &acl, long),
        MultiOp::create("/multi-c/child", "", PERSISTENT, &acl),
    ];
    let results = client.multi(ops).await.unwrap();
    let paths: Vec<_> = results
        .iter()
        .map(|result| match result {
            MultiResult::Create { path, .. } => path.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, ["/multi-c", "/multi-t", "/multi-c/child"]);

    for ttl in [Duration::ZERO, Duration::MAX] {
        let error = client.create_ttl("/x", "", mode, &acl, ttl).await.unwrap_err();
        assert_eq!(error, Error::Invalid(Invalid::TimeToLive(ttl)));
        let op = MultiOp::create_ttl("/x", "", mode, &acl, ttl);
        assert_eq!(client.multi(vec![op]).await, Err(Error::Invalid(Invalid::TimeToLive(ttl))));
    }
    let error = client.create_ttl("/x", "", PERSISTENT, &acl, long).await.unwrap_err();
    assert_eq!(error, Error::Invalid(Invalid::Mode(PERSISTENT)));
}

#[tokio::test]
async fn a_server_that_is_not_set_up_for_times_to_live_says_so() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let (mode, hour) = (CreateMode::PERSISTENT_WITH_TTL, Duration::from_secs(3_600));
    let error = client.create_ttl("/x", "", mode, &Acl::open(), hour).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UNIMPLEMENTED));
    assert!(client.exists("/").await.is_ok());
}

#[tokio::test]
async fn descendants_are_counted_and_ephemeral_nodes_listed() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    let acl = Acl::open();
    for path in ["/x/a/b/c", "/x/a/d", "/xy"] {
        plain.create_with_parents(path, "", PERSISTENT, &acl).await.unwrap();
    }
    assert_eq!(plain.get_all_children_number("/x").await.unwrap(), 4);
    assert_eq!(plain.get_all_children_number("/xy").await.unwrap(), 0);
    let error = plain.get_all_children_number("/none").await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_NODE));

    let below = connected(Client::builder(&format!("{}/x", ensemble.connect_string())).unwrap()).await;
    below.create("/e-", "", CreateMode::EPHEMERAL_SEQUENTIAL, &acl).await.unwrap();
    below.create("/a/e", "", CreateMode::EPHEMERAL, &acl).await.unwrap();
    plain.create("/x/others", "", CreateMode::EPHEMERAL, &acl).await.unwrap();
    let mut found = below.get_ephemerals("/").await.unwrap();
    found.sort();
    assert_eq!(found, ["/a/e", "/e-0000000001"]);
    assert_eq!(below.get_ephemerals("/a").await.unwrap(), ["/a/e"]);
    assert_eq!(plain.get_ephemerals("/").await.unwrap(), ["/x/others"]);
    assert_eq!(plain.get_ephemerals("/none").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn several_reads_in_one_request_fail_each_by_itself() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    plain.create_with_parents("/x/a/b", "data", PERSISTENT, &Acl::open()).await.unwrap();
    let client = connected(Client::builder(&format!("{}/x", ensemble.connect_string())).unwrap()).await;
    let ops = ["/a/b", "/none", "/a"].map(ReadOp::get_data).into_iter();
    let ops = ops.chain(["/", "/a/none", "/a"].map(ReadOp::get_children)).collect();
    let results = client.multi_read(ops).await.unwrap();
    let (data, stat) = client.get_data("/a/b").await.unwrap();
    assert_eq!(results[0], Ok(ReadResult::GetData { data, stat }));
    assert!(matches!(&results[2], Ok(ReadResult::GetData { data, .. }) if data.is_empty()));
    assert_eq!(results[3], Ok(ReadResult::GetChildren { children: vec!["a".to_owned()] }));
    assert_eq!(results[5], Ok(ReadResult::GetChildren { children: vec!["b".to_owned()] }));
    for (index, path) in [(1, "/none"), (4, "/a/none")] {
        let rejected = results[index].clone().unwrap_err();
        assert_eq!(
            (rejected.code, rejected.path.as_str(), rejected.op_index),
            (ErrorCode::NO_NODE, path, Some(index))
        );
    }
    assert_eq!(results.len(), 6);
    assert_eq!(client.multi_read(vec![]).await.unwrap(), []);
    let error = client.multi_read(vec![ReadOp::get_data("a")]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)));
}

#[tokio::test]
async fn a_client_learns_who_it_is() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let identities = client.who_am_i().await.unwrap();
    let shown: Vec<_> = identities.iter().map(|who| (who.scheme.as_str(), who.user.as_str())).collect();
    assert_eq!(shown, [("ip", "127.0.0.1")]);
}

#[tokio::test]
async fn the_members_of_the_ensemble_are_read_and_changed() {
    let ensemble = Ensemble::builder()
        .servers(3)
        .property("reconfigEnabled", "true")
        .system_property("zookeeper.skipACL", "yes")
        .max_session_timeout(Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    let leader = ensemble.wait_quorum().await.unwrap();
    let leaving = (leader + 1) % 3;
    let staying = ensemble.addr(leader).to_string();
    let client = connected(Client::builder(&format!("{staying}/some/chroot")).unwrap()).await;
    let text = |config: &[u8]| String::from_utf8(config.to_vec()).unwrap();
    let (config, _, watcher) = client.get_config_and_watch().await.unwrap();
    let config = text(&config);
    for number in 1..=3 {
        assert!(config.contains(&format!("server.{number}=")), "{config}");
    }
    let version = config.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let version = i64::from_str_radix(version, 16).unwrap();
    let number = u64::try_from(leaving).unwrap() + 1;
    let change = Reconfig::Incremental { joining: vec![], leaving: vec![number] };
    let error = client.reconfig(&change, Some(version + 1)).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_VERSION));
    let (changed, _) = client.reconfig(&change, Some(version)).await.unwrap();
    let changed = text(&changed);
    assert!(!changed.contains(&format!("server.{number}=")), "{changed}");
    assert_eq!(text(&client.get_config().await.unwrap().0), changed);
    let told = tokio::time::timeout(Duration::from_secs(3), watcher).await.unwrap();
    assert!(
        matches!(&told, zk_session::WatchEvent::Changed { path, .. } if path == "/zookeeper/config"),
        "{told:?}"
    );
    let nonsense = Reconfig::Members(vec!["nonsense".to_owned()]);
    assert!(matches!(client.reconfig(&nonsense, None).await, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn missing_parents_are_made_and_others_may_interfere() {
    let ensemble = three_servers().await;
    let deep = format!("{}/base/of/all", ensemble.connect_string());
    let first = connected(Client::builder(&deep).unwrap()).await;
    let acl = [Acl::new(Permissions::ALL, "world", "anyone"), Acl::new(Permissions::READ, "ip", "10.1.2.3")];
    let (path, stat) = first.create_with_parents("/a/b/c", "data", PERSISTENT, &acl).await.unwrap();
    assert_eq!((path.as_str(), first.get_data("/a/b/c").await.unwrap()), ("/a/b/c", ("data".into(), stat)));
    let plain = client(&ensemble).await;
    plain.sync("/").await.unwrap();
    for parent in ["/base", "/base/of", "/base/of/all", "/base/of/all/a", "/base/of/all/a/b"] {
        assert_eq!(plain.get_acl(parent).await.unwrap().0, acl, "{parent}");
        assert_eq!(plain.get_data(parent).await.unwrap().0, "");
    }
    let again = first.create_with_parents("/a/b/c", "", PERSISTENT, &acl).await.unwrap_err();
    assert_eq!(again.to_string(), "/a/b/c: node exists");
    let (numbered, _) =
        first.create_with_parents("/q/", "", CreateMode::EPHEMERAL_SEQUENTIAL, &acl).await.unwrap();
    assert_eq!(numbered, "/q/0000000000");
    let below =
        first.create_with_parents(&format!("{numbered}/x/y"), "", PERSISTENT, &acl).await.unwrap_err();
    assert_eq!(below.code(), Some(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS));
    assert_eq!(stat.ephemeral_owner, 0);

    // What may not be made is said of the parent that may not.
    let read_only = [Acl::new(Permissions::READ, "world", "anyone")];
    plain.create("/closed", "", PERSISTENT, &read_only).await.unwrap();
    let error = plain.create_with_parents("/closed/x/y", "", PERSISTENT, &acl).await.unwrap_err();
    assert_eq!(error.to_string(), "/closed/x: not authorized");
    // But parents that are there need not be writable.
    let mixed =
        [MultiOp::create("/half", "", PERSISTENT, &acl), MultiOp::create("/half/open", "", PERSISTENT, &acl)];
    plain.multi(mixed.to_vec()).await.unwrap();
    plain.set_acl("/half", &read_only, None).await.unwrap();
    plain.create_with_parents("/half/open/x/y", "", PERSISTENT, &acl).await.unwrap();
}

#[tokio::test]
async fn many_make_and_delete_one_tree_at_the_same_time() {
    let ensemble = three_servers().await;
    let clients: Vec<Client> = join_all((0..6).map(|_| client(&ensemble))).await;
    let acl = Acl::open();
    let made = join_all(clients.iter().enumerate().map(|(n, client)| {
        let path = format!("/t/a/b/c/d/{n}");
        let acl = &acl;
        async move { client.create_with_parents(&path, "", PERSISTENT, acl).await }
    }));
    for result in made.await {
        result.unwrap();
    }
    // Three go on making while three delete; every call ends well, in its time.
    let turns = 30;
    let makers = clients[..3].iter().enumerate().map(|(n, client)| {
        let acl = &acl;
        async move {
            for turn in 0..turns {
                let path = format!("/t/a/{}/c/{n}-{turn}", turn % 3);
                client.create_with_parents(&path, "", PERSISTENT, acl).await.unwrap();
            }
        }
    });
    let deleters = clients[3..].iter().map(|client| async move {
        for _ in 0..turns {
            client.delete_recursive("/t/a").await.unwrap();
        }
    });
    tokio::join!(join_all(makers), join_all(deleters));
    clients[0].delete_recursive("/t").await.unwrap();
    assert_eq!(clients[0].exists("/t").await.unwrap(), None);
    assert!(session_id(&clients[0]) != 0);
}

#[tokio::test]
async fn whole_trees_are_deleted() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    let acl = Acl::open();
    // Wide and deep.
    let mut ops = vec![MultiOp::create("/t", "", PERSISTENT, &acl)];
    ops.extend((0..300).map(|n| MultiOp::create(format!("/t/{n}"), "", PERSISTENT, &acl)));
    ops.extend((0..300).map(|n| MultiOp::create(format!("/t/{n}/x"), "", PERSISTENT, &acl)));
    plain.multi(ops).await.unwrap();
    let deep = format!("/t{}", "/d".repeat(200));
    plain.create_with_parents(&deep, "", PERSISTENT, &acl).await.unwrap();
    let before = plain.get_all_children_number("/").await.unwrap();
    plain.delete_recursive("/t").await.unwrap();
    assert_eq!(plain.exists("/t").await.unwrap(), None);
    assert_eq!(before - plain.get_all_children_number("/").await.unwrap(), 801);
    plain.delete_recursive("/t").await.unwrap();

    // Below a chroot, "/" is the chroot; without one it is refused before anything is deleted.
    plain.create_with_parents("/x/y/z", "", PERSISTENT, &acl).await.unwrap();
    let below = connected(Client::builder(&format!("{}/x/y", ensemble.connect_string())).unwrap()).await;
    below.delete_recursive("/").await.unwrap();
    assert!(plain.exists("/x").await.unwrap().is_some());
    assert_eq!(plain.exists("/x/y").await.unwrap(), None);
    let root = plain.delete_recursive("/").await.unwrap_err();
    assert!(matches!(root, Error::Invalid(Invalid::Path { .. })), "{root:?}");
    assert!(plain.exists("/x").await.unwrap().is_some());

    // What may not be deleted is named; the rest of the way up stays.
    plain.create_with_parents("/r/s/t", "", PERSISTENT, &acl).await.unwrap();
    let read_only = [Acl::new(Permissions::READ | Permissions::ADMIN, "world", "anyone")];
    plain.set_acl("/r/s", &read_only, None).await.unwrap();
    let error = plain.delete_recursive("/r").await.unwrap_err();
    assert_eq!(error.to_string(), "/r/s/t: not authorized");
}
