//! The cluster as a whole.

use crate::cluster_config::ClusterConfig;
use crate::failover::Failover;
use crate::failsafe::Failsafe;
use crate::history::TimelineHistory;
use crate::leader::Leader;
use crate::member::Member;
use crate::status::Status;
use crate::sync_state::SyncState;
use indexmap::IndexMap;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that is stored about a cluster, at one moment; answers to `patroni.dcs.Cluster`.
///
/// A key that does not exist is none; a key whose value is not understood is the lenient value of its type.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Cluster {
    /// PostgreSQL's system identifier; empty while the cluster is being initialized.
    pub initialize: Option<String>,
    /// The dynamic configuration.
    pub config: Option<ClusterConfig>,
    /// Who holds the leader key.
    pub leader: Option<Leader>,
    /// The leader's last WAL position and its slots.
    pub status: Status,
    /// The members, in the order they were read.
    pub members: Vec<Member>,
    /// A requested failover or switchover.
    pub failover: Option<Failover>,
    /// The synchronous replication state.
    pub sync: SyncState,
    /// The history of timelines.
    pub history: Option<TimelineHistory>,
    /// The topology for the failsafe mode.
    pub failsafe: Option<Failsafe>,
    /// With Citus, the cluster of each group beside the coordinator's.
    pub workers: BTreeMap<u32, Cluster>,
}

impl Cluster {
    /// A cluster of which nothing is stored; answers to `Cluster.empty`.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Reads the znode `initialize`. Bytes that are not UTF-8 become U+FFFD.
    pub fn initialize_from_node(value: &[u8]) -> String {
        String::from_utf8_lossy(value).into_owned()
    }

    /// Whether nothing is stored: no key exists, or only a `status` that says nothing.
    pub fn is_empty(&self) -> bool {
        self.initialize.is_none()
            && self.config.is_none()
            && self.leader.is_none()
            && self.status.is_empty()
            && self.members.is_empty()
            && self.failover.is_none()
            && self.sync.version.is_none()
            && self.history.is_none()
            && self.failsafe.is_none()
            && self.workers.is_empty()
    }

    /// The leader's name, if there is a leader key.
    pub fn leader_name(&self) -> Option<&str> {
        self.leader.as_ref().map(Leader::name)
    }

    /// Whether nobody holds the leader key, or it has no name in it.
    pub fn is_unlocked(&self) -> bool {
        self.leader_name().unwrap_or_default().is_empty()
    }

    /// Whether a member of this name has a member key.
    pub fn has_member(&self, name: &str) -> bool {
        self.get_member(name, false).is_some()
    }

    /// The member of this name or, with `fallback_to_leader`, the leader's member when there is none.
    pub fn get_member(&self, name: &str, fallback_to_leader: bool) -> Option<&Member> {
        let leader = || self.leader.as_ref().filter(|_| fallback_to_leader).map(|leader| &leader.member);
        self.members.iter().find(|member| member.name == name).or_else(leader)
    }

    /// The members that may serve as source of a new replica: running, tagged `clonefrom`, neither
    /// `exclude_name` nor the leader. Patroni's `get_clone_member` picks one of them at random, or takes the
    /// leader when there is none.
    pub fn clone_candidates(&self, exclude_name: &str) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| {
            member.clonefrom()
                && member.is_running()
                && member.name != exclude_name
                && self.leader_name() != Some(member.name.as_str())
        })
    }

    /// The leader's last known WAL position, in bytes; 0 if none is known.
    pub fn last_lsn(&self) -> i64 {
        self.status.last_lsn
    }

    /// Positions of permanent slots by name, in bytes; what is not a number counts as 0.
    pub fn slots(&self) -> IndexMap<&str, i64> {
        self.status.slot_positions()
    }

    /// The current timeline by the history: the last line's number plus one, 1 for the history `[]`, and 0
    /// without history or when it is not understood.
    pub fn timeline(&self) -> i64 {
        self.history.as_ref().map_or(0, TimelineHistory::timeline)
    }

    /// The lowest version of the members' agents, of those that say one.
    pub fn min_version(&self) -> Option<Vec<i64>> {
        self.members.iter().filter_map(Member::patroni_version).min()
    }

    /// Whether a member is older than 2.1.0 and so reads the leader's position from `optime/leader` alone.
    pub fn needs_leader_optime(&self) -> bool {
        self.min_version().is_some_and(|version| version.as_slice() < [2, 1, 0].as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, data: &str) -> Member {
        Member::from_node(1, name, 1, data.as_bytes())
    }

    #[test]
    fn emptiness() {
        assert!(Cluster::empty().is_empty());
        let initializing = Cluster { initialize: Some(String::new()), ..Cluster::empty() };
        assert!(!initializing.is_empty());
        let sync = Cluster { sync: SyncState::empty(Some(0)), ..Cluster::empty() };
        assert!(!sync.is_empty());
    }

    #[test]
    fn leader_and_members() {
        let members =
            vec![member("a", r#"{"version":"4.1.5"}"#), member("b", r#"{"version":"4.0"}"#), member("c", "")];
        let leader = Leader::from_node(1, 1, b"x", &members);
        let cluster = Cluster { members, leader: Some(leader), ..Cluster::empty() };
        assert_eq!(cluster.leader_name(), Some("x"));
        assert!(!cluster.is_unlocked() && cluster.has_member("b") && !cluster.has_member("x"));
        assert_eq!(cluster.get_member("z", true).unwrap().name, "x");
        assert_eq!(cluster.get_member("z", false), None);
        assert_eq!(cluster.min_version(), Some(vec![4, 0]));
        assert!(!cluster.needs_leader_optime());
        let old = Cluster { members: vec![member("a", r#"{"version":"2.0.2"}"#)], ..Cluster::empty() };
        assert!(old.needs_leader_optime());
        let nameless = Cluster { leader: Some(Leader::from_node(1, 1, b"", &[])), ..Cluster::empty() };
        assert!(nameless.is_unlocked() && !nameless.is_empty());
    }

    #[test]
    fn clone_sources() {
        let good = r#"{"state":"running","conn_url":"postgres://h/","tags":{"clonefrom":true}}"#;
        let members = vec![
            member("a", good),
            member("b", good),
            member("c", good),
            member("d", r#"{"state":"running","tags":{"clonefrom":true}}"#),
            member("e", r#"{"state":"stopped","conn_url":"postgres://h/","tags":{"clonefrom":true}}"#),
        ];
        let leader = Leader::from_node(1, 1, b"a", &members);
        let cluster = Cluster { members, leader: Some(leader), ..Cluster::empty() };
        assert_eq!(cluster.clone_candidates("b").map(|m| m.name.as_str()).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn serializes_with_plain_names() {
        let cluster = Cluster { workers: [(1, Cluster::empty())].into(), ..Cluster::empty() };
        let json = serde_json::to_value(&cluster).unwrap();
        assert_eq!(json["workers"]["1"]["sync"]["quorum"], 0);
        assert!(json["leader"].is_null());
    }
}
