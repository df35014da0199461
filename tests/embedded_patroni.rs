//! The real Patroni 4.1.5's ZooKeeper backend, and this workspace's beside it, on the embedded server.

use std::time::Duration;

use dcs_zk::{Config, DcsZk};
use integration_tests::{patroni::Patroni, wait::eventually};
use serde_json::{Value, json};
use zk_embedded::{Fault, Match, OpCode, Server};

const SECOND: Duration = Duration::from_secs(1);

async fn server() -> Server {
    // Short ticks, so that sessions end soon after their timeout.
    let settings = Server::builder().tick(Duration::from_millis(100)).max_session_timeout(60 * SECOND);
    settings.start().await.unwrap()
}

async fn member(server: &Server, name: &str, ttl: u64) -> Patroni {
    let extra = json!({"ttl": ttl, "loop_wait": 1, "retry_timeout": 3});
    let mut patroni = Patroni::start(&server.connect_string(), "demo", name, extra).await;
    patroni.call("get_cluster", json!([])).await;
    let data = json!({"conn_url": format!("postgres://{name}:5432/postgres"), "api_url": "http://x:8008/patroni",
        "state": "running", "role": "replica", "xlog_location": 1, "timeline": 1});
    assert_eq!(patroni.call("touch_member", json!([data])).await, json!(true));
    patroni
}

async fn leader(patroni: &mut Patroni) -> Value {
    patroni.call("get_cluster", json!([])).await["leader"]["name"].clone()
}

#[tokio::test]
async fn patroni_keeps_a_cluster_in_it() {
    let server = server().await;
    let mut one = member(&server, "one", 30).await;
    assert_eq!(one.call("initialize", json!([true, "7012345678901234567"])).await, json!(true));
    assert_eq!(one.call("initialize", json!([true, "1"])).await, json!(false), "there is one already");
    assert_eq!(one.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let mut two = member(&server, "two", 30).await;
    assert_eq!(two.call("attempt_to_acquire_leader", json!([])).await, json!(false));
    let failsafe = json!({"one": "http://one:8008/patroni"});
    assert_eq!(one.call("update_leader", json!([4_711, {"slot": 12}, failsafe])).await, json!(true));
    assert_eq!(one.call("set_config_value", json!([r#"{"ttl":30}"#])).await, json!(true));
    assert_eq!(one.call("write_sync_state", json!(["one", ["two"], 0])).await, json!(true));
    assert_eq!(two.call("manual_failover", json!(["one", "two"])).await, json!(true));
    let seen = two.call("get_cluster", json!([])).await;
    assert_eq!(seen["leader"]["name"], json!("one"));
    assert_eq!((&seen["last_lsn"], &seen["slots"]["slot"]), (&json!(4_711), &json!(12)));
    assert_eq!((&seen["config"], &seen["failover"]["candidate"]), (&json!({"ttl": 30}), &json!("two")));
    assert_eq!((&seen["sync"]["leader"], &seen["failsafe"]), (&json!("one"), &failsafe));
    assert_eq!(seen["members"].as_object().unwrap().len(), 2);
    // The workspace's own backend sees the same.
    let ours = DcsZk::connect(Config::new("demo", &server.connect_string()).unwrap());
    let cluster = ours.get_cluster().await.unwrap();
    assert_eq!(cluster.leader.as_ref().unwrap().name(), "one");
    assert_eq!(cluster.last_lsn(), 4_711);

    one.call("delete_leader", json!([4_712])).await;
    assert_eq!(leader(&mut two).await, Value::Null);
    assert_eq!(two.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    assert_eq!(leader(&mut one).await, json!("two"));
}

#[tokio::test]
async fn a_leader_that_dies_loses_its_key_with_its_session() {
    let server = server().await;
    let mut one = member(&server, "one", 3).await;
    let mut two = member(&server, "two", 3).await;
    assert_eq!(one.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    assert_eq!(leader(&mut two).await, json!("one"));
    one.kill().await;
    let started = std::time::Instant::now();
    while leader(&mut two).await != Value::Null {
        assert!(started.elapsed() < 20 * SECOND);
    }
    assert!(started.elapsed() > SECOND, "not before the session's time is over: {:?}", started.elapsed());
    assert_eq!(two.call("attempt_to_acquire_leader", json!([])).await, json!(true));
}

#[tokio::test]
async fn patroni_lives_through_what_the_server_does_to_it() {
    let server = server().await;
    let mut one = member(&server, "one", 10).await;
    assert_eq!(one.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let session = one.call("session", json!([])).await.as_i64().unwrap();
    // A connection that is lost, with a write whose fate is not known: kazoo tries again in the same session.
    let fault = server.faults().next(Match::any().op(OpCode::SET_DATA), Fault::LoseReply);
    assert_eq!(one.call("update_leader", json!([5, null, null])).await, json!(true));
    assert_eq!(server.faults().hits(fault), 1);
    // kazoo tells it only while it is connected.
    let started = std::time::Instant::now();
    let mut after = Value::Null;
    while after.is_null() {
        after = one.call("session", json!([])).await;
        assert!(started.elapsed() < 20 * SECOND);
    }
    assert_eq!(after.as_i64(), Some(session));
    // A session that is over: Patroni notices, and can have the key again in the next one.
    assert!(server.faults().expire(session));
    eventually(20 * SECOND, "the next session", async || {
        server.sessions().iter().any(|known| known.session_id != session).then_some(())
    })
    .await;
    assert_eq!(leader(&mut one).await, Value::Null);
    assert_eq!(one.call("attempt_to_acquire_leader", json!([])).await, json!(true));
}
