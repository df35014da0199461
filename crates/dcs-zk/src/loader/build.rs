//! From znodes to a cluster: pure, and as lenient as Patroni.

use dcs_model::{
    Cluster, ClusterConfig, Failover, Failsafe, Leader, Member, Status, SyncState, TimelineHistory,
};

use super::plan::{Node, Snapshot};

/// Answers to `ZooKeeper._postgresql_cluster_loader`.
pub(crate) fn build(snapshot: &Snapshot) -> Cluster {
    let members: Vec<Member> = snapshot
        .members
        .iter()
        .map(|(name, data, stat)| Member::from_node(stat.version, name, stat.ephemeral_owner, data))
        .collect();
    let leader = snapshot
        .leader
        .as_ref()
        .map(|(name, stat)| Leader::from_node(stat.version, stat.ephemeral_owner, name, &members));
    let value = |node: &Node| node.as_ref().map(|(data, _)| data.clone());
    Cluster {
        initialize: snapshot.initialize.as_ref().map(|(data, _)| Cluster::initialize_from_node(data)),
        config: snapshot
            .config
            .as_ref()
            .map(|(data, stat)| ClusterConfig::from_node(stat.version, data, stat.mzxid)),
        leader,
        status: Status::from_nodes(
            value(&snapshot.status).as_deref(),
            value(&snapshot.leader_optime).as_deref(),
        ),
        members,
        failover: snapshot.failover.as_ref().map(|(data, stat)| Failover::from_node(stat.version, data)),
        sync: SyncState::from_node(
            snapshot.sync.as_ref().map(|(_, stat)| stat.version),
            value(&snapshot.sync).as_deref(),
        ),
        history: snapshot.history.as_ref().map(|(data, stat)| TimelineHistory::from_node(stat.mzxid, data)),
        failsafe: value(&snapshot.failsafe).and_then(|data| Failsafe::from_node(&data)),
        workers: std::collections::BTreeMap::new(),
    }
}
