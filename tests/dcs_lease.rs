//! The leader key and its lease, against real servers.

mod dcs_common;

use std::time::Duration;

use dcs_common::{SECOND, by_hand, data, ensemble, joined, member};
use dcs_zk::{DcsError, LeaderUpdate, Touched};
use integration_tests::wait::eventually;
use zk_session::{Acl, Client, CreateMode};
use zk_testkit::Ensemble;

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

    let later = eventually(5 * SECOND, "a longer lease", async || {
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
async fn a_key_that_somebody_has_written_to_is_still_ours() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    let hand = by_hand(&ensemble);
    hand.set_data(&a.config().paths().leader(), "a", None).await.unwrap();
    let update = LeaderUpdate { last_lsn: Some(7), ..LeaderUpdate::default() };
    let renewed = a.update_leader(&cluster, update.clone()).await.unwrap();
    assert_eq!((renewed.fencing_token(), renewed.version()), (lease.fencing_token(), 1));
    let cluster = a.get_cluster().await.unwrap();
    a.update_leader(&cluster, update).await.unwrap();
    assert_eq!(a.get_cluster().await.unwrap().last_lsn(), 7, "what was left out comes with the next renewal");
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
    eventually(5 * SECOND, "the end of the lease", async || (!lease.is_valid()).then_some(())).await;
    assert!(start.elapsed() < 4 * SECOND + SECOND, "a lease is never longer than the session");
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
    let cluster = eventually(10 * SECOND, "another server", async || a.get_cluster().await.ok()).await;
    let renewed = eventually(10 * SECOND, "a renewal", async || {
        a.update_leader(&cluster, LeaderUpdate::default()).await.ok()
    })
    .await;
    assert_eq!(
        (renewed.session_id(), renewed.fencing_token()),
        (lease.session_id(), lease.fencing_token()),
        "the session survives its server"
    );
    // The leader ends without a word (the task that keeps its session is dropped with the runtime it lives in).
    let cluster = eventually(10 * SECOND, "b's own server", async || b.get_cluster().await.ok()).await;
    assert_eq!(cluster.leader_name(), Some("a"));
    a.close().await;
    let next =
        eventually(10 * SECOND, "the handover", async || b.attempt_to_acquire_leader().await.ok().flatten())
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
            eventually(20 * SECOND, "the end of a session", async || {
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
    eventually(10 * SECOND, "the cluster", async || a.get_cluster().await.ok()).await;
    eventually(10 * SECOND, "the lock", async || a.attempt_to_acquire_leader().await.ok().flatten()).await;
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

/// The guard of the release is out of date, so that it takes a second turn: time enough for a renewal that begins when the
/// release has begun.
#[tokio::test]
async fn a_renewal_that_begins_within_a_release_gives_no_lease_that_outlives_it() {
    let ensemble = ensemble(1).await;
    let (a, hand) = (joined(&ensemble, "a").await, by_hand(&ensemble));
    let mut renewals = 0;
    for n in 0..60 {
        a.attempt_to_acquire_leader().await.unwrap().unwrap();
        let cluster = a.get_cluster().await.unwrap();
        let beside = format!("/service/demo/beside{n}");
        hand.create(&beside, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
        let (released, renewed) = tokio::join!(
            a.delete_leader(cluster.leader.as_ref(), None),
            a.update_leader(&cluster, LeaderUpdate::default()),
        );
        assert!(released.unwrap());
        renewals += usize::from(renewed.is_ok());
        assert!(!renewed.is_ok_and(|lease| lease.is_valid()), "the key is gone: round {n}");
    }
    println!("{renewals} of 60 renewals were made before the release");
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(lease.is_valid(), "the next reign is not over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_that_is_taken_while_the_session_is_replaced_is_led_in_the_new_session_or_not_at_all() {
    let ensemble = ensemble(1).await;
    let a = std::sync::Arc::new(joined(&ensemble, "a").await);
    let mut leases = 0;
    for n in 0..60_u32 {
        let contender = tokio::spawn({
            let a = std::sync::Arc::clone(&a);
            async move {
                tokio::time::sleep(Duration::from_micros(u64::from(n) * 200)).await;
                a.attempt_to_acquire_leader().await
            }
        });
        a.set_ttl((4 + n % 2) * SECOND + SECOND).await.unwrap();
        let held = contender.await.unwrap().expect("another session is there: the call goes on in it");
        if let Some(lease) = held.filter(dcs_zk::Lease::is_valid) {
            leases += 1;
            assert_eq!(Some(lease.session_id()), a.session().map(|session| session.session_id), "round {n}");
            let cluster = a.get_cluster().await.unwrap();
            assert!(a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
        }
    }
    println!("{leases} leases in the new session");
}
