//! What is stored, and what each side makes of it.

use std::collections::BTreeMap;

use dcs_zk::Cluster;
use serde_json::{Map, Value, json};
use zk_session::{Acl, Client};

/// A znode, without what depends on when it was made and by whom.
#[derive(Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) data: String,
    pub(crate) version: i32,
    pub(crate) ephemeral: bool,
    pub(crate) acl: Vec<Acl>,
}

/// All znodes below `base`, which is one of them, by their paths relative to it.
pub(crate) async fn tree(client: &Client, base: &str) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let mut left = vec![String::new()];
    while let Some(relative) = left.pop() {
        let path = format!("{base}{relative}");
        let (data, stat) = client.get_data(&path).await.unwrap();
        let data = String::from_utf8(data.to_vec()).unwrap();
        let acl = client.get_acl(&path).await.unwrap().0;
        let (version, ephemeral) = (stat.version, stat.ephemeral_owner != 0);
        left.extend(
            client.get_children(&path).await.unwrap().0.iter().map(|child| format!("{relative}/{child}")),
        );
        nodes.insert(relative, Node { data, version, ephemeral, acl });
    }
    nodes
}

/// The cluster in the words of `describe` in `patroni_dcs.py`.
pub(crate) fn describe(cluster: &Cluster) -> Value {
    let members: Map<String, Value> = cluster
        .members
        .iter()
        .map(|member| (member.name.clone(), json!({"session": member.session, "data": member.data})))
        .collect();
    let workers: Map<String, Value> =
        cluster.workers.iter().map(|(group, worker)| (group.to_string(), describe(worker))).collect();
    let sync = &cluster.sync;
    json!({
        "initialize": cluster.initialize,
        "leader": cluster.leader.as_ref().map(|leader| {
            json!({"name": leader.name(), "session": leader.session, "version": leader.version})
        }),
        "members": members,
        "last_lsn": cluster.status.last_lsn,
        "slots": cluster.status.slots,
        "retain_slots": cluster.status.retain_slots,
        "sync": {"leader": sync.leader, "sync_standby": sync.sync_standby, "quorum": sync.quorum,
            "version": sync.version},
        "failover": cluster.failover.as_ref().map(|failover| {
            json!({"version": failover.version, "leader": failover.leader, "candidate": failover.candidate,
                "scheduled_at": failover.scheduled_at.as_ref().map(ToString::to_string)})
        }),
        "history": cluster.history.as_ref().map(|history| &history.lines),
        "history_version": cluster.history.as_ref().map(|history| history.version),
        "timeline": cluster.timeline(),
        "config": cluster.config.as_ref().map(|config| &config.data),
        "config_versions": cluster.config.as_ref().map(|config| {
            json!([config.version, config.modify_version])
        }),
        "failsafe": cluster.failsafe,
        "workers": workers,
    })
}
