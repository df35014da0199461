//! Every key but the leader's and the members', written here and read by the real Patroni, and the conditions of writing.

use std::time::Duration;

use dcs_model::{HistoryLine, ScheduledAt, StatusField, TimelineHistory, json::Object};
use dcs_zk::{Config, DcsError, DcsZk, ErrorKind, Failsafe, MemberData, StatusUpdate};
use integration_tests::patroni::Patroni;
use serde_json::json;
use zk_session::Client;
use zk_testkit::Ensemble;

struct Scope {
    ensemble: Ensemble,
    dcs: DcsZk,
    hand: Client,
}

async fn scope() -> Scope {
    let ensemble =
        Ensemble::builder().servers(1).max_session_timeout(Duration::from_secs(60)).start().await.unwrap();
    let hosts = ensemble.connect_string();
    let dcs = DcsZk::connect(Config::new("demo", &hosts).unwrap().with_name("rs").unwrap());
    let hand = Client::builder(&hosts).unwrap().build();
    dcs.get_cluster().await.unwrap();
    Scope { ensemble, dcs, hand }
}

impl Scope {
    async fn patroni(&self) -> Patroni {
        Patroni::start(&self.ensemble.connect_string(), "demo", "py", json!({})).await
    }

    async fn value(&self, key: &str) -> String {
        let (data, _) = self.hand.get_data(&format!("/service/demo/{key}")).await.unwrap();
        String::from_utf8(data.to_vec()).unwrap()
    }
}

fn kind<R: std::fmt::Debug>(result: Result<R, DcsError>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn initialize_is_a_race_that_can_be_called_off() {
    let scope = scope().await;
    let mut patroni = scope.patroni().await;
    assert!(scope.dcs.initialize("").await.unwrap());
    assert!(!scope.dcs.initialize("").await.unwrap());
    assert_eq!(patroni.call("initialize", json!([true])).await, json!(false));
    scope.dcs.cancel_initialization().await.unwrap();
    scope.dcs.cancel_initialization().await.unwrap();
    assert_eq!(kind(scope.dcs.set_initialize_value("1").await), ErrorKind::Conflict);
    assert_eq!(patroni.call("initialize", json!([true])).await, json!(true));
    assert!(!scope.dcs.initialize("7").await.unwrap());
    scope.dcs.set_initialize_value("7012345678901234567").await.unwrap();
    assert_eq!(patroni.call("get_cluster", json!([])).await["initialize"], json!("7012345678901234567"));
}

#[tokio::test]
async fn version_zero_is_a_condition_where_patroni_takes_it_for_none() {
    let scope = scope().await;
    let dcs = &scope.dcs;
    assert_eq!(dcs.set_config_value(r#"{"ttl":30}"#, None).await.unwrap(), 0);
    assert_eq!(dcs.set_config_value(r#"{"ttl":31}"#, Some(0)).await.unwrap(), 1);
    assert_eq!(kind(dcs.set_config_value(r#"{"ttl":32}"#, Some(0)).await), ErrorKind::Conflict);
    assert_eq!(scope.value("config").await, r#"{"ttl":31}"#);
    // The original behaviour, for comparison: the same call overwrites.
    let mut patroni = scope.patroni().await;
    assert_eq!(patroni.call("set_config_value", json!([r#"{"ttl":33}"#, 0])).await, json!(true));
    assert_eq!(scope.value("config").await, r#"{"ttl":33}"#);
    // A condition on a key that is missing creates nothing.
    assert_eq!(kind(dcs.set_failover_value("{}", Some(0)).await), ErrorKind::Conflict);
    assert_eq!(dcs.get_cluster().await.unwrap().failover, None);
}

#[tokio::test]
async fn two_writers_that_hold_the_same_version_exactly_one_wins() {
    let scope = scope().await;
    let version = scope.dcs.set_sync_state_value("{}", None).await.unwrap();
    assert_eq!(version, Some(0));
    let other = DcsZk::connect(Config::new("demo", &scope.ensemble.connect_string()).unwrap());
    let (one, two) = tokio::join!(
        scope.dcs.write_sync_state(Some("a"), &["b"], None, version),
        other.write_sync_state(Some("b"), &["a"], None, version),
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
}

#[tokio::test]
async fn sync_state_byte_for_byte() {
    let scope = scope().await;
    let mut patroni = scope.patroni().await;
    assert_eq!(
        scope.dcs.set_sync_state_value("", None).await.unwrap(),
        None,
        "nothing is created for nothing"
    );
    for (leader, standbys, quorum) in
        [("rs", vec!["zz", "aa"], Some(1)), ("rs", vec![], None), ("ü", vec!["a"], Some(0))]
    {
        let state = scope.dcs.write_sync_state(Some(leader), &standbys, quorum, None).await.unwrap();
        let ours = scope.value("sync").await;
        assert_eq!(scope.dcs.get_cluster().await.unwrap().sync, state, "what is returned is what is stored");
        assert_eq!(patroni.call("write_sync_state", json!([leader, standbys, quorum])).await, json!(true));
        assert_eq!(ours, scope.value("sync").await);
    }
    scope.dcs.delete_sync_state(None).await.unwrap();
    assert_eq!(scope.value("sync").await, "{}");
}

#[tokio::test]
async fn failover_requests_byte_for_byte() {
    let scope = scope().await;
    let mut patroni = scope.patroni().await;
    for (leader, candidate) in
        [(Some("rs"), Some("py")), (Some("rs"), None), (None, Some("py")), (None, None)]
    {
        scope.dcs.manual_failover(leader, candidate, None, None).await.unwrap();
        let ours = scope.value("failover").await;
        assert_eq!(patroni.call("manual_failover", json!([leader, candidate])).await, json!(true));
        assert_eq!(ours, scope.value("failover").await);
    }
    let at = ScheduledAt::parse("2026-12-24T18:00:00.5+01:00").unwrap();
    scope.dcs.manual_failover(Some("rs"), None, Some(at), None).await.unwrap();
    let theirs = patroni.call("get_cluster", json!([])).await;
    assert_eq!(theirs["failover"]["scheduled_at"], json!("2026-12-24T18:00:00.500000+01:00"));
}

#[tokio::test]
async fn status_history_and_failsafe_are_written_when_they_change() {
    let scope = scope().await;
    let dcs = &scope.dcs;
    let mut patroni = scope.patroni().await;
    let slots: Object = [("slot", 5)].into_iter().collect();
    let update = StatusUpdate { slots: StatusField::Set(slots), ..StatusUpdate::optime(100) };
    assert!(dcs.write_status(update.clone()).await.unwrap());
    assert!(!dcs.write_status(update).await.unwrap());
    assert!(dcs.write_leader_optime(200).await.unwrap(), "what is left out is kept");
    assert_eq!(scope.value("status").await, r#"{"optime":200,"slots":{"slot":5}}"#);
    assert_eq!(patroni.call("get_cluster", json!([])).await["last_lsn"], json!(200));

    let line = HistoryLine {
        timeline: 1,
        lsn: 67_108_864,
        reason: "no recovery target specified".into(),
        timestamp: Some("2026-01-02T03:04:05.678901+00:00".into()),
        new_leader: Some("rs".into()),
    };
    let history = TimelineHistory::encode(&[line]);
    assert!(dcs.set_history_value(&history).await.unwrap());
    dcs.get_cluster().await.unwrap();
    assert!(!dcs.set_history_value(&history).await.unwrap());
    let theirs = patroni.call("get_cluster", json!([])).await;
    assert_eq!((&theirs["timeline"], &theirs["history"][0][4]), (&json!(2), &json!("rs")));

    let topology: Failsafe = [("rs".to_owned(), "http://rs:8008/patroni".to_owned())].into_iter().collect();
    assert!(dcs.write_failsafe(topology.clone()).await.unwrap());
    assert!(!dcs.write_failsafe(topology).await.unwrap());
    assert_eq!(
        patroni.call("get_cluster", json!([])).await["failsafe"],
        json!({"rs": "http://rs:8008/patroni"})
    );
}

#[tokio::test]
async fn old_members_find_the_leaders_position_where_they_look() {
    let scope = scope().await;
    scope.dcs.write_leader_optime(1).await.unwrap();
    assert!(scope.hand.exists("/service/demo/optime").await.unwrap().is_none());
    scope.dcs.touch_member(&MemberData::new("postgres://a", "http://a").version("2.0.2")).await.unwrap();
    scope.dcs.get_cluster().await.unwrap();
    scope.dcs.write_leader_optime(300).await.unwrap();
    assert_eq!(scope.value("optime/leader").await, "300");
}

#[tokio::test]
async fn deleting_the_cluster_leaves_nothing_and_can_be_repeated() {
    let scope = scope().await;
    scope.dcs.initialize("1").await.unwrap();
    scope.dcs.touch_member(&MemberData::new("postgres://a", "http://a")).await.unwrap();
    scope.dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    scope.dcs.delete_cluster().await.unwrap();
    scope.dcs.delete_cluster().await.unwrap();
    assert_eq!(scope.dcs.scope_children().await.unwrap(), None);
    assert!(scope.dcs.get_cluster().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_coordinator_alone() {
    let scope = scope().await;
    let hosts = scope.ensemble.connect_string();
    let coordinator =
        DcsZk::connect(Config::new("citus", &hosts).unwrap().with_group(0).with_name("c").unwrap());
    let worker = DcsZk::connect(Config::new("citus", &hosts).unwrap().with_group(1).with_name("w").unwrap());
    assert!(worker.get_mpp_coordinator().await.unwrap().is_empty(), "no coordinator yet");
    coordinator.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert_eq!(worker.get_mpp_coordinator().await.unwrap().leader_name(), Some("c"));
    assert!(worker.get_cluster().await.unwrap().is_unlocked(), "a worker's own cluster is its group");
}
