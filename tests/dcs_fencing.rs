//! Writes that only a leader may do, against real servers.

mod dcs_common;

use std::{sync::Arc, time::Duration};

use dcs_common::{SECOND, by_hand, data, ensemble, join, joined, member_at};
use dcs_zk::{DcsError, DcsZk, Failsafe, Fenced, LeaderUpdate, Lease, StatusUpdate};
use integration_tests::wait::eventually;
use zk_jute::OpCode;
use zk_session::{Acl, Client, CreateMode, Permissions};
use zk_testkit::{Direction, Ensemble, FaultProxy};

#[tokio::test]
async fn a_key_that_another_has_taken_is_not_renewed_although_it_has_the_same_version() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    // Somebody removes the key by hand, and another member is quicker.
    let hand = by_hand(&ensemble);
    hand.delete(&a.config().paths().leader(), None).await.unwrap();
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    let update = LeaderUpdate { last_lsn: Some(666), ..LeaderUpdate::default() };
    let refused = a.update_leader(&cluster, update).await.unwrap_err();
    assert!(matches!(&refused, DcsError::NotOwner { holder, .. } if holder.contains('b')), "{refused}");
    assert!(!a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    let cluster = b.get_cluster().await.unwrap();
    assert_eq!(cluster.leader_name(), Some("b"), "the other's lock is untouched");
    assert_eq!(cluster.last_lsn(), 0, "and its status");
}

/// `a` leads, by hand the key is removed, and `b` is quicker. Both keys have the same version.
async fn stolen(ensemble: &Ensemble, a: &DcsZk, b: &DcsZk) -> (Lease, Lease) {
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    // From now on what the guard needs is known, and out of date in a moment.
    a.get_cluster().await.unwrap();
    by_hand(ensemble).delete(&a.config().paths().leader(), None).await.unwrap();
    let others = b.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!(lease.version(), others.version(), "a check of the version would not tell them apart");
    (lease, others)
}

/// How many writes `write` knows.
const WRITES: usize = 11;

/// Every write that only a leader may do.
async fn write(number: usize, fenced: Fenced<'_>) -> Result<(), DcsError> {
    let topology: Failsafe = [("a".to_owned(), "http://a".to_owned())].into_iter().collect();
    match number {
        0 => fenced.set_config_value("{}", None).await.map(drop),
        1 => fenced.set_failover_value("{}", None).await.map(drop),
        2 => fenced.manual_failover(Some("a"), None, None, None).await.map(drop),
        3 => fenced.set_history_value("[]").await.map(drop),
        4 => fenced.write_status(StatusUpdate::optime(7)).await.map(drop),
        5 => fenced.write_leader_optime(8).await.map(drop),
        6 => fenced.write_failsafe(topology).await.map(drop),
        7 => fenced.set_sync_state_value("{}", None).await.map(drop),
        8 => fenced.write_sync_state(Some("a"), &["b"], None, None).await.map(drop),
        9 => fenced.delete_sync_state(None).await.map(drop),
        _ => fenced.set_initialize_value("7").await.map(drop),
    }
}

/// Everything that is stored, without the two ephemeral kinds of keys.
async fn stored(hand: &Client) -> Vec<(String, i64, Vec<u8>)> {
    let mut all = Vec::new();
    for key in ["initialize", "config", "failover", "history", "status", "optime/leader", "sync", "failsafe"]
    {
        if let Ok((data, stat)) = hand.get_data(&format!("/service/demo/{key}")).await {
            all.push((key.to_owned(), stat.mzxid, data.to_vec()));
        }
    }
    all
}

#[tokio::test]
async fn every_write_of_a_leader_is_made_while_the_lease_holds() {
    let ensemble = ensemble(1).await;
    let (a, hand) = (joined(&ensemble, "a").await, by_hand(&ensemble));
    // Old enough for `optime/leader`.
    a.touch_member(&data("a").version("2.0.2")).await.unwrap();
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    a.get_cluster().await.unwrap();
    for number in 0..WRITES {
        let before = stored(&hand).await;
        write(number, a.as_leader(&lease)).await.unwrap();
        assert_ne!(before, stored(&hand).await, "write {number}");
    }
    let keys: Vec<String> = stored(&hand).await.into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    let left = hand.get_children("/service/demo").await.unwrap().0;
    assert!(left.iter().all(|name| !name.starts_with("fence")), "the guard leaves nothing: {left:?}");
    assert_eq!(a.get_cluster().await.unwrap().sync.leader, None);
    // Conditions are conditions here, too.
    let conflict = a.as_leader(&lease).set_config_value("{}", Some(7)).await.unwrap_err();
    assert!(matches!(conflict, DcsError::Conflict { .. }), "{conflict}");
    assert_eq!(a.as_leader(&lease).set_config_value("{}", Some(0)).await.unwrap(), 1);
    assert!(lease.is_valid(), "a conflict is not the end of the lease");
}

#[tokio::test]
async fn no_write_of_a_leader_is_made_when_another_leads() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    let hand = by_hand(&ensemble);
    for number in 0..WRITES {
        a.touch_member(&data("a").version(if number % 2 == 0 { "2.0.2" } else { "4.1.5" })).await.unwrap();
        let (lease, _) = stolen(&ensemble, &a, &b).await;
        assert!(lease.is_valid(), "as far as we know");
        let before = stored(&hand).await;
        let refused = write(number, a.as_leader(&lease)).await.unwrap_err();
        assert!(matches!(refused, DcsError::NotOwner { .. }), "write {number}: {refused}");
        assert_eq!(before, stored(&hand).await, "write {number}");
        assert!(!lease.is_valid(), "the lease is over");
        let cluster = b.get_cluster().await.unwrap();
        assert!(
            b.delete_leader(cluster.leader.as_ref(), None).await.unwrap(),
            "the other's lock is untouched"
        );
    }
}

#[tokio::test]
async fn nothing_that_comes_late_is_written() {
    // The request is on its way while the key changes hands.
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let a = Arc::new(member_at(&proxy.address().to_string(), "a"));
    join(&a, "a").await;
    let (b, hand) = (joined(&ensemble, "b").await, by_hand(&ensemble));
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    a.as_leader(&lease).set_config_value("{}", None).await.unwrap();
    let before = stored(&hand).await;

    let held = proxy.hold_request(|request| request.op == OpCode::MULTI);
    let late = tokio::spawn({
        let (a, lease) = (Arc::clone(&a), lease.clone());
        async move { a.as_leader(&lease).set_config_value("late", None).await }
    });
    held.happened().await;
    hand.delete(&a.config().paths().leader(), None).await.unwrap();
    let others = b.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!(lease.version(), others.version());
    proxy.black_hole(Direction::ToServer, false);
    let refused = late.await.unwrap().unwrap_err();
    assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
    assert_eq!(before, stored(&hand).await);
    assert_eq!(b.get_cluster().await.unwrap().leader_name(), Some("b"));
}

#[tokio::test]
async fn a_lease_of_an_earlier_reign_is_refused_although_we_lead_again() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    let earlier = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    by_hand(&ensemble).delete(&a.config().paths().leader(), None).await.unwrap();
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!((earlier.version(), earlier.session_id()), (lease.version(), lease.session_id()));
    a.as_leader(&lease).set_config_value("{}", None).await.unwrap();
    assert!(earlier.fencing_token() < lease.fencing_token());
    let refused = a.as_leader(&earlier).set_config_value("late", None).await.unwrap_err();
    assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
    assert_eq!(a.get_cluster().await.unwrap().config.as_ref().unwrap().version, 0);
}

#[tokio::test]
async fn a_lease_that_has_ended_is_refused_before_anything_is_sent() {
    let ensemble = ensemble(1).await;
    let a = joined(&ensemble, "a").await;
    let released = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    assert!(a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    let expired = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    ensemble.freeze(0).unwrap();
    eventually(5 * SECOND, "the end of the lease", async || (!expired.is_valid()).then_some(())).await;
    let start = std::time::Instant::now();
    for lease in [released, expired] {
        for number in 0..WRITES {
            let refused = write(number, a.as_leader(&lease)).await.unwrap_err();
            assert!(
                matches!(&refused, DcsError::NotOwner { holder, .. } if holder.contains("ended")),
                "{refused}"
            );
        }
    }
    assert!(start.elapsed() < SECOND / 2, "a server that is frozen was asked: {:?}", start.elapsed());
}

#[tokio::test]
async fn keys_that_are_created_beside_the_lock_cost_a_look_and_nothing_else() {
    let ensemble = ensemble(1).await;
    let (a, hand) = (joined(&ensemble, "a").await, by_hand(&ensemble));
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let create = |n| {
        let (hand, path) = (hand.clone(), format!("/service/demo/beside{n}"));
        async move { hand.create(&path, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap() }
    };
    for n in 0..20 {
        create(n).await;
        a.as_leader(&lease).set_config_value(&format!("[{n}]"), None).await.unwrap();
        if n % 3 == 0 {
            hand.delete(&format!("/service/demo/beside{n}"), None).await.unwrap();
        }
        let cluster = a.get_cluster().await.unwrap();
        create(100 + n).await;
        a.update_leader(&cluster, LeaderUpdate { last_lsn: Some(n), ..LeaderUpdate::default() })
            .await
            .unwrap();
    }
    // Several at once: each is one create more for the others.
    let values: Vec<String> = (0..8).map(|n| format!("[{n}]")).collect();
    let fenced = a.as_leader(&lease);
    let all = values.iter().map(|value| fenced.set_config_value(value, None));
    for written in futures_util::future::join_all(all).await {
        written.unwrap();
    }
}

/// The same race over and over, in the order that chance gives it. With the check of the version alone as a guard (the two
/// operations after it left out of `Fence::guard`), this fails within a few rounds.
#[tokio::test]
async fn a_fenced_write_is_never_later_than_another_leader() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, joined(&ensemble, "b").await);
    let hand = by_hand(&ensemble);
    let leader = a.config().paths().leader();
    a.set_sync_state_value("{}", None).await.unwrap();
    let (mut written, mut refused) = (0, 0);
    for _ in 0..150 {
        let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
        // What the guard needs is known: the write is one request.
        a.as_leader(&lease).set_sync_state_value("{}", None).await.unwrap();
        let steal = async {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..1000))).await;
            // One after the other, and sent together.
            let (deleted, taken) = tokio::join!(hand.delete(&leader, None), async {
                loop {
                    if let Some(lease) = b.attempt_to_acquire_leader().await.unwrap() {
                        return lease;
                    }
                }
            });
            deleted.unwrap();
            taken
        };
        let fenced = a.as_leader(&lease);
        let write = async {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..4000))).await;
            fenced.write_sync_state(Some("a"), &[], None, None).await
        };
        let (wrote, others) = tokio::join!(write, steal);
        let (sync, stat) = hand.get_data("/service/demo/sync").await.unwrap();
        let by_us = sync.windows(3).any(|window| window == b"\"a\"");
        assert_eq!(by_us, wrote.is_ok(), "{wrote:?}");
        if wrote.is_ok() {
            written += 1;
            assert!(stat.mzxid < others.fencing_token(), "written by a when b was the leader");
        } else {
            refused += 1;
        }
        let cluster = b.get_cluster().await.unwrap();
        assert!(b.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    }
    println!("{written} before the other led, {refused} refused");
    assert!(written > 0 && refused > 0, "{written} {refused}: not a race");
}

#[tokio::test]
async fn a_status_that_may_not_be_written_does_not_cost_the_lease() {
    let ensemble = ensemble(1).await;
    let (a, hand) = (joined(&ensemble, "a").await, by_hand(&ensemble));
    // Readable, and nobody may write to it.
    let read_only = [Acl::new(Permissions::READ, "world", "anyone")];
    hand.create("/service/demo/status", "{}", CreateMode::PERSISTENT, &read_only).await.unwrap();
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = a.get_cluster().await.unwrap();
    let update = LeaderUpdate { last_lsn: Some(7), ..LeaderUpdate::default() };
    let lease = a.update_leader(&cluster, update).await.unwrap();
    assert!(lease.is_valid());
}

#[tokio::test]
async fn a_topology_that_cannot_be_read_is_written_anew_and_holds_nothing_up() {
    let ensemble = ensemble(1).await;
    let (a, hand) = (joined(&ensemble, "a").await, by_hand(&ensemble));
    hand.create("/service/demo/failsafe", "garbage", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let topology: Failsafe = [("a".to_owned(), "http://a".to_owned())].into_iter().collect();
    let cluster = a.get_cluster().await.unwrap();
    let update =
        LeaderUpdate { last_lsn: Some(7), failsafe: Some(topology.clone()), ..LeaderUpdate::default() };
    a.update_leader(&cluster, update.clone()).await.unwrap();
    let cluster = a.get_cluster().await.unwrap();
    assert_eq!((cluster.last_lsn(), cluster.failsafe.as_ref()), (7, Some(&topology)));

    // A key that goes by hand is not mistaken for one that says nothing.
    hand.delete("/service/demo/status", None).await.unwrap();
    a.update_leader(&cluster, LeaderUpdate { last_lsn: Some(8), ..update }).await.unwrap();
    assert_eq!(a.failsafe(), Some(topology), "what a leader goes by when no server can be reached");
}
