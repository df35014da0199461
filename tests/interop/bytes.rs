//! The same given to both: the znodes are compared, and what each side reads in each.

use dcs_model::{
    HistoryLine, ScheduledAt, StatusField, TimelineHistory,
    json::{Object, Value as PyValue},
};
use dcs_zk::{DcsZk, Failsafe, LeaderUpdate, MemberData, StatusUpdate, Touched};
use integration_tests::patroni::Patroni;
use serde_json::json;
use zk_session::{Acl, Client, CreateMode};

use crate::{
    ensemble, member_of,
    seen::{describe, tree},
};

/// What is written. Objects are texts, to keep the order of their keys.
struct Given {
    initialize: &'static str,
    config: &'static str,
    member: &'static str,
    /// The member again, changed: `touch_member` sets what it has created.
    member_again: &'static str,
    slots: &'static str,
    failsafe: &'static str,
    sync: (Option<&'static str>, &'static [&'static str], Option<i64>),
    failover: (Option<&'static str>, Option<&'static str>, Option<&'static str>),
    history: &'static str,
    retain_slots: &'static [&'static str],
}

const GIVEN: [Given; 3] = [
    Given {
        initialize: "7012345678901234567",
        config: r#"{"ttl":30,"loop_wait":10,"postgresql":{"parameters":{"max_connections":100}},"synchronous_mode":true}"#,
        member: r#"{"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni","state":"running","role":"primary","version":"4.1.5","xlog_location":67109432,"timeline":3}"#,
        member_again: r#"{"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni","state":"running","role":"primary","version":"4.1.5","xlog_location":67109999,"timeline":3,"pause":true}"#,
        slots: r#"{"slot_b":67109432,"slot_a":123}"#,
        failsafe: r#"{"py":"http://10.0.0.2:8008/patroni","node":"http://10.0.0.1:8008/patroni"}"#,
        sync: (Some("node"), &["zz", "aa"], Some(1)),
        failover: (Some("node"), Some("py"), Some("2026-12-24T18:00:00.5+01:00")),
        history: r#"[[1,67108864,"no recovery target specified"],[2,67109000,"no recovery target specified","2026-01-02T03:04:05.678901+00:00","node"]]"#,
        retain_slots: &["old_member", "z"],
    },
    // What is not ASCII, what is nested, and numbers of every kind.
    Given {
        initialize: "",
        config: r#"{"größe": [1, 2.50, null, true], "leer": {}, "𝄞": "\u00e9"}"#,
        member: r#"{"conn_url":"postgres://[::1]:5432/post gres?sslmode=require","api_url":"https://h\"\\/é𝄞","state":"starting","role":"replica","version":"4.1.5","tags":{"nofailover":true,"failover_priority":0,"größe":"ü\u0000\u007f","replicatefrom":null},"pending_restart":true,"pending_restart_reason":{"max_connections":{"old_value":"100","new_value":"200"}},"big":123456789012345678901234567890,"small":-0.0,"list":[[],{}]}"#,
        member_again: r#"{"conn_url":"postgres://[::1]","api_url":"https://h","float":1.0,"exponent":1e22,"tiny":1e-7}"#,
        slots: r#"{"ü":-1,"slot":9223372036854775807}"#,
        failsafe: r#"{"ü":"http://é/"}"#,
        sync: (Some("ü"), &[], Some(0)),
        failover: (None, Some("ü"), None),
        history: r#"[[9, 9223372036854775807, "größer \"als\"\n/", "2026-01-02T03:04:05+00:00"]]"#,
        retain_slots: &["ü"],
    },
    // A member that is older than 2.1.0: `optime/leader` is written for it. And everything that can be empty.
    Given {
        initialize: "1",
        config: "{}",
        member: r#"{"conn_url":"","api_url":"","version":"2.0.2"}"#,
        member_again: r#"{"conn_url":"","api_url":"","version":"2.0.2","state":"stopped"}"#,
        slots: "{}",
        failsafe: "{}",
        sync: (None, &[], None),
        failover: (None, None, None),
        history: "[]",
        retain_slots: &[],
    },
];

fn object(text: &str) -> Object {
    match PyValue::parse(text) {
        Ok(PyValue::Object(object)) => object,
        other => panic!("{text}: {other:?}"),
    }
}

async fn written_by_patroni(patroni: &mut Patroni, given: &Given) {
    let done = json!(true);
    patroni.call("get_cluster", json!([])).await;
    assert_eq!(patroni.call("initialize", json!([true])).await, done);
    // Not a flag but the znode's new facts: it is asked for by name, as `bootstrap` does.
    patroni.call("initialize", json!([false, given.initialize])).await;
    assert_eq!(patroni.call("set_config_value", json!([given.config])).await, done);
    for member in [given.member, given.member_again] {
        assert_eq!(patroni.call_with_text("touch_member", &format!("[{member}]")).await, done);
        patroni.call("get_cluster", json!([])).await;
    }
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, done);
    let update = format!("[67109432,{},{}]", given.slots, given.failsafe);
    assert_eq!(patroni.call_with_text("update_leader", &update).await, done);
    let retain = json!(given.retain_slots);
    let status = format!(r#"[{{"optime":67109500,"slots":{},"retain_slots":{retain}}}]"#, given.slots);
    patroni.call_with_text("write_status", &status).await;
    let (leader, standbys, quorum) = given.sync;
    assert_eq!(patroni.call("write_sync_state", json!([leader, standbys, quorum])).await, done);
    let (leader, candidate, at) = given.failover;
    assert_eq!(patroni.call("manual_failover", json!([leader, candidate, at])).await, done);
    let history = format!("[{}]", given.history);
    assert_eq!(patroni.call_with_text("set_history_lines", &history).await, done);
}

async fn written_here(dcs: &DcsZk, given: &Given) {
    dcs.get_cluster().await.unwrap();
    assert!(dcs.initialize("").await.unwrap());
    dcs.set_initialize_value(given.initialize).await.unwrap();
    dcs.set_config_value(given.config, None).await.unwrap();
    for member in [given.member, given.member_again] {
        assert_eq!(dcs.touch_member(&MemberData::from(object(member))).await.unwrap(), Touched::Written);
        dcs.get_cluster().await.unwrap();
    }
    dcs.attempt_to_acquire_leader().await.unwrap().expect("the lock is free");
    let cluster = dcs.get_cluster().await.unwrap();
    let update = LeaderUpdate {
        last_lsn: Some(67_109_432),
        slots: Some(object(given.slots)),
        retain_slots: None,
        failsafe: Some(Failsafe(object(given.failsafe))),
    };
    dcs.update_leader(&cluster, update).await.unwrap();
    let status = StatusUpdate {
        optime: 67_109_500,
        slots: StatusField::Set(object(given.slots)),
        retain_slots: StatusField::Set(given.retain_slots.iter().map(|slot| (*slot).to_owned()).collect()),
    };
    assert!(dcs.write_status(status).await.unwrap());
    let (leader, standbys, quorum) = given.sync;
    dcs.write_sync_state(leader, standbys, quorum, None).await.unwrap();
    let (leader, candidate, at) = given.failover;
    let at = at.map(|at| ScheduledAt::parse(at).unwrap());
    dcs.manual_failover(leader, candidate, at, None).await.unwrap();
    let lines = PyValue::parse(given.history).unwrap();
    let lines: Vec<HistoryLine> =
        lines.as_array().unwrap().iter().map(|line| HistoryLine::from_value(line).unwrap()).collect();
    assert!(dcs.set_history_value(&TimelineHistory::encode(&lines)).await.unwrap());
}

#[tokio::test]
async fn both_write_the_same_bytes_and_read_the_same_from_them() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let hand = Client::builder(&hosts).unwrap().build();
    for (number, given) in GIVEN.iter().enumerate() {
        let (theirs, ours) = (format!("py{number}"), format!("rs{number}"));
        let mut patroni = Patroni::start(&hosts, &theirs, "node", json!({})).await;
        let dcs = member_of(&ensemble, &ours, "node");
        written_by_patroni(&mut patroni, given).await;
        written_here(&dcs, given).await;

        let written = tree(&hand, &format!("/service/{theirs}")).await;
        assert_eq!(tree(&hand, &format!("/service/{ours}")).await, written, "{number}");
        let mut keys = vec![
            "",
            "/config",
            "/failover",
            "/failsafe",
            "/history",
            "/initialize",
            "/leader",
            "/members",
            "/members/node",
            "/status",
            "/sync",
        ];
        if given.member.contains("2.0.2") {
            keys.extend(["/optime", "/optime/leader"]);
        }
        keys.sort_unstable();
        assert_eq!(written.keys().collect::<Vec<_>>(), keys, "nothing was left out");

        // Each reads both.
        let mut guest = Patroni::start(&hosts, &ours, "guest", json!({})).await;
        let host = member_of(&ensemble, &theirs, "guest");
        let seen = describe(&host.get_cluster().await.unwrap());
        assert_eq!(seen, patroni.call("get_cluster", json!([])).await, "{number}: written by Patroni");
        let seen = describe(&dcs.get_cluster().await.unwrap());
        assert_eq!(seen, guest.call("get_cluster", json!([])).await, "{number}: written here");
        dcs.close().await;
    }
}

#[tokio::test]
async fn positions_of_old_leaders_are_read_by_both() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let hand = Client::builder(&hosts).unwrap().build();
    // Patroni writes it for an old member, beside `status`; a leader before 2.1.0 wrote nothing else.
    let mut patroni = Patroni::start(&hosts, "demo", "py", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    let old = r#"[{"conn_url":"postgres://a","api_url":"http://a","version":"2.0.2"}]"#;
    patroni.call_with_text("touch_member", old).await;
    patroni.call("get_cluster", json!([])).await;
    patroni.call("write_leader_optime", json!([67_109_432])).await;
    assert_eq!(hand.get_data("/service/demo/optime/leader").await.unwrap().0, "67109432");
    hand.delete("/service/demo/status", None).await.unwrap();
    let dcs = member_of(&ensemble, "demo", "rs");
    assert_eq!(dcs.get_cluster().await.unwrap().last_lsn(), 67_109_432);
    assert_eq!(patroni.call("get_cluster", json!([])).await["last_lsn"], json!(67_109_432));

    // As a bare number in `status`, too.
    let open = Acl::open();
    hand.create("/service/demo/status", "5", CreateMode::PERSISTENT, &open).await.unwrap();
    assert_eq!(dcs.get_cluster().await.unwrap().last_lsn(), 5);
    assert_eq!(patroni.call("get_cluster", json!([])).await["last_lsn"], json!(5));
}
