//! `list` and `agent` beside the real Patroni, in one scope.

mod common;

use common::{Running, Server, dcsctl, json, succeed};
use integration_tests::patroni::Patroni;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn list_shows_what_patroni_wrote_and_patroni_sees_the_agent_lead() {
    let server = Server::start().await;
    let hosts = server.hosts();
    let mut patroni = Patroni::start(&hosts, "demo", "py", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    patroni.call("initialize", json!([true, "7012345678901234567"])).await;
    for _ in 0..2 {
        let member = json!({"conn_url": "postgres://py.example:5432/postgres", "api_url": "http://py.example:8008/patroni",
            "state": "running", "role": "primary", "version": "4.1.5", "xlog_location": 67_109_432, "timeline": 2});
        assert_eq!(patroni.call("touch_member", json!([member])).await, json!(true));
    }
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let failsafe = json!({"py": "http://py.example:8008/patroni"});
    patroni.call("update_leader", json!([67_109_432, {"slot": 123}, failsafe])).await;
    patroni.call("set_config_value", json!([r#"{"synchronous_mode":true}"#])).await;
    patroni.call("write_sync_state", json!(["py", ["other"], 0])).await;
    patroni.call("manual_failover", json!(["py", "other"])).await;
    let history = r#"[[1,67108864,"no recovery target specified","2026-01-02T03:04:05+00:00","py"]]"#;
    patroni.call("set_history_value", json!([history])).await;

    let theirs = patroni.call("get_cluster", json!([])).await;
    let list = dcsctl(&["list", "demo", "-d", &hosts, "--json"]);
    let ours = json(&succeed(list).await);
    assert_eq!(ours["members"], patroni.call("cluster_as_json", json!([])).await["members"]);
    assert_eq!(ours["initialize"], theirs["initialize"]);
    assert_eq!(ours["leader"]["member"]["name"], theirs["leader"]["name"], "{}", ours["leader"]);
    assert_eq!(ours["leader"]["session"], theirs["leader"]["session"]);
    for field in ["leader", "sync_standby", "quorum", "version"] {
        assert_eq!(ours["sync"][field], theirs["sync"][field], "{field}");
    }
    assert_eq!(ours["failover"]["candidate"], theirs["failover"]["candidate"]);
    assert_eq!(ours["status"]["last_lsn"], theirs["last_lsn"]);
    assert_eq!(ours["status"]["slots"], theirs["slots"]);
    assert_eq!(ours["history"]["lines"], theirs["history"]);
    assert_eq!(ours["failsafe"], theirs["failsafe"]);
    assert_eq!(ours["config"]["data"], theirs["config"]);

    // A Rust agent joins: Patroni sees a member, and when the lock is free, the leader.
    let mut arguments = vec!["agent", "--scope", "demo", "-d", &hosts, "--name", "rs", "--json"];
    arguments.extend(["--ttl", "4", "--loop-wait", "0.5", "--retry-timeout", "1.5"]);
    let agent = Running::start(dcsctl(&arguments));
    agent.event("follows");
    let seen = patroni.call("get_cluster", json!([])).await;
    assert!(seen["members"]["rs"]["session"].is_i64(), "{seen}");
    assert_eq!(seen["leader"]["name"], json!("py"));
    patroni.call("delete_leader", json!([])).await;
    agent.event("leads");
    let seen = patroni.call("get_cluster", json!([])).await;
    assert_eq!(seen["leader"]["name"], json!("rs"));
    assert_eq!(seen["leader"]["session"], seen["members"]["rs"]["session"]);
}
