//! The same descriptions as `oracle.py` writes, of what this crate makes of the values.

use dcs_model::json::{Object, Value, deep_compare, parse_bool, parse_int, slot_name_from_member_name};
use dcs_model::{
    Cluster, ClusterConfig, Failover, Failsafe, Leader, Member, MemberData, ScheduledAt, Status, StatusField,
    StatusUpdate, SyncState, Tags, TimelineHistory,
};
use std::collections::BTreeMap;

use super::generate::{Case, Node, Write};

pub(crate) type Description = BTreeMap<String, String>;

pub(crate) fn describe(case: &Case) -> Description {
    match case {
        Case::Load { nodes, probes } => describe_cluster(&load(nodes), probes),
        Case::Convert { value } => describe_value(value),
        Case::Compare { a, b } => {
            let (a, b) = (object(a), object(b));
            [("a_b", deep_compare(&a, &b)), ("b_a", deep_compare(&b, &a))]
                .into_iter()
                .map(|(key, same)| (key.to_owned(), same.to_string()))
                .collect()
        }
        Case::Write(write) => describe_writes(write),
    }
}

fn object(text: &[u8]) -> Object {
    match Value::from_slice(text) {
        Ok(Value::Object(object)) => object,
        other => panic!("generated text is not an object: {other:?}"),
    }
}

/// What `dcs-zk` does with znodes, without MPP.
fn load(nodes: &[Node]) -> Cluster {
    let node = |path: &str| nodes.iter().find(|node| node.path == path);
    let value = |path: &str| node(path).map(|node| node.value.as_slice());
    let members: Vec<Member> = nodes
        .iter()
        .filter_map(|node| {
            let name = node.path.strip_prefix("members/")?;
            Some(Member::from_node(node.version, name, node.owner, &node.value))
        })
        .collect();
    Cluster {
        initialize: value("initialize").map(Cluster::initialize_from_node),
        config: node("config").map(|node| ClusterConfig::from_node(node.version, &node.value, node.mzxid)),
        leader: node("leader").map(|node| Leader::from_node(node.version, node.owner, &node.value, &members)),
        status: Status::from_nodes(value("status"), value("optime/leader")),
        failover: node("failover").map(|node| Failover::from_node(node.version, &node.value)),
        sync: SyncState::from_node(node("sync").map(|node| node.version), value("sync")),
        history: node("history").map(|node| TimelineHistory::from_node(node.mzxid, &node.value)),
        failsafe: value("failsafe").and_then(Failsafe::from_node),
        members,
        ..Cluster::empty()
    }
}

struct Out {
    prefix: String,
    out: Description,
}

impl Out {
    fn put(&mut self, key: &str, value: String) {
        self.out.insert(format!("{}{key}", self.prefix), value);
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        self.put(key, value.map_or("none".into(), |text| format!("s:{}", Value::from(text).to_json())));
    }

    fn integer(&mut self, key: &str, value: Option<i64>) {
        self.put(key, value.map_or("none".into(), |number| format!("i:{number}")));
    }

    fn boolean(&mut self, key: &str, value: bool) {
        self.put(key, value.to_string());
    }

    fn version(&mut self, key: &str, value: Option<Vec<i64>>) {
        let text = |parts: Vec<i64>| parts.iter().map(i64::to_string).collect::<Vec<_>>().join(".");
        self.put(key, value.map_or("none".into(), |parts| format!("v:{}", text(parts))));
    }

    fn json(&mut self, key: &str, value: Option<String>) {
        self.put(key, value.map_or("none".into(), |json| format!("j:{json}")));
    }
}

fn strings(items: &[&str]) -> String {
    Value::from(items.to_vec()).to_json()
}

fn describe_cluster(c: &Cluster, probes: &[String]) -> Description {
    let mut out = Out { prefix: String::new(), out: Description::new() };
    out.text("initialize", c.initialize.as_deref());
    out.boolean("is_empty", c.is_empty());
    out.boolean("is_unlocked", c.is_unlocked());
    out.text("leader_name", c.leader_name());
    out.integer("timeline", Some(c.timeline()));
    out.version("min_version", c.min_version());
    let slots: Object = c.slots().into_iter().collect();
    out.json("slots", Some(slots.to_json()));
    out.json("failsafe", c.failsafe.as_ref().map(Failsafe::to_json));
    out.integer("status.last_lsn", Some(c.last_lsn()));
    out.json("status.slots", c.status.slots.as_ref().map(Object::to_json));
    out.json("status.retain_slots", Some(Value::from(c.status.retain_slots.clone()).to_json()));
    out.boolean("status.is_empty", c.status.is_empty());
    out.integer("sync.version", c.sync.version.map(i64::from));
    out.text("sync.leader", c.sync.leader.as_deref());
    out.text("sync.sync_standby", c.sync.sync_standby.as_deref());
    out.integer("sync.quorum", Some(c.sync.quorum));
    out.boolean("sync.is_empty", c.sync.is_empty());
    out.json("sync.voters", Some(strings(&c.sync.voters())));
    out.json("sync.members", Some(strings(&c.sync.members())));
    if let Some(config) = &c.config {
        out.integer("config.version", Some(config.version.into()));
        out.json("config.data", Some(config.data.to_json()));
        out.integer("config.modify_version", Some(config.modify_version));
    }
    if let Some(failover) = &c.failover {
        out.integer("failover.version", Some(failover.version.into()));
        out.text("failover.leader", failover.leader.as_deref());
        out.text("failover.candidate", failover.candidate.as_deref());
        out.put("failover.scheduled_at", failover.scheduled_at.map_or("none".into(), |at| format!("t:{at}")));
        out.boolean("failover.is_empty", failover.is_empty());
    }
    if let Some(history) = &c.history {
        out.integer("history.version", Some(history.version));
        out.text("history.value", Some(&history.value));
        out.json("history.lines", Some(Value::Array(history.lines.clone()).to_json()));
    }
    if let Some(leader) = &c.leader {
        out.integer("leader.version", Some(leader.version.into()));
        out.integer("leader.session", Some(leader.session));
        out.integer("leader.timeline", leader.timeline());
        let checkpoint = leader.checkpoint_after_promote();
        out.put("leader.checkpoint_after_promote", checkpoint.map_or("none".into(), |done| done.to_string()));
    }
    for (i, probe) in probes.iter().enumerate() {
        out.prefix = format!("probe.{i}.");
        let name = |member: Option<&Member>| member.map(|member| member.name.clone());
        out.boolean("has_member", c.has_member(probe));
        out.text("get_member.False", name(c.get_member(probe, false)).as_deref());
        out.text("get_member.True", name(c.get_member(probe, true)).as_deref());
        out.boolean("matches", c.sync.matches(Some(probe), false));
        out.boolean("matches_leader", c.sync.matches(Some(probe), true));
        out.boolean("leader_matches", c.sync.leader_matches(Some(probe)));
        out.text("slot_name", Some(&slot_name_from_member_name(probe)));
    }
    if let Some(leader) = &c.leader {
        out.prefix = "leader.member.".into();
        describe_member(&mut out, &leader.member);
    }
    for (i, member) in c.members.iter().enumerate() {
        out.prefix = format!("members.{i}.");
        describe_member(&mut out, member);
    }
    out.out
}

fn describe_member(out: &mut Out, m: &Member) {
    let auth: Object = [("username", "u"), ("password", "p"), ("options", "-c x"), ("connect_timeout", "3")]
        .into_iter()
        .map(|(key, value)| (key, Value::from(value)))
        .chain([("x", Value::Null)])
        .collect();
    out.text("name", Some(&m.name));
    out.integer("version", Some(m.version.into()));
    out.integer("session", m.session);
    out.json("data", Some(m.data.to_json()));
    out.put("conn_kwargs_type", "ok".into());
    out.text("conn_url", m.conn_url().as_deref());
    out.json("conn_kwargs", Some(m.conn_kwargs(None).to_json()));
    out.json("conn_kwargs_auth", Some(m.conn_kwargs(Some(&auth)).to_json()));
    out.text("api_url", m.api_url());
    out.text("endpoint", Some(&m.get_endpoint_url(Some("failsafe"))));
    out.text("role", m.role());
    out.text("state", Some(m.state()));
    out.boolean("is_running", m.is_running());
    out.version("patroni_version", m.patroni_version());
    out.integer("timeline", m.timeline());
    out.integer("lsn", m.lsn());
    out.integer("receive_lsn", m.receive_lsn());
    out.integer("replay_lsn", m.replay_lsn());
    out.boolean("clonefrom", m.clonefrom());
    out.boolean("nofailover", m.nofailover());
    out.integer("failover_priority", Some(m.failover_priority()));
    out.boolean("noloadbalance", m.noloadbalance());
    out.boolean("nosync", m.nosync());
    out.integer("sync_priority", Some(m.sync_priority()));
    out.text("replicatefrom", m.replicatefrom());
    out.boolean("nostream", m.nostream());
}

fn describe_value(value: &[u8]) -> Description {
    let mut out = Out { prefix: String::new(), out: Description::new() };
    let Ok(value) = Value::from_slice(value) else {
        out.put("json", "error".into());
        return out.out;
    };
    out.json("json", Some(value.to_json()));
    out.integer("int", value.to_int());
    out.text("str", Some(&value.to_python_str()));
    out.boolean("bool", value.is_truthy());
    out.integer("parse_int", parse_int(&value));
    out.put("parse_bool", parse_bool(&value).map_or("none".into(), |value| value.to_string()));
    if let Some(object) = value.as_object() {
        out.json("published", Some(Tags::published(object).to_json()));
    }
    out.out
}

fn describe_writes(write: &Write) -> Description {
    let cluster = load(&write.nodes);
    let mut out = Description::new();
    let mut put = |key: &str, path: &str, value: Option<String>| {
        out.insert(key.to_owned(), value.map_or(String::new(), |value| format!("{path}={value}")));
    };

    let data = MemberData::from(object(write.data.as_bytes()));
    let stored = cluster.get_member("a", false).map(|member| &member.data).filter(|data| !data.is_empty());
    let same = stored.is_some_and(|stored| data.same_as(stored));
    put("member", "members/a", (!same).then(|| data.to_json()));
    // Patroni has no cluster cached with our member if it was not there, and then writes always.
    let known = cluster.has_member("a") && !data.as_object().is_empty();
    put("member_again", "members/a", (!known).then(|| data.to_json()));

    let leader = (!write.leader.is_empty()).then_some(write.leader.as_str());
    put("sync", "sync", Some(SyncState::value(leader, &write.standbys, Some(write.quorum)).to_json()));
    let at = (!write.scheduled_at.is_empty()).then(|| ScheduledAt::parse(&write.scheduled_at).unwrap());
    let failover = Failover::value(Some(&write.leader), Some(&write.candidate), at);
    put("failover", "failover", Some(failover.to_json()));

    let mut last = cluster.status.to_value();
    let mut status = |update: StatusUpdate| {
        let value = update.merge(&last);
        let changed = !deep_compare(&last, &value);
        if changed {
            last.clone_from(&value);
        }
        changed.then(|| value.to_json())
    };
    let optime = cluster.needs_leader_optime().then(|| format!("optime/leader={}", write.optime));
    let written = status(StatusUpdate::optime(write.optime)).map(|value| format!("status={value}"));
    out.insert("status_optime".into(), written.into_iter().chain(optime).collect::<Vec<_>>().join(" "));
    let mut put = |key: &str, path: &str, value: Option<String>| {
        out.insert(key.to_owned(), value.map_or(String::new(), |value| format!("{path}={value}")));
    };
    let slots = object(write.slots.as_bytes());
    let update = StatusUpdate {
        optime: write.optime,
        slots: if slots.is_empty() { StatusField::Clear } else { StatusField::Set(slots) },
        retain_slots: match &write.retain_slots {
            names if names.is_empty() => StatusField::Clear,
            names => StatusField::Set(names.clone()),
        },
    };
    put("status", "status", status(update.clone()));
    put("status_again", "status", status(update));

    let failsafe = Failsafe(object(write.failsafe.as_bytes()));
    let same = cluster.failsafe.is_some_and(|stored| stored.same_as(&failsafe));
    put("failsafe", "failsafe", (!same).then(|| failsafe.to_json()));
    out
}
