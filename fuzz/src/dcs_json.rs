//! Any bytes as the value of any key.

use dcs_model::json::{
    Limits, Object, Value, deep_compare, parse_bool, parse_int, slot_name_from_member_name,
};
use dcs_model::{
    Cluster, ClusterConfig, Failover, Failsafe, HistoryLine, Leader, Member, MemberData, ScheduledAt, Status,
    StatusUpdate, SyncState, TimelineHistory,
};

/// The keys, in the order of their numbers in the corpus.
pub const KEYS: [&str; 9] =
    ["leader", "members", "config", "sync", "failover", "history", "status", "failsafe", "initialize"];

/// Reads everything after the first two bytes as the value of the key that the first byte picks; the second byte limits the
/// depth and the length of documents (in units of 16 bytes). Says whether there was something in it.
///
/// # Panics
///
/// If a value is neither read nor what garbage of its key has to be, a limit is passed, or what is written is read as
/// something else.
pub fn dcs_json(input: &[u8]) -> Option<(&'static str, bool)> {
    let (&[key, limit], value) = input.split_first_chunk()?;
    let key = KEYS[usize::from(key) % KEYS.len()];
    let document = document(value, limit);
    let object = document.as_ref().and_then(Value::as_object);
    let meant = match key {
        "leader" => leader(value),
        "members" => members(value, object),
        "config" => config(value, object),
        "sync" => sync(value, object),
        "failover" => failover(value, object),
        "history" => history(value, document.as_ref()),
        "status" => status(value),
        "failsafe" => failsafe(value, object),
        _ => !Cluster::initialize_from_node(value).is_empty(),
    };
    Some((key, meant))
}

/// The value as JSON, within the default limits.
fn document(value: &[u8], limit: u8) -> Option<Value> {
    let limits = Limits { max_len: usize::from(limit) * 16, max_depth: usize::from(limit % 16) };
    let document = Value::from_slice(value).ok();
    if let Ok(limited) = Value::from_slice_with(value, limits) {
        assert!(value.len() <= limits.max_len && depth(&limited) <= limits.max_depth, "over {limits:?}");
        let unlimited = document.as_ref().expect("more is allowed").to_json();
        assert_eq!(unlimited, limited.to_json(), "the limits make a difference");
    }
    // Python takes more than RFC 8259 does, not less.
    if let Ok(strict) = serde_json::from_slice::<serde_json::Value>(value) {
        let longest = value.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).max().unwrap_or_default();
        assert!(document.is_some() || longest > 4_300, "refused, though it is JSON: {strict}");
        if let (serde_json::Value::String(text), Some(document)) = (&strict, &document) {
            assert_eq!(document.as_str(), Some(text.as_str()));
        }
    }
    let document = document?;
    assert!(depth(&document) <= Limits::default().max_depth);
    let json = document.to_json();
    assert!(json.is_ascii(), "Patroni writes ASCII");
    assert_eq!(Value::parse(&json).map(|read| read.to_json()), Ok(json), "what is written is read again");
    let _ = (document.to_int(), parse_int(&document), parse_bool(&document), document.to_python_str().len());
    Some(document)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(object) => 1 + object.iter().map(|(_, value)| depth(value)).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Are the documents the same, NaN and all?
fn same(a: &Object, b: &Object) -> bool {
    a.to_json() == b.to_json()
}

fn leader(value: &[u8]) -> bool {
    let name = String::from_utf8_lossy(value);
    let members = [Member::from_node(1, "a", 2, b"{\"role\":\"primary\",\"version\":\"4.1.5\"}")];
    let leader = Leader::from_node(3, 4, value, &members);
    assert_eq!((leader.name(), leader.version, leader.session), (&*name, 3, 4));
    assert_eq!(leader.data().is_empty(), name != "a", "the data is that of the member");
    let cluster = Cluster { leader: Some(leader), members: members.to_vec(), ..Cluster::empty() };
    assert_eq!(cluster.is_unlocked(), name.is_empty(), "a name leads");
    !cluster.is_unlocked()
}

fn members(value: &[u8], object: Option<&Object>) -> bool {
    let member = Member::from_node(1, "a", 2, value);
    assert_eq!((member.version, member.name.as_str(), member.session), (1, "a", Some(2)));
    if !value.starts_with(b"postgres") {
        assert_eq!(
            member.data.to_json(),
            object.cloned().unwrap_or_default().to_json(),
            "data stays as it was read"
        );
    }
    let written = MemberData::from(member.data.clone());
    let again = Member::from_node(1, "a", 2, written.to_json().as_bytes());
    assert!(same(&again.data, &member.data), "what is written is read again");
    assert_eq!(again.to_json_of_everything(), member.to_json_of_everything());
    let cluster = Cluster { members: vec![member.clone()], ..Cluster::empty() };
    let _ = (
        cluster.timeline(),
        cluster.min_version(),
        cluster.slots().len(),
        cluster.clone_candidates("b").count(),
    );
    let kwargs = member.conn_kwargs(None);
    assert_eq!(kwargs.is_empty(), member.conn_kwargs(Some(&Object::new())).is_empty());
    !member.data.is_empty()
}

/// Everything that is derived from a member.
trait Derived {
    fn to_json_of_everything(&self) -> String;
}

impl Derived for Member {
    fn to_json_of_everything(&self) -> String {
        let names = (self.conn_url(), self.api_url(), self.get_endpoint_url(Some("config")), self.role());
        let numbers = (self.patroni_version(), self.lsn(), self.timeline(), self.failover_priority());
        let flags = (self.is_running(), self.nofailover(), self.nostream());
        format!("{names:?} {numbers:?} {flags:?} {}", self.conn_kwargs(None).to_json())
    }
}

fn config(value: &[u8], object: Option<&Object>) -> bool {
    let config = ClusterConfig::from_node(5, value, 77);
    assert_eq!((config.version, config.modify_version), (5, if object.is_some() { 77 } else { 0 }));
    assert_eq!(config.data.to_json(), object.cloned().unwrap_or_default().to_json());
    object.is_some()
}

fn sync(value: &[u8], object: Option<&Object>) -> bool {
    let state = SyncState::from_node(Some(5), Some(value));
    assert_eq!(state.version, Some(5));
    match object {
        None => assert_eq!(state, SyncState::empty(Some(5)), "garbage is an empty state"),
        Some(object) => assert_eq!(state, SyncState::from_value(Some(5), object)),
    }
    if state.is_empty() {
        assert!(state.voters().is_empty() && state.members().is_empty() && !state.matches(Some("a"), true));
        return false;
    }
    let leader = state.leader.as_deref();
    assert!(state.leader_matches(leader));
    let voters = state.voters();
    assert!(voters.iter().all(|voter| !voter.is_empty() && state.matches(Some(voter), false)), "{voters:?}");
    // What is written of it says the same, in its own order.
    let written = SyncState::value(leader, &voters, Some(state.quorum));
    let again = SyncState::from_node(Some(5), Some(written.to_json().as_bytes()));
    let mut sorted = voters;
    sorted.sort_unstable();
    assert_eq!((again.leader.as_deref(), again.quorum, again.voters()), (leader, state.quorum, sorted));
    true
}

fn failover(value: &[u8], object: Option<&Object>) -> bool {
    let failover = Failover::from_node(5, value);
    assert_eq!(failover.version, 5);
    let Failover { leader, candidate, scheduled_at, .. } = &failover;
    if let Some(at) = scheduled_at {
        assert_eq!(ScheduledAt::parse(&at.to_string()), Some(*at), "{at}");
        assert!(at.timestamp().is_none() || at.offset().is_some());
    }
    if let Some(text) = object.and_then(|object| object.get("scheduled_at")).filter(|text| text.is_truthy()) {
        // What was meant for later must not happen at once.
        assert!(scheduled_at.is_some() || failover.is_empty(), "{text:?} is passed over");
    }
    let written = Failover::value(leader.as_deref(), candidate.as_deref(), *scheduled_at);
    let again = Failover::from_node(5, written.to_json().as_bytes());
    let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    assert_eq!((again.leader, again.candidate), (named(leader), named(candidate)));
    assert_eq!(again.scheduled_at, *scheduled_at);
    !failover.is_empty()
}

fn history(value: &[u8], document: Option<&Value>) -> bool {
    let history = TimelineHistory::from_node(9, value);
    assert_eq!(history.version, 9);
    assert_eq!(history.lines.len(), document.and_then(Value::as_array).map_or(0, <[Value]>::len));
    let mut entries: Vec<HistoryLine> = history.entries().collect();
    for entry in &mut entries {
        // Without a timestamp there is no place for a new leader.
        if entry.timestamp.is_none() {
            entry.new_leader = None;
        }
    }
    let again = TimelineHistory::from_node(9, TimelineHistory::encode(&entries).as_bytes());
    assert_eq!(again.entries().collect::<Vec<_>>(), entries, "what is written is read again");
    let cluster = Cluster { history: Some(history), ..Cluster::empty() };
    let _ = cluster.timeline();
    !entries.is_empty()
}

fn status(value: &[u8]) -> bool {
    let status = Status::from_node(value);
    assert_eq!(Status::from_nodes(None, Some(value)).last_lsn, status.last_lsn);
    let known = status.to_value();
    let again = Status::from_node(known.to_json().as_bytes());
    assert_eq!((again.last_lsn, &again.retain_slots), (status.last_lsn, &status.retain_slots));
    let slots = status.slots.as_ref().filter(|slots| !slots.is_empty()).map(Object::to_json);
    assert_eq!(again.slots.as_ref().map(Object::to_json), slots);
    assert_eq!(again.slot_positions(), status.slot_positions());
    assert_eq!(known.to_json(), again.to_value().to_json());
    // An update of the position alone keeps what is known, and writing it twice changes nothing.
    let written = StatusUpdate::optime(5).merge(&known);
    let once = Status::from_node(written.to_json().as_bytes());
    assert_eq!((once.last_lsn, &once.retain_slots), (5, &status.retain_slots));
    assert!(same(&StatusUpdate::optime(5).merge(&written), &written));
    !status.is_empty()
}

fn failsafe(value: &[u8], object: Option<&Object>) -> bool {
    let failsafe = Failsafe::from_node(value);
    assert_eq!(failsafe.is_some(), object.is_some());
    let Some(failsafe) = failsafe else { return false };
    let again = Failsafe::from_node(failsafe.to_json().as_bytes()).expect("it was written by us");
    assert_eq!(again.to_json(), failsafe.to_json());
    for (member, url) in failsafe.iter() {
        assert_eq!(failsafe.api_url(member), Some(url));
    }
    let nan = failsafe.to_json().contains("NaN");
    assert!(nan || (again.same_as(&failsafe) && deep_compare(&failsafe.0, &again.0)));
    failsafe.iter().count() > 0
}

/// Any text as the name of a slot, and as a time.
pub(crate) fn texts(text: &str) {
    let slot = slot_name_from_member_name(text);
    assert!(
        slot.len() <= 63 && slot.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')),
        "{slot:?}"
    );
    if let Some(at) = ScheduledAt::parse(text) {
        assert_eq!(ScheduledAt::parse(&at.to_string()), Some(at), "{at}");
    }
}
