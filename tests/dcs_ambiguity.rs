//! Answers that are lost, and keys that belong to other sessions: against real servers.

mod dcs_common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use dcs_common::{SECOND, by_hand, data, ensemble, join, joined, member, member_at};
use dcs_zk::{Config, DcsError, DcsZk, LeaderUpdate, Lease, Timings, Touched};
use integration_tests::{patroni::Patroni, wait::eventually};
use serde_json::json;
use zk_jute::OpCode;
use zk_session::{Acl, Client, CreateMode, State};
use zk_testkit::{Direction, Ensemble, FaultProxy, Request};

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

/// A member that is connected through the proxy and nowhere else, with a session of 20 s.
async fn behind(proxy: &FaultProxy, name: &str) -> DcsZk {
    let config = Config::new("demo", &proxy.address().to_string()).unwrap().with_name(name).unwrap();
    let dcs = DcsZk::connect(config.with_timings(Timings::new(20 * SECOND, SECOND, 3 * SECOND).unwrap()));
    join(&dcs, name).await;
    dcs
}

fn creates_the_lock(request: &Request) -> bool {
    matches!(request.op, OpCode::CREATE | OpCode::CREATE2) && request.mentions("/leader")
}

#[tokio::test]
async fn a_lock_whose_create_was_not_answered_is_ours_by_its_session() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let dcs = behind(&proxy, "a").await;
    let session = dcs.session().unwrap().session_id;
    for lost in [proxy.lose_reply(creates_the_lock), proxy.lose_request(creates_the_lock)] {
        let lease = dcs.attempt_to_acquire_leader().await.unwrap().expect("it is ours");
        assert_eq!(lost.count(), 1);
        assert_eq!(lease.session_id(), session);
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!(cluster.leader.as_ref().unwrap().session, session);
        dcs.as_leader(&lease).set_config_value("{}", None).await.unwrap();
        assert!(dcs.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    }
}

#[tokio::test]
async fn patroni_gives_up_a_lock_whose_create_was_not_answered() {
    // The original behaviour, for comparison.
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let mut patroni = Patroni::start(&proxy.address().to_string(), "demo", "py", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    // Makes the directories: without them the first create is refused, and nothing is lost with its answer.
    patroni.call("touch_member", json!([{"conn_url": "postgres://py", "api_url": "http://py"}])).await;
    let lost = proxy.lose_reply(creates_the_lock);
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(false));
    assert_eq!(lost.count(), 1);
    let dcs = member(&ensemble, "rs");
    assert_eq!(dcs.get_cluster().await.unwrap().leader_name(), Some("py"), "and it holds it");
}

#[tokio::test]
async fn a_create_that_was_not_answered_is_not_ours_when_another_was_first() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (a, b) = (behind(&proxy, "a").await, joined(&ensemble, "b").await);
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    for lost in [proxy.lose_reply(creates_the_lock), proxy.lose_request(creates_the_lock)] {
        assert!(a.attempt_to_acquire_leader().await.unwrap().is_none());
        assert_eq!(lost.count(), 1);
    }
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_made_again() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let dcs = behind(&proxy, "a").await;
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    for last_lsn in 1..3 {
        let cluster = dcs.get_cluster().await.unwrap();
        let lost = proxy.lose_reply(|request| request.op == OpCode::MULTI);
        let update = LeaderUpdate { last_lsn: Some(last_lsn), ..LeaderUpdate::default() };
        let renewed = dcs.update_leader(&cluster, update).await.unwrap();
        assert_eq!((renewed.fencing_token(), lost.count()), (lease.fencing_token(), 1));
        assert_eq!(dcs.get_cluster().await.unwrap().last_lsn(), last_lsn);
    }
}

#[tokio::test]
async fn a_conditional_write_whose_answer_was_lost_is_no_conflict_with_itself() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let dcs = behind(&proxy, "a").await;
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!(dcs.set_config_value("[0]", None).await.unwrap(), 0);
    let lost = proxy.lose_reply(|request| request.op == OpCode::SET_DATA);
    assert_eq!(dcs.set_config_value("[1]", Some(0)).await.unwrap(), 1);
    assert_eq!(lost.count(), 1);
    let lost = proxy.lose_reply(|request| request.op == OpCode::MULTI);
    assert_eq!(dcs.as_leader(&lease).set_config_value("[2]", Some(1)).await.unwrap(), 2);
    assert_eq!(lost.count(), 1);
}

#[tokio::test]
async fn a_release_whose_answer_was_lost_ends_the_session() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    for lost_request in [false, true] {
        let dcs = behind(&proxy, "a").await;
        let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
        let cluster = dcs.get_cluster().await.unwrap();
        let release = |request: &Request| request.op == OpCode::MULTI;
        let lost = if lost_request { proxy.lose_request(release) } else { proxy.lose_reply(release) };
        let start = Instant::now();
        assert!(dcs.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
        assert_eq!(lost.count(), 1);
        let cluster = dcs.get_cluster().await.unwrap();
        assert!(cluster.is_unlocked() && !cluster.has_member("a"), "all keys of the old session are gone");
        assert!(start.elapsed() < 10 * SECOND, "it was ended, and did not time out: {:?}", start.elapsed());
        assert_ne!(dcs.session().unwrap().session_id, lease.session_id());
        assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Written);
        dcs.close().await;
    }
}

/// A member whose session was replaced while no server could be reached: the old one lives on, with the lock.
async fn replaced_out_of_reach(proxy: &FaultProxy) -> (DcsZk, i64) {
    let dcs = behind(proxy, "a").await;
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = dcs.get_cluster().await.unwrap();
    proxy.refuse(true).await.unwrap();
    let lost = proxy.lose_request(|request| request.op == OpCode::MULTI);
    assert!(dcs.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert_eq!(lost.count(), 1);
    proxy.refuse(false).await.unwrap();
    let cluster = eventually(10 * SECOND, "a new session", async || dcs.get_cluster().await.ok()).await;
    assert_eq!(cluster.leader.as_ref().unwrap().session, lease.session_id(), "the old session has the lock");
    assert_ne!(dcs.session().unwrap().session_id, lease.session_id());
    (dcs, lease.session_id())
}

#[tokio::test]
async fn the_lock_of_an_earlier_session_of_this_process_is_taken_over_by_ending_that() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (dcs, old) = replaced_out_of_reach(&proxy).await;
    let cluster = dcs.cluster().unwrap();
    let lease = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    assert_eq!(lease.session_id(), dcs.session().unwrap().session_id);
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().session, lease.session_id());
    assert!(!cluster.has_member("a"), "the member key went with its session");
    assert!(ensemble.server_of_session(old).await.is_none(), "the old session is over");
    assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Written);
    assert!(lease.is_valid());
}

#[tokio::test]
async fn the_member_key_of_an_earlier_session_of_this_process_is_taken_over_by_ending_that() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (dcs, _) = replaced_out_of_reach(&proxy).await;
    assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Written);
    let cluster = dcs.get_cluster().await.unwrap();
    assert!(cluster.is_unlocked(), "the lock went with its session");
    assert_eq!(cluster.members[0].session, Some(dcs.session().unwrap().session_id));
}

#[tokio::test]
async fn an_earlier_session_that_cannot_be_ended_is_replaced_in_one_step() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (dcs, old) = replaced_out_of_reach(&proxy).await;
    let cluster = dcs.cluster().unwrap();
    // The connection that is there stays; no other can be had.
    proxy.refuse(true).await.unwrap();
    let lease = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    let only_the_lock = dcs.get_cluster().await.unwrap();
    assert_eq!(
        dcs.touch_member(&data("a")).await.unwrap(),
        Touched::Written,
        "tried once, and there was time for both"
    );
    proxy.refuse(false).await.unwrap();
    assert_eq!(lease.session_id(), dcs.session().unwrap().session_id);
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().session, lease.session_id());
    assert_eq!(only_the_lock.members[0].session, Some(old), "only the lock was replaced at first");
    assert_eq!(cluster.members[0].session, Some(lease.session_id()));
}

#[tokio::test]
async fn a_restarted_member_replaces_its_keys_in_the_order_of_the_ha_loop() {
    let ensemble = ensemble(1).await;
    let before = joined(&ensemble, "a").await;
    before.attempt_to_acquire_leader().await.unwrap().unwrap();
    let after = member(&ensemble, "a");
    let cluster = after.get_cluster().await.unwrap();
    assert_eq!(after.touch_member(&data("a")).await.unwrap(), Touched::Written);
    // The member key of the session that holds the lock is gone by now.
    let lease = after.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    let cluster = after.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().session, lease.session_id());
    assert_eq!(cluster.members[0].session, Some(lease.session_id()));
}

#[tokio::test]
async fn a_replacement_does_not_hit_a_lock_that_another_has_taken_meanwhile() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let before = joined(&ensemble, "a").await;
    let b = joined(&ensemble, "b").await;
    let lock = before.attempt_to_acquire_leader().await.unwrap().unwrap();
    let after = Arc::new(behind_as_later_life(&proxy).await);
    let cluster = after.get_cluster().await.unwrap();
    let held = proxy.hold_request(|request| request.op == OpCode::MULTI && request.mentions("/leader"));
    let replacing = tokio::spawn({
        let after = Arc::clone(&after);
        async move { after.update_leader(&cluster, LeaderUpdate::default()).await }
    });
    held.happened().await;
    by_hand(&ensemble).delete(&after.config().paths().leader(), None).await.unwrap();
    let others = b.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!(lock.version(), others.version(), "a check of the version would not tell them apart");
    proxy.black_hole(Direction::ToServer, false);
    let refused = replacing.await.unwrap().unwrap_err();
    assert!(matches!(&refused, DcsError::NotOwner { holder, .. } if holder.contains('b')), "{refused}");
    let cluster = b.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().session, others.session_id());
}

/// A member named `a` that has not joined.
async fn behind_as_later_life(proxy: &FaultProxy) -> DcsZk {
    let dcs = member_at(&proxy.address().to_string(), "a");
    dcs.get_cluster().await.unwrap();
    dcs
}

/// The lock as an earlier life of `name` has left it: with its name, in a session of its own.
async fn lock_of_an_earlier_life(ensemble: &Ensemble, name: &str) -> Client {
    let earlier = by_hand(ensemble);
    let path = "/service/demo/leader";
    earlier.create_with_parents(path, name.to_owned(), CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    earlier
}

#[tokio::test]
async fn a_lock_that_another_has_taken_is_not_deleted_where_patroni_deletes_it() {
    let ensemble = ensemble(1).await;
    let b = joined(&ensemble, "b").await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "a", json!({})).await;
    let rust = member(&ensemble, "a");
    for is_patroni in [true, false] {
        let earlier = lock_of_an_earlier_life(&ensemble, "a").await;
        patroni.call("get_cluster", json!([])).await;
        let cluster = rust.get_cluster().await.unwrap();
        assert_eq!(cluster.leader_name(), Some("a"));
        // What was loaded is out of date.
        earlier.close().await;
        b.attempt_to_acquire_leader().await.unwrap().unwrap();
        if is_patroni {
            // The original behaviour, for comparison.
            assert_eq!(patroni.call("update_leader_as_loaded", json!([1])).await, json!(true));
            assert_eq!(b.get_cluster().await.unwrap().leader_name(), Some("a"), "b's lock was deleted");
            patroni.call("delete_leader", json!([])).await;
        } else {
            let refused = rust.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
            assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
            assert_eq!(b.get_cluster().await.unwrap().leader_name(), Some("b"));
        }
        eventually(10 * SECOND, "the end of Patroni's session", async || {
            (b.get_cluster().await.unwrap().leader_name() != Some("a")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_member_of_patroni_with_our_name_and_we_take_the_key_from_each_other() {
    let ensemble = ensemble(1).await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "node", json!({})).await;
    let dcs = member(&ensemble, "node");
    for round in 0..3 {
        patroni.call("get_cluster", json!([])).await;
        let value = json!({"conn_url": "postgres://py", "api_url": "http://py", "round": round});
        assert_eq!(patroni.call("touch_member", json!([value])).await, json!(true));
        let theirs = patroni.call("session", json!([])).await;
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!(json!(cluster.members[0].session), theirs, "round {round}");
        assert_eq!(dcs.touch_member(&data("node")).await.unwrap(), Touched::Written);
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!(cluster.members[0].session, dcs.session().map(|session| session.session_id));
        assert_eq!(cluster.members[0].data, *data("node").as_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_key_that_changes_hands_is_never_absent() {
    let ensemble = ensemble(1).await;
    let lives = [joined(&ensemble, "a").await, member(&ensemble, "a")];
    let done = Arc::new(AtomicBool::new(false));
    let looking = tokio::spawn({
        let (hand, done) = (by_hand(&ensemble), Arc::clone(&done));
        async move {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                assert!(hand.exists("/service/demo/members/a").await.unwrap().is_some(), "look {looks}");
                looks += 1;
            }
            looks
        }
    });
    for round in 0..200 {
        let dcs = &lives[(round + 1) % 2];
        dcs.get_cluster().await.unwrap();
        assert_eq!(dcs.touch_member(&data("a")).await.unwrap(), Touched::Written);
    }
    done.store(true, Ordering::Relaxed);
    let looks = looking.await.unwrap();
    assert!(looks > 200, "{looks}");
}

#[tokio::test]
async fn the_lock_of_an_earlier_session_of_this_process_is_released_by_ending_that() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (dcs, _) = replaced_out_of_reach(&proxy).await;
    let cluster = dcs.cluster().unwrap();
    assert!(dcs.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert!(dcs.get_cluster().await.unwrap().is_unlocked());
}

#[tokio::test]
async fn a_fenced_write_that_may_be_made_is_not_told_as_refused_when_the_lease_ends() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    // A lease that ends before the operation does.
    let config = Config::new("demo", &proxy.address().to_string()).unwrap().with_name("a").unwrap();
    let timings = Timings::new(10 * SECOND, SECOND, 4 * SECOND).unwrap();
    let dcs = DcsZk::connect(config.with_timings(timings).with_lease_margin(8 * SECOND));
    join(&dcs, "a").await;
    let lease = eventually(5 * SECOND, "a lease", async || {
        dcs.attempt_to_acquire_leader().await.unwrap().filter(Lease::is_valid)
    })
    .await;
    dcs.set_config_value("[]", None).await.unwrap();
    proxy.refuse(true).await.unwrap();
    let lost = proxy.lose_reply(|request| request.op == OpCode::MULTI);
    let error = dcs.as_leader(&lease).set_config_value("{}", None).await.unwrap_err();
    assert_eq!(lost.count(), 1);
    assert!(matches!(error, DcsError::Unavailable { .. }), "{error}");
    assert!(!lease.is_valid());
    assert_eq!(by_hand(&ensemble).get_data("/service/demo/config").await.unwrap().0, "{}", "it was made");
}

#[tokio::test]
async fn a_fenced_write_that_may_be_made_is_not_told_as_refused_when_another_leads_by_then() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (a, b) = (Arc::new(behind(&proxy, "a").await), joined(&ensemble, "b").await);
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    a.set_config_value("[]", None).await.unwrap();
    proxy.refuse(true).await.unwrap();
    let lost = proxy.lose_reply(|request| request.op == OpCode::MULTI);
    let write = tokio::spawn({
        let (a, lease) = (Arc::clone(&a), lease.clone());
        async move { a.as_leader(&lease).set_config_value("{}", None).await }
    });
    lost.happened().await;
    let hand = by_hand(&ensemble);
    eventually(2 * SECOND, "the write", async || {
        (hand.get_data("/service/demo/config").await.unwrap().0 == "{}").then_some(())
    })
    .await;
    hand.delete("/service/demo/leader", None).await.unwrap();
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    proxy.refuse(false).await.unwrap();
    let error = write.await.unwrap().unwrap_err();
    assert!(matches!(error, DcsError::Unavailable { .. }), "it was made: {error}");
    assert!(!lease.is_valid(), "the lease is over all the same");
}

/// Writes that have begun in a session which is replaced before they are answered.
#[tokio::test]
async fn what_has_begun_in_a_session_that_is_replaced_goes_on_in_the_next() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let a = Arc::new(behind(&proxy, "a").await);
    // No connection, and none to be had: calls wait.
    proxy.refuse(true).await.unwrap();
    proxy.reset();
    eventually(5 * SECOND, "the end of the connection", async || {
        (a.session_status().state != State::Connected).then_some(())
    })
    .await;
    let config = tokio::spawn({
        let a = Arc::clone(&a);
        async move { a.set_config_value("{}", None).await }
    });
    let initialize = tokio::spawn({
        let a = Arc::clone(&a);
        async move { a.initialize("7").await }
    });
    let acquire = tokio::spawn({
        let a = Arc::clone(&a);
        async move { a.attempt_to_acquire_leader().await.map(|lease| lease.is_some()) }
    });
    tokio::task::yield_now().await;
    let replaced = a.set_ttl(10 * SECOND);
    let (replaced, ()) = tokio::join!(replaced, async { proxy.refuse(false).await.unwrap() });
    assert!(replaced.unwrap());
    assert_eq!(config.await.unwrap().unwrap(), 0);
    assert!(initialize.await.unwrap().unwrap());
    assert!(acquire.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_cancelled_initialization_whose_answer_was_lost_does_not_cancel_anothers() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let (a, b) = (Arc::new(behind(&proxy, "a").await), joined(&ensemble, "b").await);
    assert!(a.initialize("").await.unwrap());
    proxy.refuse(true).await.unwrap();
    let lost = proxy.lose_reply(|request| request.op == OpCode::DELETE);
    let cancel = tokio::spawn({
        let a = Arc::clone(&a);
        async move { a.cancel_initialization().await }
    });
    lost.happened().await;
    eventually(2 * SECOND, "b's turn", async || b.initialize("").await.unwrap().then_some(())).await;
    proxy.refuse(false).await.unwrap();
    cancel.await.unwrap().unwrap();
    assert!(b.get_cluster_synced().await.unwrap().initialize.is_some(), "b initializes");
}
