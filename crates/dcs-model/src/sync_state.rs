//! The synchronous replication state.

use crate::json::{Object, Value, python_strip};
use serde::Serialize;

/// What the `sync` key says; answers to `patroni.dcs.SyncState`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncState {
    /// The version of the znode, none when it does not exist.
    pub version: Option<i32>,
    /// The member that wrote the state as primary. A value that is not a string is none if Python calls it
    /// false, and otherwise its text: the state stays valid, and only its standbys may lead.
    pub leader: Option<String>,
    /// The synchronous standbys, separated by commas. A value that is not a string counts as none.
    pub sync_standby: Option<String>,
    /// How many other nodes of the state a candidate has to see to win the leader race; 0 unless there is a
    /// leader.
    pub quorum: i64,
}

impl SyncState {
    /// What [`SyncState::value`] is to be replaced by to delete the state; answers to `delete_sync_state`.
    pub const DELETED: &'static str = "{}";

    /// Reads the znode `sync`, or says that there is none; answers to `SyncState.from_node`.
    ///
    /// A value that is not a JSON object, or whose `quorum` counts and is not a number, is an empty state
    /// that keeps its version.
    pub fn from_node(version: Option<i32>, value: Option<&[u8]>) -> Self {
        match value.map(Value::from_slice) {
            Some(Ok(Value::Object(object))) => Self::from_value(version, &object),
            _ => Self::empty(version),
        }
    }

    /// Reads what was just written, see [`SyncState::value`].
    pub fn from_value(version: Option<i32>, value: &Object) -> Self {
        let truthy = |key| value.get(key).filter(|value| value.is_truthy());
        let quorum = match truthy("leader").and(truthy("quorum")).map(Value::to_int) {
            None => 0,
            Some(Some(quorum)) => quorum,
            Some(None) => return Self::empty(version),
        };
        let leader = value.get("leader").filter(|leader| leader.is_truthy() || leader.as_str().is_some());
        Self {
            version,
            leader: leader.map(|leader| leader.to_python_str().into_owned()),
            sync_standby: value.get_str("sync_standby").map(str::to_owned),
            quorum,
        }
    }

    /// The value to write; answers to `AbstractDCS.sync_state`. Standbys are sorted and joined with commas;
    /// without any the key holds `null`.
    pub fn value<S: AsRef<str>>(
        leader: Option<&str>,
        sync_standby: impl IntoIterator<Item = S>,
        quorum: Option<i64>,
    ) -> Object {
        let mut standbys: Vec<S> = sync_standby.into_iter().collect();
        standbys.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
        let joined = standbys.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",");
        let joined = (!standbys.is_empty()).then_some(joined);
        [("leader", Value::from(leader)), ("quorum", quorum.into()), ("sync_standby", joined.into())]
            .into_iter()
            .collect()
    }

    /// No state, of a znode with the given version if there is one.
    pub fn empty(version: Option<i32>) -> Self {
        Self { version, ..Self::default() }
    }

    /// Whether there is no leader, and so no valid state.
    pub fn is_empty(&self) -> bool {
        self.leader.as_deref().unwrap_or_default().is_empty()
    }

    /// The synchronous standbys: items trimmed, empty ones dropped; none of an empty state.
    pub fn voters(&self) -> Vec<&str> {
        if self.is_empty() { Vec::new() } else { split(self.sync_standby.as_deref().unwrap_or_default()) }
    }

    /// The leader and the synchronous standbys; none of an empty state.
    pub fn members(&self) -> Vec<&str> {
        match self.leader.as_deref() {
            Some(leader) if !leader.is_empty() => std::iter::once(leader).chain(self.voters()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `name` is one of the synchronous standbys or, with `check_leader`, the leader. Case does not
    /// matter.
    pub fn matches(&self, name: Option<&str>, check_leader: bool) -> bool {
        let Some(name) = name.filter(|name| !name.is_empty() && !self.is_empty()) else { return false };
        let mut listed = self.sync_standby.clone().unwrap_or_default();
        if check_leader {
            listed.push(',');
            listed.push_str(self.leader.as_deref().unwrap_or_default());
        }
        split(&listed.to_lowercase()).contains(&name.to_lowercase().as_str())
    }

    /// Whether `name` is the leader. Case does not matter.
    pub fn leader_matches(&self, name: Option<&str>) -> bool {
        match (name, self.leader.as_deref()) {
            (Some(name), Some(leader)) if !name.is_empty() && !leader.is_empty() => {
                name.to_lowercase() == leader.to_lowercase()
            }
            _ => false,
        }
    }
}

fn split(names: &str) -> Vec<&str> {
    names.split(',').map(python_strip).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(value: &str) -> SyncState {
        SyncState::from_node(Some(5), Some(value.as_bytes()))
    }

    #[test]
    fn garbage_is_an_empty_state_with_its_version() {
        for value in
            ["", "{", "[]", "null", r#"{"leader":"a","quorum":"x"}"#, r#"{"leader":"a","quorum":Infinity}"#]
        {
            assert_eq!(state(value), SyncState::empty(Some(5)), "{value}");
        }
        assert_eq!(SyncState::from_node(None, None), SyncState::default());
    }

    #[test]
    fn quorum_counts_only_with_a_leader() {
        assert_eq!(state(r#"{"leader":"a","quorum":"2"}"#).quorum, 2);
        assert_eq!(state(r#"{"leader":"","quorum":2}"#).quorum, 0);
        assert_eq!(
            state(r#"{"leader":null,"quorum":"x","sync_standby":"b"}"#).sync_standby.as_deref(),
            Some("b")
        );
    }

    #[test]
    fn a_leader_of_the_wrong_type_is_somebody() {
        let state = state(r#"{"leader":5,"sync_standby":"b"}"#);
        assert!(!state.is_empty() && state.matches(Some("b"), false) && !state.matches(Some("c"), true));
        assert!(SyncState::from_node(None, Some(br#"{"leader":[]}"#)).is_empty());
    }

    #[test]
    fn names() {
        let state = state(r#"{"leader":"Foo","sync_standby":" bar,,ZOO ,"}"#);
        assert_eq!(state.voters(), ["bar", "ZOO"]);
        assert_eq!(state.members(), ["Foo", "bar", "ZOO"]);
        assert!(state.matches(Some("zoo"), false) && state.matches(Some("fOO"), true));
        assert!(!state.matches(Some("foo"), false) && !state.matches(Some("baz"), true));
        assert!(!state.matches(None, true) && !state.matches(Some(""), true));
        assert!(state.leader_matches(Some("FOO")) && !state.leader_matches(Some("bar")));
        assert!(!SyncState::empty(None).leader_matches(Some("")));
    }

    #[test]
    fn written_values() {
        let value = SyncState::value(Some("a"), ["c", "b"], Some(1));
        assert_eq!(value.to_json(), r#"{"leader":"a","quorum":1,"sync_standby":"b,c"}"#);
        let none: [&str; 0] = [];
        let value = SyncState::value(None, none, None);
        assert_eq!(value.to_json(), r#"{"leader":null,"quorum":null,"sync_standby":null}"#);
        assert!(SyncState::from_value(Some(1), &value).is_empty());
    }
}
