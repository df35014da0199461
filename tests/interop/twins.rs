//! A member here and one of Patroni that were given the same name: a mistake of whoever configured them.
//!
//! What the contract makes of it, and these tests hold on to:
//!
//! * The **member key** goes to whoever touched it last. Each takes it over once in a round of its loop, with a warning, and
//!   not more often: neither tries again because of it.
//! * The **lock** stays with whose it is: to contend for it gives nothing, and to release it does nothing. Both go by the
//!   session, not by the name.
//! * But `update_leader` is a claim to be the leader of that name, and cannot tell an earlier life of this member from a twin
//!   that lives. As in Patroni it takes the lock over, but once in a session at most: Patroni takes it back in the same way,
//!   and from then on the answer is `NotOwner`. In between, for a round of Patroni's loop, both believe. A loop that renews
//!   only what its own session holds, as those of our examples and of `dcsctl agent` do, never comes to this.

use dcs_zk::{DcsError, LeaderUpdate, Touched};
use integration_tests::patroni::Patroni;
use serde_json::{Value, json};

use crate::{ensemble, member_data, member_of, rust_data};

async fn patroni_that_leads(hosts: &str, scope: &str) -> (Patroni, Value) {
    let mut patroni = Patroni::start(hosts, scope, "node", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    assert_eq!(patroni.call("touch_member", json!([member_data("node")])).await, json!(true));
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let session = patroni.call("session", json!([])).await;
    (patroni, session)
}

#[tokio::test]
async fn a_live_python_twin_keeps_its_lock() {
    let ensemble = ensemble().await;
    let (mut patroni, theirs) = patroni_that_leads(&ensemble.connect_string(), "demo").await;
    let dcs = member_of(&ensemble, "demo", "node");
    let data = rust_data(&member_data("node"));
    assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none());
    for round in 0..5 {
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!(json!(cluster.members[0].session), theirs, "round {round}: Patroni took its key back");
        assert_eq!(json!(cluster.leader.as_ref().unwrap().session), theirs);
        // One write a round: the same data again is none, as long as nobody else wrote.
        assert_eq!(dcs.touch_member(&data).await.unwrap(), Touched::Written, "round {round}");
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!(dcs.touch_member(&data).await.unwrap(), Touched::Unchanged, "round {round}");
        assert_eq!(cluster.members[0].session, dcs.session().map(|session| session.session_id));

        // The name is ours, the session is not.
        assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none(), "round {round}");
        assert!(!dcs.delete_leader(cluster.leader.as_ref(), Some(1)).await.unwrap(), "round {round}");

        let seen = patroni.call("get_cluster", json!([])).await;
        assert_eq!(seen["leader"]["session"], theirs, "round {round}");
        assert_eq!(patroni.call("update_leader", json!([100 + round])).await, json!(true));
        assert_eq!(patroni.call("touch_member", json!([member_data("node")])).await, json!(true));
        assert_eq!(patroni.call("session", json!([])).await, theirs, "no session was ended");
    }
    // With us gone everything is Patroni's, and its lock was never another's.
    dcs.close().await;
    let seen = patroni.call("get_cluster", json!([])).await;
    assert_eq!((&seen["leader"]["session"], &seen["leader"]["version"]), (&theirs, &json!(0)));
    assert_eq!(seen["members"]["node"]["session"], theirs);
}

#[tokio::test]
async fn a_lock_taken_from_a_live_twin_is_not_fought_over() {
    let ensemble = ensemble().await;
    for scope in ["renews-first", "touches-first"] {
        let (mut patroni, theirs) = patroni_that_leads(&ensemble.connect_string(), scope).await;
        let dcs = member_of(&ensemble, scope, "node");
        // It looks as if we had led and were started again.
        let cluster = dcs.get_cluster().await.unwrap();
        if scope == "touches-first" {
            dcs.touch_member(&rust_data(&member_data("node"))).await.unwrap();
        }
        let lease = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
        assert!(lease.is_valid() && json!(lease.session_id()) != theirs);
        // Patroni takes it back without asking.
        assert_eq!(patroni.call("update_leader", json!([1])).await, json!(true));
        for round in 0..3 {
            let cluster = dcs.get_cluster().await.unwrap();
            assert_eq!(json!(cluster.leader.as_ref().unwrap().session), theirs, "{scope}, round {round}");
            let refused = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap_err();
            assert!(matches!(refused, DcsError::NotOwner { .. }), "{refused}");
            assert!(!lease.is_valid(), "we have been told");
            assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none(), "{scope}, round {round}");
            assert_eq!(patroni.call("update_leader", json!([2 + round])).await, json!(true));
        }
    }
}
