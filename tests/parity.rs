//! What the suites of other clients check and ours did not: see `parity.md`.

mod session_common;

use std::time::{Duration, Instant};

use futures_util::{FutureExt, future::join_all};
use session_common::{
    builder, client, connected, eventually, gate::Gate, generation, one_server, session_id, state,
};
use tokio::time::timeout;
use zk_session::{
    Acl, AddWatchMode, CaSource, Client, ClientIdentity, CreateMode, Error, ErrorCode, EventType, Invalid,
    MultiOp, OneshotWatcher, Permissions, PersistentWatcher, ReadOp, ReadResult, Reconfig, State, TlsOptions,
    WatchEvent,
};
use zk_testkit::{Authority, Ensemble, KeyForm, KeyKind, PortLease};

const PERSISTENT: CreateMode = CreateMode::PERSISTENT;
const SOON: Duration = Duration::from_secs(5);

async fn create(client: &Client, path: &str) {
    client.create(path, "", PERSISTENT, &Acl::open()).await.unwrap();
}

/// A client below this path.
async fn below(ensemble: &Ensemble, chroot: &str) -> Client {
    connected(Client::builder(&format!("{}{chroot}", ensemble.connect_string())).unwrap()).await
}

async fn fired(watcher: OneshotWatcher) -> (EventType, String) {
    match timeout(SOON, watcher).await.expect("the watch fires") {
        WatchEvent::Changed { kind, path } => (kind, path),
        other => panic!("{other:?}"),
    }
}

fn event(kind: EventType, path: &str) -> (EventType, String) {
    (kind, path.to_owned())
}

/// Whether the watcher has not fired although everything that the server sent before this was seen.
async fn is_quiet(client: &Client, watcher: &mut OneshotWatcher) -> bool {
    client.sync("/").await.unwrap();
    watcher.now_or_never().is_none()
}

#[tokio::test]
async fn names_of_every_kind_come_back_as_they_were_given() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    let long = "n".repeat(60_000);
    let names = [".foo", ".f.", "..f", "..f..", "f.c", "f@f", "ähm", "€ and more", "...", &long];
    for name in names {
        let path = format!("/{name}");
        let (created, stat) = client.create(&path, "", PERSISTENT, &Acl::open()).await.unwrap();
        assert_eq!(created, path);
        assert_eq!(client.exists(&path).await.unwrap(), Some(stat));
        let (numbered, _) = client
            .create(&format!("{path}/{name}"), "", CreateMode::PERSISTENT_SEQUENTIAL, &Acl::open())
            .await
            .unwrap();
        assert_eq!(numbered, format!("{path}/{name}0000000000"));
        assert_eq!(client.get_children(&path).await.unwrap().0, [format!("{name}0000000000")]);
    }
    let children = client.get_children("/").await.unwrap().0;
    for name in names {
        assert!(children.iter().any(|child| child == name), "{name}");
    }
    // The server counts in UTF-16 and refuses surrogates: it is asked, and says so.
    let error = client.create("/𝄞", "", PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_ARGUMENTS));
}

#[tokio::test]
async fn what_is_not_there_and_what_is_in_the_way() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.sync("/none").await.unwrap();
    assert_eq!(client.exists("/none/below").await.unwrap(), None);
    let no_node = Some(ErrorCode::NO_NODE);
    assert_eq!(client.get_children("/none").await.unwrap_err().code(), no_node);
    assert_eq!(client.set_data("/none", "", None).await.unwrap_err().code(), no_node);
    assert_eq!(client.get_acl("/none").await.unwrap_err().code(), no_node);
    assert_eq!(client.set_acl("/none", &Acl::open(), None).await.unwrap_err().code(), no_node);
    let orphan = client.create("/none/below", "", PERSISTENT, &Acl::open()).await.unwrap_err();
    assert_eq!(orphan.code(), no_node);

    create(&client, "/parent").await;
    create(&client, "/parent/child").await;
    let (children, stat) = client.get_children("/parent").await.unwrap();
    assert_eq!((children, stat), (vec!["child".to_owned()], client.get_data("/parent").await.unwrap().1));
    assert!(client.get_children("/parent/child").await.unwrap().0.is_empty());
    let error = client.delete("/parent", None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NOT_EMPTY));
    client.delete("/parent/child", None).await.unwrap();
    client.delete("/parent", None).await.unwrap();
    let error = client.delete("/", None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::BAD_ARGUMENTS), "the root stays");
}

#[tokio::test]
async fn acls_need_an_identity_and_are_kept_as_the_server_completes_them() {
    let ensemble = one_server().await;
    let mine = client(&ensemble).await;
    let auth = Acl::new(Permissions::ALL, "auth", "");
    let ip = Acl::new(Permissions::WRITE, "ip", "127.0.0.1");
    let wide = Acl::new(Permissions::ALL, "ip", "127.0.0.1/8");
    for acl in [vec![auth.clone()], vec![auth.clone(), wide], vec![Acl::new(Permissions::ALL, "", "")]] {
        let error = mine.create("/a", "", PERSISTENT, &acl).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::INVALID_ACL), "{acl:?}");
    }

    mine.add_auth("digest", r"bän/\:pässwd").await.unwrap();
    mine.create("/a", "secret", PERSISTENT, &[auth, ip.clone()]).await.unwrap();
    let completed = mine.get_acl("/a").await.unwrap().0;
    assert_eq!((completed.len(), &completed[0].scheme[..], &completed[1]), (2, "digest", &ip));
    assert!(completed[0].id.starts_with(r"bän/\:") && !completed[0].id.contains("pässwd"), "{completed:?}");
    // What was read can be given: one identity twice is kept once.
    let twice = [completed[0].clone(), completed[0].clone()];
    mine.create("/b", "secret", PERSISTENT, &twice).await.unwrap();
    assert_eq!(mine.get_acl("/b").await.unwrap().0, completed[..1]);

    let stranger = client(&ensemble).await;
    stranger.add_auth("digest", r"bän/\:other").await.unwrap();
    for path in ["/a", "/b"] {
        assert_eq!(stranger.get_data(path).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    }
    stranger.set_data("/a", "by address", None).await.unwrap();
    mine.set_acl("/a", &Acl::open(), None).await.unwrap();
    assert_eq!(stranger.get_data("/a").await.unwrap().0, "by address");
    assert_eq!(stranger.get_acl("/a").await.unwrap().0, Acl::open());
    assert_eq!(mine.set_acl("/a", &[], None).await.unwrap_err(), Error::Invalid(Invalid::EmptyAcl));
}

#[tokio::test]
async fn names_of_sasl_users_are_passed_on_as_they_are() {
    let ensemble = Ensemble::builder()
        .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
        .start()
        .await
        .unwrap();
    let client = connected(Client::builder(&ensemble.connect_string()).unwrap()).await;
    let sasl = |id: &str| [Acl::new(Permissions::ALL, "sasl", id)];
    let users = ["user", "service/host.name.com", "user@KERB.REALM", "service/host.name.com@KERB.REALM"];
    for (n, user) in users.into_iter().enumerate() {
        client.create(&format!("/{n}"), "", PERSISTENT, &sasl(user)).await.unwrap();
    }
    for user in ["user@KERB.REALM/server.com", "user@KERB.REALM1@KERB.REALM2"] {
        let error = client.create("/none", "", PERSISTENT, &sasl(user)).await.unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::INVALID_ACL), "{user}");
    }
}

#[tokio::test]
async fn an_idle_client_keeps_its_session() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    let idle = connected(builder(&ensemble).session_timeout(Duration::from_secs(1))).await;
    idle.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let session = session_id(&idle);
    let other = client(&ensemble).await;
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(4) {
        assert!(other.exists("/mine").await.unwrap().is_some(), "after {:?}", started.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((idle.status().state, session_id(&idle), generation(&idle)), (State::Connected, session, 1));
}

#[tokio::test]
async fn the_one_client_too_many_waits_for_a_place() {
    let ensemble = Ensemble::builder().property("maxClientCnxns", "2").start().await.unwrap();
    let first = client(&ensemble).await;
    let second = client(&ensemble).await;
    let third = builder(&ensemble).build();
    let refused = third.with_timeout(Duration::from_millis(500)).exists("/").await.unwrap_err();
    assert!(matches!(refused, Error::NotSent(_)), "{refused:?}");
    first.close().await;
    third.connected().await.unwrap();
    for client in [&second, &third] {
        assert!(client.exists("/").await.unwrap().is_some());
    }
}

/// The connections of this machine to this port that this side has not closed; `None` where that cannot be told.
fn open_connections(port: u16) -> Option<usize> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let remote = format!(":{port:04X}");
    let open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // ESTABLISHED, and CLOSE_WAIT: the other side has closed, ours has not.
        matches!(fields[..], [_, _, to, "01" | "08", ..] if to.ends_with(&remote))
    };
    Some(table.lines().filter(open).count())
}

#[tokio::test]
async fn clients_that_are_closed_leave_no_connection_behind() {
    let ensemble = one_server().await;
    let port = ensemble.addr(0).port();
    let stays = client(&ensemble).await;
    let many = (0..3).map(|_| async {
        for _ in 0..10 {
            let client = client(&ensemble).await;
            client.exists("/").await.unwrap();
            client.close().await;
        }
    });
    join_all(many).await;
    eventually(SOON, "only one connection is open", async || {
        open_connections(port).is_none_or(|open| open == 1).then_some(())
    })
    .await;
    assert!(stays.exists("/").await.unwrap().is_some());
}

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
            let changed = WatchEvent::Changed { kind: EventType::NODE_DATA_CHANGED, path: path.clone() };
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
        Some(WatchEvent::Changed { kind, path }) => (kind, path),
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

#[tokio::test]
async fn a_multi_sees_what_it_has_done_so_far() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    create(&plain, "/x").await;
    let client = below(&ensemble, "/x").await;
    let make = |path: &str| MultiOp::create(path, "", PERSISTENT, &Acl::open());
    let set = |data: &'static str, version| MultiOp::set_data("/m", data, Some(version));
    let delete = |path: &str| MultiOp::delete(path, Some(0));

    let nested =
        vec![make("/m"), make("/m/a"), make("/m/a/1"), delete("/m/a/1"), delete("/m/a"), delete("/m")];
    assert_eq!(client.multi(nested).await.unwrap().len(), 6);
    for (ops, code) in [
        (vec![make("/m"), set("X", 0), set("Y", 0)], ErrorCode::BAD_VERSION),
        (vec![make("/m"), delete("/m"), set("Y", 0)], ErrorCode::NO_NODE),
        (
            vec![make("/m"), MultiOp::check("/m", Some(0)), MultiOp::delete("/m", Some(1))],
            ErrorCode::BAD_VERSION,
        ),
    ] {
        match client.multi(ops).await {
            Err(Error::Rejected(rejected)) => {
                assert_eq!((rejected.code, rejected.path.as_str(), rejected.op_index), (code, "/m", Some(2)));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(client.exists("/m").await.unwrap(), None);
    }
    client.multi(vec![make("/m"), set("X", 0), set("Y", 1)]).await.unwrap();
    assert_eq!(plain.get_data("/x/m").await.unwrap().0, "Y", "below the chroot");
    assert_eq!(plain.exists("/m").await.unwrap(), None, "and not beside it");
}

#[tokio::test]
async fn a_multi_that_fails_leaves_nothing_behind_and_wakes_nobody() {
    let ensemble = one_server().await;
    let plain = client(&ensemble).await;
    create(&plain, "/foo").await;
    let owner = client(&ensemble).await;
    owner.create("/foo/bar", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();

    // Refused while there is a child, done once it is gone: the refusal has left no trace.
    let delete = || vec![MultiOp::delete("/foo", None)];
    assert_eq!(plain.multi(delete()).await.unwrap_err().code(), Some(ErrorCode::NOT_EMPTY));
    let (_, gone) = plain.exists_and_watch("/foo/bar").await.unwrap();
    owner.close().await;
    assert_eq!(fired(gone).await, event(EventType::NODE_DELETED, "/foo/bar"));
    plain.multi(delete()).await.unwrap();
    assert_eq!(plain.exists("/foo").await.unwrap(), None);

    let make = || MultiOp::create("/t", "", PERSISTENT, &Acl::open());
    let (_, _, mut children) = plain.get_children_and_watch("/").await.unwrap();
    let error = plain.multi(vec![make(), MultiOp::delete("/none", None)]).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NO_NODE));
    assert!(is_quiet(&plain, &mut children).await);
    // One that succeeds wakes, even if nothing is left of it.
    plain.multi(vec![make(), MultiOp::delete("/t", None)]).await.unwrap();
    assert_eq!(fired(children).await, event(EventType::NODE_CHILDREN_CHANGED, "/"));
}

#[tokio::test]
async fn reads_in_one_request_that_are_not_allowed_hide_nothing_of_the_others() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    create(&client, "/open").await;
    create(&client, "/open/bar").await;
    let write_only = [Acl::new(Permissions::WRITE, "world", "anyone")];
    client.create("/shut", "", PERSISTENT, &write_only).await.unwrap();
    let bar = Ok(ReadResult::GetChildren { children: vec!["bar".to_owned()] });
    for paths in [&["/open", "/shut"][..], &["/shut", "/open"], &["/open", "/open"], &["/shut"]] {
        let ops = paths.iter().copied().map(ReadOp::get_children).collect();
        let results = client.multi_read(ops).await.unwrap();
        assert_eq!(results.len(), paths.len());
        for (path, result) in paths.iter().zip(results) {
            if *path == "/open" {
                assert_eq!(result, bar);
            } else {
                assert_eq!(result.unwrap_err().code, ErrorCode::NO_AUTH);
            }
        }
    }
}

#[tokio::test]
async fn a_server_without_a_quorum_that_serves_reads_is_not_taken_for_one_that_serves() {
    let ensemble = Ensemble::builder()
        .servers(3)
        .system_property("readonlymode.enabled", "true")
        // Only to sessions of its own does such a server let anybody in who asks for it.
        .property("localSessionsEnabled", "true")
        .property("localSessionsUpgradingEnabled", "true")
        .max_session_timeout(Duration::from_secs(40))
        .start()
        .await
        .unwrap();
    let settings = || builder(&ensemble).session_timeout(Duration::from_secs(40));
    let client = connected(settings()).await;
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let session = session_id(&client);
    for server in [1, 2] {
        ensemble.kill(server).await.unwrap();
    }
    eventually(Duration::from_secs(20), "the last server is read-only", async || {
        let answer = ensemble.four_letter_word(0, "isro").await.ok()?;
        answer.starts_with("ro").then_some(())
    })
    .await;
    // Neither the old session nor a new one gets in; every call ends by its deadline, never sent.
    let newcomer = settings().build();
    for client in [&client, &newcomer] {
        let limited = client.with_timeout(Duration::from_millis(700));
        let error = limited.get_data("/").await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error:?}");
        let error = limited.set_data("/mine", "", None).await.unwrap_err();
        assert!(matches!(error, Error::NotSent(_)), "{error:?}");
        assert_ne!(client.status().state, State::Connected);
    }
    ensemble.start_server(1).unwrap();
    for client in [&client, &newcomer] {
        client.with_timeout(Duration::from_secs(30)).set_data("/mine", "again", None).await.unwrap();
    }
    assert_eq!((session_id(&client), generation(&client)), (session, 1));
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, session);
}

#[tokio::test]
async fn only_a_superuser_changes_the_ensemble() {
    // The digest of `super:test`.
    let digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    let ensemble = Ensemble::builder()
        .servers(3)
        .property("reconfigEnabled", "true")
        .system_property("zookeeper.DigestAuthenticationProvider.superDigest", digest)
        .start()
        .await
        .unwrap();
    let mut ports = PortLease::new();
    let [quorum, election, clients] = [(); 3].map(|()| ports.take().unwrap().port());
    let observer = format!("server.100=127.0.0.1:{quorum}:{election}:observer;127.0.0.1:{clients}");
    let join = Reconfig::Incremental { joining: vec![observer.clone()], leaving: vec![] };
    let leave = Reconfig::Incremental { joining: vec![], leaving: vec![100] };

    let nobody = client(&ensemble).await;
    assert_eq!(nobody.reconfig(&join, None).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    let root = connected(builder(&ensemble).credential("digest", "super:test")).await;
    let text = |config: (bytes::Bytes, _)| String::from_utf8(config.0.to_vec()).unwrap();
    let joined = text(root.reconfig(&join, None).await.unwrap());
    assert!(joined.contains(&observer), "{joined}");
    let left = text(root.reconfig(&leave, None).await.unwrap());
    assert!(!left.contains(&observer), "{left}");
    let garbage = Reconfig::Incremental { joining: vec!["some thing".to_owned()], leaving: vec![] };
    assert_eq!(root.reconfig(&garbage, None).await.unwrap_err().code(), Some(ErrorCode::BAD_ARGUMENTS));
}

#[tokio::test]
async fn one_port_for_tls_and_for_plain_text() {
    let authority = Authority::new("the CA of the test").unwrap();
    let server = authority.server(&["127.0.0.1"]).unwrap();
    let ensemble = Ensemble::builder().tls(&authority, &server).unwrap();
    let ensemble = ensemble.property("client.portUnification", "true").start().await.unwrap();
    let certificate = authority.client("client", KeyKind::Ec).unwrap();
    let identity = ClientIdentity::pem(certificate.pem(), certificate.key(KeyForm::Pkcs8).unwrap());
    let options = TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity);
    let plain = builder(&ensemble).connect_timeout(SOON);
    for settings in [plain.clone(), plain.tls(options)] {
        let client = connected(settings).await;
        client.create("/test", "", PERSISTENT, &Acl::open()).await.unwrap();
        client.delete("/test", None).await.unwrap();
        client.close().await;
    }
}
