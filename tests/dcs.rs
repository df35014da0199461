//! The DCS operations against real servers.

use std::{sync::Arc, time::Duration};

use dcs_zk::{Config, DcsError, DcsZk, LeaderUpdate, MemberData, Timings, Touched};
use integration_tests::{delay_proxy::DelayProxy, wait::wait_for};
use zk_session::{Acl, Client, CreateMode, ErrorCode, Permissions};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

/// Times short enough for a test, on servers that allow them.
fn timings() -> Timings {
    Timings::new(4 * SECOND, SECOND, SECOND).unwrap()
}

async fn ensemble(servers: usize) -> Ensemble {
    Ensemble::builder().servers(servers).max_session_timeout(60 * SECOND).start().await.unwrap()
}

fn member(ensemble: &Ensemble, name: &str) -> DcsZk {
    let config = Config::new("demo", &ensemble.connect_string()).unwrap();
    DcsZk::connect(config.with_name(name).unwrap().with_timings(timings()))
}

fn data(name: &str) -> MemberData {
    MemberData::new(&format!("postgres://{name}:5432/postgres"), &format!("http://{name}:8008/patroni"))
}

/// A member that has joined; the session is connected.
async fn joined(ensemble: &Ensemble, name: &str) -> DcsZk {
    let dcs = member(ensemble, name);
    dcs.get_cluster().await.unwrap();
    assert_eq!(dcs.touch_member(&data(name)).await.unwrap(), Touched::Written);
    dcs
}

#[tokio::test]
async fn join_lead_renew_and_release() {
    let ensemble = ensemble(1).await;
    let dcs = member(&ensemble, "a");
    let cluster = dcs.get_cluster().await.unwrap();
    assert!(cluster.is_empty(), "a scope that does not exist is an empty cluster");

    assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Written);
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().expect("nobody else contends");
    assert!(lease.is_valid() && lease.remaining() <= 4 * SECOND);

    let cluster = dcs.get_cluster().await.unwrap();
    let leader = cluster.leader.as_ref().unwrap();
    assert_eq!((leader.name(), leader.session), ("a", lease.session_id()));
    assert_eq!(cluster.members[0].session, Some(lease.session_id()), "both keys belong to one session");
    assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Unchanged);

    let update = LeaderUpdate { last_lsn: Some(100), ..LeaderUpdate::default() };
    let renewed = dcs.update_leader(&cluster, update.clone()).await.unwrap();
    assert!(renewed.until() >= lease.until());
    assert_eq!(renewed.fencing_token(), lease.fencing_token());
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.last_lsn(), 100);
    dcs.update_leader(&cluster, update).await.unwrap();

    let later = wait_for("a longer lease", 5 * SECOND, || async {
        let renewed = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
        (renewed.until() > lease.until()).then_some(renewed)
    })
    .await;

    assert!(dcs.delete_leader(cluster.leader.as_ref(), Some(200)).await.unwrap());
    assert!(!later.is_valid() && !lease.is_valid() && later.remaining().is_zero(), "every copy of it ends");
    let cluster = dcs.get_cluster().await.unwrap();
    assert!(cluster.is_unlocked());
    assert_eq!(cluster.last_lsn(), 200);
    assert!(cluster.has_member("a"), "only the lock is given up, not the member key");
    assert_eq!(dcs.session().unwrap().session_id, lease.session_id(), "and not the session");

    let again = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(again.fencing_token() > lease.fencing_token());
}

#[tokio::test]
async fn one_of_two_gets_the_key_and_the_other_is_told() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    assert!(a.attempt_to_acquire_leader().await.unwrap().is_some());
    assert!(b.attempt_to_acquire_leader().await.unwrap().is_none());
    let cluster = b.get_cluster().await.unwrap();
    let refused = b.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
    assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
    assert!(!b.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert_eq!(b.get_cluster().await.unwrap().leader_name(), Some("a"));
}

#[tokio::test]
async fn a_key_that_another_has_taken_is_not_renewed_although_it_has_the_same_version() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    // Somebody removes the key by hand, and another member is quicker.
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    hand.delete(&a.config().paths().leader(), None).await.unwrap();
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    let refused = a.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
    assert!(matches!(&refused, DcsError::NotOwner { holder, .. } if holder.contains('b')), "{refused}");
    assert!(!a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert_eq!(b.get_cluster().await.unwrap().leader_name(), Some("b"), "the other's lock is untouched");
}

#[tokio::test]
async fn a_key_that_somebody_has_written_to_is_still_ours() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    hand.set_data(&a.config().paths().leader(), "a", None).await.unwrap();
    let update = LeaderUpdate { last_lsn: Some(7), ..LeaderUpdate::default() };
    let renewed = a.update_leader(&cluster, update.clone()).await.unwrap();
    assert_eq!((renewed.fencing_token(), renewed.version()), (lease.fencing_token(), 1));
    let cluster = a.get_cluster().await.unwrap();
    a.update_leader(&cluster, update).await.unwrap();
    assert_eq!(a.get_cluster().await.unwrap().last_lsn(), 7, "what was left out comes with the next renewal");
}

#[tokio::test]
async fn a_restarted_member_replaces_the_keys_of_its_earlier_session() {
    let ensemble = ensemble(1).await;
    let before = joined(&ensemble, "a").await;
    before.attempt_to_acquire_leader().await.unwrap().unwrap();
    // The earlier life goes on holding its session, as the servers think of a process that was killed.
    let after = member(&ensemble, "a");
    let cluster = after.get_cluster().await.unwrap();
    assert!(
        after.attempt_to_acquire_leader().await.unwrap().is_none(),
        "ownership is the session, not the name"
    );
    let lease = after.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    assert_eq!(lease.session_id(), after.session().unwrap().session_id);
    assert_eq!(after.touch_member(&data("a")).await.unwrap(), Touched::Written);
    let cluster = after.get_cluster().await.unwrap();
    assert_eq!(cluster.members.len(), 1);
    assert_eq!(cluster.members[0].session, Some(lease.session_id()));
    let refused = before.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
    assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
}

#[tokio::test]
async fn an_earlier_session_without_its_member_key_is_left_alone() {
    let ensemble = ensemble(1).await;
    let before = joined(&ensemble, "a").await;
    before.attempt_to_acquire_leader().await.unwrap().unwrap();
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    let name = before.config().name().unwrap().clone();
    hand.delete(&before.config().paths().member(&name), None).await.unwrap();
    let after = member(&ensemble, "a");
    let cluster = after.get_cluster().await.unwrap();
    let refused = after.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
    assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
}

#[tokio::test]
async fn watch_wakes_for_the_leader_key_for_wakeup_and_for_nothing_else() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, Arc::new(joined(&ensemble, "b").await));
    let follow = |timeout| {
        let b = Arc::clone(&b);
        tokio::spawn(async move {
            let start = std::time::Instant::now();
            (b.watch(None, timeout).await, start.elapsed())
        })
    };
    b.get_cluster().await.unwrap();
    assert!(!follow(SECOND / 5).await.unwrap().0, "nothing happens");

    let absent = follow(10 * SECOND);
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(absent.await.unwrap().0, "a key that appears");

    let cluster = b.get_cluster().await.unwrap();
    let gone = follow(10 * SECOND);
    assert!(a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert!(gone.await.unwrap().0, "a key that vanishes");

    b.get_cluster().await.unwrap();
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let (woken, took) = follow(10 * SECOND).await.unwrap();
    assert!(woken && took < 5 * SECOND, "a change between the load and the watch is not missed");

    b.get_cluster().await.unwrap();
    b.wakeup();
    assert!(follow(10 * SECOND).await.unwrap().0);
    assert!(!follow(SECOND / 5).await.unwrap().0, "a wake-up counts once");

    // The session is lost: the loop must look again.
    b.get_cluster().await.unwrap();
    let lost = follow(20 * SECOND);
    ensemble.kill(0).await.unwrap();
    assert!(lost.await.unwrap().0);
}

#[tokio::test]
async fn loading_costs_two_round_trips_and_three_with_groups() {
    let ensemble = ensemble(1).await;
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    let groups = ["", "/0", "/1", "/2", "/07", "/x"];
    for (scope, groups) in [("plain", &groups[..1]), ("citus", &groups[1..])] {
        for group in groups {
            for n in 0..20 {
                let path = format!("/service/{scope}{group}/members/m{n}");
                let value = data(&format!("m{n}")).to_json();
                hand.create_with_parents(&path, value, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
            }
        }
    }
    let one_way = Duration::from_millis(60);
    let proxy = DelayProxy::start(ensemble.addr(0), one_way).await.unwrap();
    let config = |scope| Config::new(scope, &proxy.address().to_string()).unwrap();
    for (dcs, round_trips, workers) in [
        (DcsZk::connect(config("plain")), 2, 0),
        (DcsZk::connect(config("citus").with_group(0)), 3, 2),
        (DcsZk::connect(config("citus").with_group(1)), 2, 0),
    ] {
        let mut cluster = dcs.get_cluster().await.unwrap();
        // The quickest of a few: a busy machine adds to a load, but nothing takes round trips away.
        let mut took = Duration::MAX;
        for _ in 0..3 {
            let start = std::time::Instant::now();
            cluster = dcs.get_cluster().await.unwrap();
            took = took.min(start.elapsed());
        }
        assert_eq!(cluster.members.len(), 20);
        assert_eq!(cluster.workers.len(), workers, "only names that Patroni takes for groups");
        let whole = u32::try_from(took.as_millis() / (2 * one_way.as_millis())).unwrap();
        assert_eq!(whole, round_trips, "{took:?} with a round trip of {:?}", 2 * one_way);
    }
}

#[tokio::test]
async fn garbage_in_every_key_is_the_lenient_value_and_nothing_is_written() {
    let ensemble = ensemble(1).await;
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    for key in
        ["initialize", "config", "leader", "members/a", "failover", "history", "status", "sync", "failsafe"]
    {
        let garbage: &[u8] = b"\xff\x00{\"garb";
        let path = format!("/service/demo/{key}");
        hand.create_with_parents(&path, garbage, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
    let dcs = member(&ensemble, "b");
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.members.len(), 1);
    assert!(cluster.members[0].data.is_empty());
    assert!(cluster.sync.is_empty() && cluster.sync.version == Some(0));
    assert!(!cluster.is_unlocked());
    assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none());
}

#[tokio::test]
async fn without_servers_every_call_ends_in_time_as_unavailable_and_the_lease_ends_by_itself() {
    let ensemble = ensemble(1).await;
    let dcs = joined(&ensemble, "a").await;
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = dcs.get_cluster().await.unwrap();
    ensemble.freeze(0).unwrap();
    let start = std::time::Instant::now();
    let unavailable = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
    assert!(matches!(unavailable, DcsError::Unavailable { .. }), "{unavailable}");
    assert!(start.elapsed() < 2 * SECOND, "{:?}", start.elapsed());
    let unavailable = dcs.get_cluster().await.unwrap_err();
    assert!(matches!(unavailable, DcsError::Unavailable { .. }), "{unavailable}");
    assert!(dcs.cluster().is_none(), "a failed load drops the cached cluster");
    let unavailable = dcs.touch_member(&data("x")).await.unwrap_err();
    assert!(matches!(unavailable, DcsError::Unavailable { .. }), "{unavailable}");
    assert!(start.elapsed() < 5 * SECOND, "{:?}", start.elapsed());
    wait_for("the end of the lease", 5 * SECOND, || async { (!lease.is_valid()).then_some(()) }).await;
    assert!(start.elapsed() < 4 * SECOND + SECOND, "a lease is never longer than the session");
}

#[tokio::test]
async fn acls_are_on_every_node_and_the_identity_opens_them() {
    let ensemble = ensemble(1).await;
    // The digest of patroni:secret, as ZooKeeper's DigestAuthenticationProvider makes it.
    let acl = vec![Acl::new(Permissions::ALL, "digest", "patroni:4cNoC5zQisxSHJqxXp3EJs5oyRI=")];
    let config =
        |name: &str| Config::new("demo", &ensemble.connect_string()).unwrap().with_name(name).unwrap();
    let mine = config("a").with_acl(acl).unwrap().with_credential("digest", "patroni:secret");
    let mine = DcsZk::connect(mine.with_timings(timings()));
    mine.get_cluster().await.unwrap();
    mine.touch_member(&data("a")).await.unwrap();
    mine.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = mine.get_cluster().await.unwrap();
    mine.update_leader(&cluster, LeaderUpdate { last_lsn: Some(1), ..LeaderUpdate::default() })
        .await
        .unwrap();

    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    for path in ["", "/demo", "/demo/members", "/demo/members/a", "/demo/leader", "/demo/status"] {
        let path = format!("/service{path}");
        assert!(hand.exists(&path).await.unwrap().is_some(), "{path}");
        assert_eq!(hand.get_data(&path).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH), "{path}");
    }
    let stranger = DcsZk::connect(config("b").with_timings(timings()));
    let refused = stranger.get_cluster().await.unwrap_err();
    assert!(matches!(refused, DcsError::Refused { code: ErrorCode::NO_AUTH, .. }), "{refused}");
    assert!(!format!("{:?}", mine.config()).contains("secret"));
}

#[tokio::test]
async fn a_session_too_short_for_the_loop_is_refused_to_lead() {
    let ensemble = Ensemble::builder().servers(1).max_session_timeout(2 * SECOND).start().await.unwrap();
    let dcs = joined(&ensemble, "a").await;
    assert_eq!(dcs.ttl(), 2 * SECOND, "what the server granted");
    let refused = dcs.attempt_to_acquire_leader().await.unwrap_err();
    assert!(matches!(&refused, DcsError::Invalid(text) if text.contains("maxSessionTimeout")), "{refused}");
}

#[tokio::test]
async fn the_connected_server_dies_and_then_the_leader_dies() {
    let ensemble = ensemble(3).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let server = ensemble.server_of_session(lease.session_id()).await.expect("connected somewhere");
    ensemble.kill(server).await.unwrap();
    // The session moves: same session, same lock, and the lease can be renewed.
    let cluster = wait_for("another server", 10 * SECOND, || async { a.get_cluster().await.ok() }).await;
    let renewed = wait_for("a renewal", 10 * SECOND, || async {
        a.update_leader(&cluster, LeaderUpdate::default()).await.ok()
    })
    .await;
    assert_eq!(
        (renewed.session_id(), renewed.fencing_token()),
        (lease.session_id(), lease.fencing_token()),
        "the session survives its server"
    );
    // The leader ends without a word (the task that keeps its session is dropped with the runtime it lives in).
    let cluster = wait_for("b's own server", 10 * SECOND, || async { b.get_cluster().await.ok() }).await;
    assert_eq!(cluster.leader_name(), Some("a"));
    a.close().await;
    let next = wait_for("the handover", 10 * SECOND, || async {
        b.attempt_to_acquire_leader().await.ok().flatten()
    })
    .await;
    assert!(next.fencing_token() > lease.fencing_token());
}

#[tokio::test]
async fn the_key_outlives_the_lease_when_a_follower_is_cut_off_with_its_clients() {
    // Ticks of 500 ms: followers pass on every 250 ms whom they have heard.
    let ensemble = Ensemble::builder()
        .servers(3)
        .tick_time(SECOND / 2)
        .max_session_timeout(60 * SECOND)
        .start()
        .await
        .unwrap();
    let leader = ensemble.leader().await.expect("a leader");
    let follower = (0..3).find(|server| *server != leader).unwrap();
    let at_follower = ensemble.addr(follower).to_string();
    let watcher = Client::builder(&ensemble.addr(leader).to_string()).unwrap().build();
    watcher.connected().await.unwrap();
    // Clients that ping at different times; what they had said before the cut is passed on or not, by chance.
    let mut clients = Vec::new();
    for n in 0..8 {
        let builder = Client::builder(&at_follower).unwrap().session_timeout(6 * SECOND);
        let client = builder.read_timeout(3 * SECOND).build();
        client.create(&format!("/lock{n}"), "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
        clients.push(client);
        tokio::time::sleep(SECOND / 4).await;
    }
    let mut leases = Vec::new();
    for (n, client) in clients.iter().enumerate() {
        client.set_data(&format!("/lock{n}"), "renewed", None).await.unwrap();
        leases.push(client.status().lease_until(Duration::ZERO).expect("a committed write"));
    }
    ensemble.freeze(follower).unwrap();
    let gone = futures_util::future::join_all((0..8).map(|n| {
        let (watcher, path) = (watcher.clone(), format!("/lock{n}"));
        async move {
            let read = || watcher.exists(&path);
            wait_for("the end of a session", 20 * SECOND, || async {
                read().await.unwrap().is_none().then(zk_session::now)
            })
            .await
        }
    }))
    .await;
    let left: Vec<f64> = leases
        .iter()
        .zip(&gone)
        .map(|(until, gone)| gone.since(*until).as_secs_f64() - until.since(*gone).as_secs_f64())
        .collect();
    println!("seconds from the end of each lease (without a margin) to the end of its key: {left:.2?}");
    assert!(left.iter().all(|left| *left > 0.0), "a key was gone before its lease: {left:.2?}");
    ensemble.thaw(follower).unwrap();
}

#[tokio::test]
async fn a_release_that_is_given_up_leaves_a_dcs_that_works() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    ensemble.freeze(0).unwrap();
    let release = a.delete_leader(cluster.leader.as_ref(), None);
    // A release is unconfirmed after one second; then the session is restarted, and in the middle of that it is given up.
    let _ = tokio::time::timeout(SECOND * 21 / 20, release).await;
    // The end of the old session wakes the loop, and then it sleeps again.
    let start = std::time::Instant::now();
    let mut loops = 0;
    while start.elapsed() < SECOND {
        a.watch(None, SECOND / 4).await;
        loops += 1;
    }
    assert!(loops < 10, "a watch that returns at once makes a hot loop: {loops} in a second");
    ensemble.thaw(0).unwrap();
    wait_for("the cluster", 10 * SECOND, || async { a.get_cluster().await.ok() }).await;
    wait_for("the lock", 10 * SECOND, || async { a.attempt_to_acquire_leader().await.ok().flatten() }).await;
}

#[tokio::test]
async fn a_release_ends_the_lease_that_a_renewal_beside_it_gives() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    for _ in 0..30 {
        a.attempt_to_acquire_leader().await.unwrap().unwrap();
        let cluster = a.get_cluster().await.unwrap();
        let (renewed, released) = tokio::join!(
            a.update_leader(&cluster, LeaderUpdate::default()),
            a.delete_leader(cluster.leader.as_ref(), None),
        );
        assert!(released.unwrap());
        assert!(!renewed.is_ok_and(|lease| lease.is_valid()), "whichever is answered first");
    }
}

#[tokio::test]
async fn a_touch_that_is_given_up_does_not_pass_for_done() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    a.get_cluster().await.unwrap();
    assert_eq!(a.touch_member(&data("a")).await.unwrap(), Touched::Unchanged);
    // Sent, and given up before the answer.
    let other = data("other");
    let mut touch = Box::pin(a.touch_member(&other));
    assert!(futures_util::FutureExt::now_or_never(touch.as_mut()).is_none());
    drop(touch);
    assert_eq!(
        a.touch_member(&data("a")).await.unwrap(),
        Touched::Written,
        "the key may hold the other value"
    );
    let cluster = a.get_cluster().await.unwrap();
    assert_eq!(cluster.members[0].data, *data("a").as_object());
}
