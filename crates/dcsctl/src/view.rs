//! What there is to see of a cluster, as Patroni's JSON has it.

use std::collections::BTreeMap;

use dcs_model::{
    Cluster, ClusterConfig, Failover, Failsafe, Leader, Member, Status, SyncState, TimelineHistory,
    json::{Object, Value, parse_bool},
};
use serde::Serialize;

/// What was loaded of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A cluster without groups.
    Plain,
    /// One group of a Citus cluster.
    Group(u32),
    /// All groups of a Citus cluster.
    AllGroups,
}

/// The members and what is planned; answers to `patroni.utils.cluster_as_json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Summary {
    /// Sorted by name, with Patroni's keys.
    pub(crate) members: Vec<Object>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pause: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheduled_switchover: Option<Object>,
}

/// A cluster, or a group of one, with everything that is stored.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    scope: &'a str,
    path: String,
    group: Option<u32>,
    #[serde(flatten)]
    summary: Summary,
    initialize: Option<&'a str>,
    leader: Option<&'a Leader>,
    config: Option<&'a ClusterConfig>,
    sync: &'a SyncState,
    failover: Option<&'a Failover>,
    history: Option<&'a TimelineHistory>,
    status: &'a Status,
    failsafe: Option<&'a Failsafe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<BTreeMap<u32, Document<'a>>>,
}

impl<'a> Document<'a> {
    /// The document of a scope that is kept at `base`.
    pub(crate) fn new(scope: &'a str, base: &str, kind: Kind, cluster: &'a Cluster) -> Self {
        let one = |group: Option<u32>, cluster: &'a Cluster| Self {
            scope,
            path: group.map_or_else(|| base.to_owned(), |group| format!("{base}/{group}")),
            group,
            summary: Summary::new(cluster),
            initialize: cluster.initialize.as_deref(),
            leader: cluster.leader.as_ref(),
            config: cluster.config.as_ref(),
            sync: &cluster.sync,
            failover: cluster.failover.as_ref(),
            history: cluster.history.as_ref(),
            status: &cluster.status,
            failsafe: cluster.failsafe.as_ref(),
            workers: None,
        };
        match kind {
            Kind::Plain => one(None, cluster),
            Kind::Group(group) => one(Some(group), cluster),
            Kind::AllGroups => {
                let worker = |(&group, cluster)| (group, one(Some(group), cluster));
                let workers = cluster.workers.iter().map(worker).collect();
                Self { workers: Some(workers), ..one(Some(0), cluster) }
            }
        }
    }
}

impl Summary {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let config = Modes::of(cluster);
        let mut members: Vec<Object> =
            cluster.members.iter().map(|member| describe(member, cluster, &config)).collect();
        members.sort_by(|a, b| a.get_str("name").cmp(&b.get_str("name")));
        Self { members, pause: config.paused, scheduled_switchover: scheduled_switchover(cluster) }
    }
}

/// What the dynamic configuration says about the roles; answers to `patroni.global_config.GlobalConfig`.
#[derive(Debug, Default)]
struct Modes {
    paused: bool,
    standby_cluster: bool,
    synchronous: bool,
    quorum: bool,
}

impl Modes {
    fn of(cluster: &Cluster) -> Self {
        let Some(config) = cluster.config.as_ref().filter(|config| config.modify_version != 0) else {
            return Self::default();
        };
        let is_on = |key| config.data.get(key).and_then(parse_bool) == Some(true);
        let quorum = config
            .data
            .get("synchronous_mode")
            .is_some_and(|mode| mode.to_python_str().to_lowercase() == "quorum");
        let standby_cluster =
            config.data.get("standby_cluster").and_then(Value::as_object).is_some_and(|standby| {
                ["host", "port", "restore_command"]
                    .iter()
                    .any(|key| standby.get(key).is_some_and(Value::is_truthy))
            });
        Self {
            paused: is_on("pause"),
            standby_cluster,
            synchronous: (is_on("synchronous_mode") || quorum) && !standby_cluster,
            quorum,
        }
    }
}

fn describe(member: &Member, cluster: &Cluster, config: &Modes) -> Object {
    let leads = cluster.leader_name() == Some(member.name.as_str());
    let role = match (leads, config) {
        (true, Modes { standby_cluster: true, .. }) => "standby_leader",
        (true, _) => "leader",
        (false, Modes { synchronous: true, quorum, .. })
            if cluster.sync.matches(Some(&member.name), false) =>
        {
            if *quorum {
                "quorum_standby"
            } else {
                "sync_standby"
            }
        }
        (false, _) => "replica",
    };
    let stored = |key: &str| member.data.get(key);
    let replication_state = stored("replication_state").filter(|state| role != "leader" && state.is_truthy());
    let state = replication_state.or_else(|| stored("state")).cloned();

    let mut out = Object::new();
    out.insert("name", member.name.as_str());
    out.insert("role", role);
    out.insert("state", state.unwrap_or_else(|| "".into()));
    out.insert("api_url", stored("api_url").cloned().unwrap_or_default());
    let address = member.conn_kwargs(None);
    if let Some(host) = address.get("host").filter(|host| host.is_truthy()) {
        out.insert("host", host.clone());
        let port = address.get("port").filter(|port| port.is_truthy()).and_then(Value::to_int);
        if let Some(port) = port {
            out.insert("port", port);
        }
    }
    for key in ["timeline", "pending_restart", "pending_restart_reason", "scheduled_restart", "tags"] {
        if let Some(value) = stored(key) {
            out.insert(key, value.clone());
        }
    }
    if !leads {
        let positions =
            [("receive_", member.receive_lsn()), ("replay_", member.replay_lsn()), ("", member.lsn())];
        for (location, lsn) in positions {
            let (lsn_key, lag_key) = (format!("{location}lsn"), format!("{location}lag"));
            match lsn.filter(|lsn| *lsn != 0) {
                None => {
                    out.insert(lsn_key, "unknown");
                    out.insert(lag_key, "unknown");
                }
                Some(lsn) => {
                    out.insert(lag_key, cluster.last_lsn().saturating_sub(lsn).max(0));
                    out.insert(lsn_key, format_lsn(lsn));
                }
            }
        }
    }
    out
}

fn scheduled_switchover(cluster: &Cluster) -> Option<Object> {
    let failover = cluster.failover.as_ref()?;
    let mut out: Object = [("at", failover.scheduled_at?.to_string())].into_iter().collect();
    for (key, name) in [("from", &failover.leader), ("to", &failover.candidate)] {
        if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
            out.insert(key, name);
        }
    }
    Some(out)
}

/// A WAL position as PostgreSQL writes it, `0/3000060`; answers to `patroni.postgresql.misc.format_lsn`.
pub(crate) fn format_lsn(lsn: i64) -> String {
    let (high, low) = (lsn >> 32, lsn & 0xffff_ffff);
    let sign = if high < 0 { "-" } else { "" };
    format!("{sign}{:X}/{low:X}", high.unsigned_abs())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn member(name: &str, data: &str) -> Member {
        Member::from_node(1, name, 1, data.as_bytes())
    }

    /// A cluster of these members, led by the first.
    pub(crate) fn cluster(members: Vec<Member>) -> Cluster {
        let leader = members.first().map(|first| Leader::from_node(1, 1, first.name.as_bytes(), &members));
        Cluster { members, leader, ..Cluster::empty() }
    }

    pub(crate) fn config(text: &str) -> Option<ClusterConfig> {
        Some(ClusterConfig::from_node(1, text.as_bytes(), 5))
    }

    fn members_as_json(cluster: &Cluster) -> Vec<String> {
        Summary::new(cluster).members.iter().map(Object::to_json).collect()
    }

    #[test]
    fn positions() {
        for (lsn, text) in
            [(0x300_0060, "0/3000060"), (0x1_0000_0000, "1/0"), (i64::MAX, "7FFFFFFF/FFFFFFFF"), (0, "0/0")]
        {
            assert_eq!(format_lsn(lsn), text);
        }
        assert_eq!(format_lsn(-1), "-1/FFFFFFFF");
    }

    #[test]
    fn members_as_patroni_has_them() {
        let mut cluster = cluster(vec![
            member(
                "b",
                r#"{"conn_url":"postgres://h1:5433/db","api_url":"u","state":"running","timeline":2}"#,
            ),
            member(
                "a",
                r#"{"conn_url":"postgres://h2/db","state":"running","replication_state":"streaming","xlog_location":16,"receive_lsn":"16","replay_lsn":8,"tags":{"x":1}}"#,
            ),
            member("c", "garbage"),
        ]);
        cluster.status.last_lsn = 10;
        assert_eq!(
            members_as_json(&cluster),
            [
                r#"{"name":"a","role":"replica","state":"streaming","api_url":null,"host":"h2","port":5432,"tags":{"x":1},"receive_lag":0,"receive_lsn":"0/10","replay_lag":2,"replay_lsn":"0/8","lag":0,"lsn":"0/10"}"#,
                r#"{"name":"b","role":"leader","state":"running","api_url":"u","host":"h1","port":5433,"timeline":2}"#,
                r#"{"name":"c","role":"replica","state":"","api_url":null,"receive_lsn":"unknown","receive_lag":"unknown","replay_lsn":"unknown","replay_lag":"unknown","lsn":"unknown","lag":"unknown"}"#,
            ]
        );
    }

    #[test]
    fn roles_follow_the_configuration() {
        for (configured, roles) in [
            ("{}", ["leader", "replica"]),
            (r#"{"synchronous_mode":true}"#, ["leader", "sync_standby"]),
            (r#"{"synchronous_mode":"on"}"#, ["leader", "sync_standby"]),
            (r#"{"synchronous_mode":"Quorum"}"#, ["leader", "quorum_standby"]),
            (
                r#"{"synchronous_mode":true,"standby_cluster":{"restore_command":"x"}}"#,
                ["standby_leader", "replica"],
            ),
            (r#"{"synchronous_mode":true,"standby_cluster":{}}"#, ["leader", "sync_standby"]),
            ("[", ["leader", "replica"]),
        ] {
            let mut cluster = cluster(vec![member("a", "{}"), member("b", "{}")]);
            cluster.config = config(configured);
            cluster.sync =
                SyncState::from_node(Some(1), Some(br#"{"leader":"a","sync_standby":"B","quorum":1}"#));
            let members = Summary::new(&cluster).members;
            let found: Vec<&str> = members.iter().filter_map(|member| member.get_str("role")).collect();
            assert_eq!(found, roles, "{configured}");
        }
    }

    #[test]
    fn documents() {
        let mut coordinator = cluster(vec![member("a", "{}")]);
        coordinator.failover =
            Some(Failover::from_node(1, br#"{"leader":"a","scheduled_at":"2030-01-02T03:04:05+00:00"}"#));
        coordinator.config = config(r#"{"pause":true}"#);
        coordinator.workers.insert(3, cluster(vec![member("w", "{}")]));
        let json =
            |kind| serde_json::to_value(Document::new("demo", "/service/demo", kind, &coordinator)).unwrap();
        let all = json(Kind::AllGroups);
        assert_eq!((all["group"].as_u64(), all["path"].as_str()), (Some(0), Some("/service/demo/0")));
        assert_eq!(all["workers"]["3"]["members"][0]["name"], "w");
        assert_eq!(all["workers"]["3"]["path"], "/service/demo/3");
        assert_eq!(all["pause"], true);
        assert_eq!(all["scheduled_switchover"]["at"], "2030-01-02T03:04:05+00:00");
        assert_eq!(all["scheduled_switchover"]["from"], "a");
        let plain = json(Kind::Plain);
        assert!(plain["group"].is_null() && plain.get("workers").is_none());
        assert_eq!(plain["leader"]["member"]["name"], "a");
        for key in ["initialize", "config", "sync", "failover", "history", "status", "failsafe"] {
            assert!(plain.get(key).is_some(), "{key}");
        }
    }
}
