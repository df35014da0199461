//! One scope, two implementations: the real Patroni 4.1.5 and this workspace, on one real ensemble.
//!
//! Which test shows what, for each key. *Bytes* means: both are given the same, and the znodes that they make are compared
//! byte for byte, with their versions, ACLs and whether they are ephemeral.
//!
//! | key | bytes | written by Patroni, read here | written here, read by Patroni |
//! |---|---|---|---|
//! | `initialize` | `interop::both_write_the_same_bytes_and_read_the_same_from_them` | same, `interop::what_patroni_writes_is_read_here` | same, `keys::initialize_is_a_race_that_can_be_called_off` |
//! | `config` | same | same | same, `keys::version_zero_is_a_condition_where_patroni_takes_it_for_none` |
//! | `leader` | same | same, `interop::the_lock_goes_to_and_fro` | same, `interop::what_is_written_here_is_read_by_patroni_byte_for_byte` |
//! | `members/NAME` | same | same | same, `interop::what_is_written_here_is_read_by_patroni_byte_for_byte` |
//! | `sync` (with and without quorum) | same, `keys::sync_state_byte_for_byte` | same | same |
//! | `failover` (candidate, schedule) | same, `keys::failover_requests_byte_for_byte` | same | same |
//! | `history` | same | same | same, `keys::status_history_and_failsafe_are_written_when_they_change` |
//! | `status` (optime, slots, retained slots) | same | same | same, `keys::status_history_and_failsafe_are_written_when_they_change` |
//! | `optime/leader` (for members before 2.1.0) | same | `interop::positions_of_old_leaders_are_read_by_both` | same, `keys::old_members_find_the_leaders_position_where_they_look` |
//! | `failsafe` | `interop::both_write_the_same_bytes_and_read_the_same_from_them` | same, `interop::what_patroni_writes_is_read_here` | same, `keys::status_history_and_failsafe_are_written_when_they_change` |
//! | groups of Citus | `interop::groups_of_either_are_read_by_the_other` | same, `interop::citus_groups` | same |
//!
//! | what | test |
//! |---|---|
//! | the lock goes over 20 times each way while both contend for it, and never do both believe that they lead | `interop::twenty_handovers_each_way_and_never_two_leaders` |
//! | a killed leader is followed by the other, not before its lease has ended | `interop::when_our_leader_is_killed_patroni_leads`, `interop::when_patronis_leader_is_killed_we_lead` |
//! | one configuration with ACLs for both | `interop::x509_acls_from_one_configuration`, `interop::digest_acls_keep_strangers_out_and_neither_of_both`, `interop::patroni_takes_every_principal_for_x509` |
//! | two members with one name | `interop::a_live_python_twin_keeps_its_lock`, `interop::a_lock_taken_from_a_live_twin_is_not_fought_over`, `interop::a_python_member_with_our_name_is_replaced_as_patroni_would` |
//! | `patronictl` shows a cluster that only we wrote | `interop::patronictl_shows_what_we_wrote` |

#[path = "interop/acls.rs"]
mod acls;
#[path = "interop/bytes.rs"]
mod bytes;
#[path = "interop/citus.rs"]
mod citus;
#[path = "interop/handover.rs"]
mod handover;
#[path = "interop/patronictl.rs"]
mod patronictl;
#[path = "interop/seen.rs"]
mod seen;
#[path = "interop/twins.rs"]
mod twins;

use std::time::Duration;

use dcs_model::{SyncState, json::Value as PyValue};
use dcs_zk::{Config, DcsZk, LeaderUpdate, MemberData, Touched};
use integration_tests::{patroni::Patroni, wait::eventually};
use serde_json::{Value, json};
use zk_session::Client;
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

async fn ensemble() -> Ensemble {
    ensemble_of(1).await
}

async fn ensemble_of(servers: usize) -> Ensemble {
    Ensemble::builder().servers(servers).max_session_timeout(60 * SECOND).start().await.unwrap()
}

fn member_of(ensemble: &Ensemble, scope: &str, name: &str) -> DcsZk {
    DcsZk::connect(Config::new(scope, &ensemble.connect_string()).unwrap().with_name(name).unwrap())
}

fn rust_member(ensemble: &Ensemble, name: &str) -> DcsZk {
    member_of(ensemble, "demo", name)
}

fn member_data(name: &str) -> Value {
    json!({
        "conn_url": format!("postgres://{name}.example:5432/postgres"),
        "api_url": format!("http://{name}.example:8008/patroni"),
        "state": "running", "role": "replica", "version": "4.1.5", "xlog_location": 67_109_432, "timeline": 3,
        "tags": {"nofailover": true, "größe": "ü"},
    })
}

/// The same value as a member of this workspace writes it.
fn rust_data(value: &Value) -> MemberData {
    let mut data = MemberData::new(value["conn_url"].as_str().unwrap(), value["api_url"].as_str().unwrap());
    for (key, value) in value.as_object().unwrap().iter().filter(|(key, _)| !key.ends_with("_url")) {
        data = data.set(key, PyValue::parse(&value.to_string()).unwrap());
    }
    data
}

#[tokio::test]
async fn what_patroni_writes_is_read_here() {
    let ensemble = ensemble().await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "py", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    assert_eq!(patroni.call("initialize", json!([true, "7012345678901234567"])).await, json!(true));
    assert_eq!(patroni.call("touch_member", json!([member_data("py")])).await, json!(true));
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let failsafe = json!({"py": "http://py.example:8008/patroni"});
    let updated = patroni
        .call("update_leader", json!([67_109_432, {"slot_a": 123, "slot_b": 67_109_000}, failsafe]))
        .await;
    assert_eq!(updated, json!(true));
    assert_eq!(
        patroni.call("set_config_value", json!([r#"{"ttl":30,"synchronous_mode":true}"#])).await,
        json!(true)
    );
    assert_eq!(patroni.call("write_sync_state", json!(["py", ["zz", "aa"], 1])).await, json!(true));
    let history = r#"[[1,67108864,"no recovery target specified","2026-01-02T03:04:05.678901+00:00","py"]]"#;
    assert_eq!(patroni.call("set_history_value", json!([history])).await, json!(true));
    assert_eq!(patroni.call("manual_failover", json!(["py", "rs"])).await, json!(true));

    let theirs = patroni.call("get_cluster", json!([])).await;
    let dcs = rust_member(&ensemble, "rs");
    let ours = dcs.get_cluster().await.unwrap();
    assert_eq!(json!(ours.initialize), theirs["initialize"]);
    let leader = ours.leader.as_ref().unwrap();
    assert_eq!(
        json!({"name": leader.name(), "session": leader.session, "version": leader.version}),
        theirs["leader"]
    );
    let members: Value = ours
        .members
        .iter()
        .map(|member| (member.name.clone(), json!({"session": member.session, "data": member.data})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(members, theirs["members"]);
    assert_eq!(json!(ours.last_lsn()), theirs["last_lsn"]);
    assert_eq!(json!(ours.status.slots), theirs["slots"]);
    let SyncState { leader, sync_standby, quorum, version } = &ours.sync;
    assert_eq!(
        json!({"leader": leader, "sync_standby": sync_standby, "quorum": quorum, "version": version}),
        theirs["sync"]
    );
    let failover = ours.failover.as_ref().unwrap();
    assert_eq!(json!(failover.leader), theirs["failover"]["leader"]);
    assert_eq!(json!(failover.candidate), theirs["failover"]["candidate"]);
    assert_eq!(json!(ours.timeline()), theirs["timeline"]);
    assert_eq!(json!(ours.config.as_ref().unwrap().data), theirs["config"]);
    assert_eq!(json!(ours.failsafe), theirs["failsafe"]);
}

#[tokio::test]
async fn what_is_written_here_is_read_by_patroni_byte_for_byte() {
    let ensemble = ensemble().await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "py", json!({})).await;
    let dcs = rust_member(&ensemble, "rs");
    dcs.get_cluster().await.unwrap();
    patroni.call("get_cluster", json!([])).await;
    // The same data by both, under their own names: the bytes must agree.
    let value = member_data("same");
    let data = rust_data(&value);
    patroni.call_with_text("touch_member", &format!("[{}]", data.to_json())).await;
    dcs.touch_member(&data).await.unwrap();
    let hand = Client::builder(&ensemble.connect_string()).unwrap().build();
    let theirs = hand.get_data("/service/demo/members/py").await.unwrap().0;
    let ours = hand.get_data("/service/demo/members/rs").await.unwrap().0;
    assert_eq!(ours, theirs);
    assert!(theirs.is_ascii(), "both escape what is not ASCII");

    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = dcs.get_cluster().await.unwrap();
    let update = LeaderUpdate { last_lsn: Some(67_109_432), ..LeaderUpdate::default() };
    dcs.update_leader(&cluster, update).await.unwrap();
    let seen = patroni.call("get_cluster", json!([])).await;
    assert_eq!(seen["leader"]["name"], json!("rs"));
    assert_eq!(seen["leader"]["session"], json!(lease.session_id()));
    assert_eq!(seen["members"]["rs"]["data"], value);
    assert_eq!(seen["last_lsn"], json!(67_109_432));
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(false));
}

#[tokio::test]
async fn the_lock_goes_to_and_fro() {
    let ensemble = ensemble().await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "py", json!({})).await;
    let dcs = rust_member(&ensemble, "rs");
    for round in 0..3 {
        let lease = dcs.attempt_to_acquire_leader().await.unwrap().expect("the lock is free");
        assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(false), "round {round}");
        let cluster = dcs.get_cluster().await.unwrap();
        assert!(dcs.delete_leader(cluster.leader.as_ref(), Some(round + 1)).await.unwrap());

        assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true), "round {round}");
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!((cluster.leader_name(), cluster.last_lsn()), (Some("py"), round + 1));
        assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none());
        assert!(cluster.leader.as_ref().unwrap().session != lease.session_id());
        // Patroni gives it up by restarting its session.
        assert_eq!(patroni.call("delete_leader", json!([])).await, json!(true));
        eventually(10 * SECOND, "Patroni's session to end", async || {
            dcs.get_cluster().await.unwrap().is_unlocked().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_python_member_with_our_name_is_replaced_as_patroni_would() {
    let ensemble = ensemble().await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "node", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    patroni.call("touch_member", json!([member_data("node")])).await;
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    patroni.kill().await;
    let dcs = rust_member(&ensemble, "node");
    let cluster = dcs.get_cluster().await.unwrap();
    let lease = dcs.update_leader(&cluster, LeaderUpdate::default()).await.unwrap();
    assert_eq!(dcs.touch_member(&rust_data(&member_data("node"))).await.unwrap(), Touched::Written);
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().session, lease.session_id());
    assert_eq!(cluster.members[0].session, Some(lease.session_id()));
}

#[tokio::test]
async fn citus_groups() {
    let ensemble = ensemble().await;
    for group in [0, 1, 12] {
        let citus = json!({"citus": {"group": group, "database": "app"}});
        let mut patroni =
            Patroni::start(&ensemble.connect_string(), "demo", &format!("g{group}"), citus).await;
        patroni.call("get_cluster", json!([])).await;
        patroni.call("touch_member", json!([member_data("x")])).await;
        assert_eq!(patroni.call("initialize", json!([true, group.to_string()])).await, json!(true));
        assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
        if group == 12 {
            let dcs = DcsZk::connect(Config::new("demo", &ensemble.connect_string()).unwrap().with_group(0));
            let cluster = dcs.get_cluster().await.unwrap();
            assert_eq!(cluster.initialize.as_deref(), Some("0"));
            assert_eq!(cluster.workers.keys().copied().collect::<Vec<_>>(), [1, 12]);
            assert_eq!(cluster.workers[&12].leader_name(), Some("g12"));
            let coordinator = json!({"citus": {"group": 0, "database": "app"}});
            let mut coordinator =
                Patroni::start(&ensemble.connect_string(), "demo", "look", coordinator).await;
            let theirs = coordinator.call("get_cluster", json!([])).await;
            assert_eq!(theirs["workers"].as_object().unwrap().len(), 2);
            assert_eq!(theirs["workers"]["12"]["leader"]["name"], json!("g12"));
        }
    }
}
