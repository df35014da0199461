//! Groups of a Citus cluster, written by either.

use dcs_zk::{Config, DcsZk};
use integration_tests::patroni::Patroni;
use serde_json::{Value, json};
use zk_session::{Acl, Client, CreateMode};

use crate::{
    ensemble, member_data, rust_data,
    seen::{describe, tree},
};

fn citus(group: u32) -> Value {
    json!({"citus": {"group": group, "database": "app"}})
}

fn name(group: u32) -> String {
    format!("g{group}")
}

async fn patroni_of(hosts: &str, scope: &str, group: u32) -> Patroni {
    let mut patroni = Patroni::start(hosts, scope, &name(group), citus(group)).await;
    patroni.call("get_cluster", json!([])).await;
    patroni
}

fn member_of(hosts: &str, scope: &str, group: u32) -> DcsZk {
    let config = Config::new(scope, hosts).unwrap().with_group(group).with_name(&name(group)).unwrap();
    DcsZk::connect(config)
}

async fn written_by_patroni(hosts: &str, scope: &str, group: u32) -> Patroni {
    let mut patroni = patroni_of(hosts, scope, group).await;
    assert_eq!(patroni.call("initialize", json!([true, group.to_string()])).await, json!(true));
    let data = rust_data(&member_data(&name(group))).to_json();
    assert_eq!(patroni.call_with_text("touch_member", &format!("[{data}]")).await, json!(true));
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    patroni
}

async fn written_here(hosts: &str, scope: &str, group: u32) -> DcsZk {
    let dcs = member_of(hosts, scope, group);
    dcs.get_cluster().await.unwrap();
    assert!(dcs.initialize(&group.to_string()).await.unwrap());
    dcs.touch_member(&rust_data(&member_data(&name(group)))).await.unwrap();
    dcs.attempt_to_acquire_leader().await.unwrap().expect("the lock is free");
    dcs
}

#[tokio::test]
async fn groups_of_either_are_read_by_the_other() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let hand = Client::builder(&hosts).unwrap().build();
    // In the one scope Patroni is the coordinator, in the other we are; in both there are workers of both.
    let _patronis = [
        written_by_patroni(&hosts, "theirs", 0).await,
        written_by_patroni(&hosts, "theirs", 12).await,
        written_by_patroni(&hosts, "ours", 1).await,
    ];
    let _members = [
        written_here(&hosts, "theirs", 1).await,
        written_here(&hosts, "ours", 0).await,
        written_here(&hosts, "ours", 12).await,
    ];
    let bytes = tree(&hand, "/service/theirs").await;
    assert_eq!(tree(&hand, "/service/ours").await, bytes);
    assert_eq!(bytes["/12/initialize"].data, "12");

    for scope in ["theirs", "ours"] {
        // What no group is called is none.
        for other in ["01", "x", "-1", "1x"] {
            let path = format!("/service/{scope}/{other}");
            hand.create(&path, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
        }
        let seen = patroni_of(&hosts, scope, 0).await.call("get_cluster", json!([])).await;
        let cluster = member_of(&hosts, scope, 0).get_cluster().await.unwrap();
        assert_eq!(describe(&cluster), seen, "{scope}");
        assert_eq!(cluster.leader_name(), Some("g0"));
        assert_eq!(cluster.workers.keys().copied().collect::<Vec<_>>(), [1, 12]);
        assert_eq!(cluster.workers[&12].leader_name(), Some("g12"));

        // A worker sees its own group, and finds the coordinator's.
        let mut theirs = patroni_of(&hosts, scope, 1).await;
        let ours = member_of(&hosts, scope, 1);
        let own = ours.get_cluster().await.unwrap();
        assert_eq!(describe(&own), theirs.call("get_cluster", json!([])).await, "{scope}");
        assert_eq!(own.leader_name(), Some("g1"));
        let coordinator = ours.get_mpp_coordinator().await.expect("there is one");
        assert_eq!(describe(&coordinator), theirs.call("get_mpp_coordinator", json!([])).await, "{scope}");
        assert_eq!(coordinator.leader_name(), Some("g0"));
    }
}
