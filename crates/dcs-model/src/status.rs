//! The last known WAL position of the leader and its replication slots.

use crate::json::{Object, Value, parse_int};
use indexmap::IndexMap;
use serde::Serialize;

/// What the `status` key says, or the older `optime/leader`; answers to `patroni.dcs.Status`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    /// The leader's last WAL position, in bytes.
    pub last_lsn: i64,
    /// Positions of permanent slots by name, as they are stored; see [`Status::slot_positions`].
    pub slots: Option<Object>,
    /// Slots of absent members to be kept. Items that are not strings are left out.
    pub retain_slots: Vec<String>,
}

impl Status {
    /// Nothing known; answers to `Status.empty`.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.last_lsn == 0 && self.slots.is_none() && self.retain_slots.is_empty()
    }

    /// Reads the value of `status`, or of `optime/leader` when `status` does not exist; answers to
    /// `ZooKeeper.get_status`.
    pub fn from_nodes(status: Option<&[u8]>, leader_optime: Option<&[u8]>) -> Self {
        status.or(leader_optime).map(Self::from_node).unwrap_or_default()
    }

    /// Reads a value; answers to `Status.from_node`.
    ///
    /// A bare integer is a position alone. In an object each field is read alone, a bad one is 0 or none or
    /// empty, and `slots` and `retain_slots` may be JSON in a string.
    pub fn from_node(value: &[u8]) -> Self {
        let object = match Value::from_slice(value) {
            Ok(Value::Object(object)) => object,
            Ok(lsn @ (Value::Int(_) | Value::Bool(_))) => {
                return Self { last_lsn: lsn.to_int().unwrap_or_default(), ..Self::default() };
            }
            _ => return Self::default(),
        };
        let last_lsn = object.get("optime").and_then(Value::to_int).unwrap_or_default();
        let slots = match unwrap_string(object.get("slots")) {
            Some(Value::Object(slots)) => Some(slots),
            _ => None,
        };
        let retain_slots = match unwrap_string(object.get("retain_slots")) {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Self { last_lsn, slots, retain_slots }
    }

    /// Positions of permanent slots by name, in bytes; what is not a number counts as 0. Answers to
    /// `Cluster.slots`.
    pub fn slot_positions(&self) -> IndexMap<&str, i64> {
        let slots = self.slots.iter().flat_map(Object::iter);
        slots.map(|(name, position)| (name, parse_int(position).unwrap_or_default())).collect()
    }

    /// What a reader remembers as last seen: `optime`, `retain_slots` even when empty, `slots` when there are
    /// any. Answers to `AbstractDCS._last_status` after `get_cluster`.
    pub fn to_value(&self) -> Object {
        let mut value: Object =
            [("optime", Value::from(self.last_lsn)), ("retain_slots", self.retain_slots.clone().into())]
                .into_iter()
                .collect();
        if let Some(slots) = self.slots.as_ref().filter(|slots| !slots.is_empty()) {
            value.insert("slots", slots.clone());
        }
        value
    }
}

fn unwrap_string(value: Option<&Value>) -> Option<Value> {
    match value {
        Some(Value::String(text)) => Value::parse(text).ok(),
        other => other.cloned(),
    }
}

/// What to do with one part of the stored status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StatusField<T> {
    /// Leave what is known, if anything is.
    #[default]
    Keep,
    /// Leave it out.
    Clear,
    /// Write this.
    Set(T),
}

/// A new value for `status`; answers to the argument of `AbstractDCS.write_status`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusUpdate {
    /// The leader's WAL position, in bytes.
    pub optime: i64,
    /// Positions of slots by name.
    pub slots: StatusField<Object>,
    /// Slots of absent members to be kept.
    pub retain_slots: StatusField<Vec<String>>,
}

impl StatusUpdate {
    /// A new position, and everything else as it is known.
    pub fn optime(optime: i64) -> Self {
        Self { optime, ..Self::default() }
    }

    /// The value to write, where `last` is what was last read ([`Status::to_value`]) or written. It needs no
    /// write when
    /// [`deep_compare`](crate::json::deep_compare) finds it equal to `last`.
    pub fn merge(self, last: &Object) -> Object {
        fn field<T: Into<Value>>(field: StatusField<T>, last: Option<&Value>) -> Option<Value> {
            match field {
                StatusField::Keep => last.filter(|value| value.is_truthy()).cloned(),
                StatusField::Clear => None,
                StatusField::Set(value) => Some(value.into()),
            }
        }
        let mut value: Object = [("optime", self.optime)].into_iter().collect();
        let slots = field(self.slots, last.get("slots")).map(|slots| ("slots", slots));
        let retain_slots =
            field(self.retain_slots, last.get("retain_slots")).map(|names| ("retain_slots", names));
        value.extend(slots.into_iter().chain(retain_slots));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_alone() {
        let status =
            Status::from_node(br#"{"optime":"x","slots":"{\"a\":\"5\",\"b\":null}","retain_slots":["r",1]}"#);
        assert_eq!((status.last_lsn, status.retain_slots.len()), (0, 1));
        assert_eq!(status.slot_positions().into_iter().collect::<Vec<_>>(), [("a", 5), ("b", 0)]);
        let status = Status::from_node(br#"{"optime":"7","slots":[],"retain_slots":"{}"}"#);
        assert_eq!(status, Status { last_lsn: 7, ..Status::empty() });
    }

    #[test]
    fn legacy_and_garbage() {
        assert_eq!(Status::from_node(b"123").last_lsn, 123);
        for value in [&b""[..], b"1.5", b"\"5\"", b"[]", b"null", b"\xff"] {
            assert!(Status::from_node(value).is_empty());
        }
        assert_eq!(Status::from_nodes(None, Some(b"5")).last_lsn, 5);
        assert_eq!(Status::from_nodes(Some(b""), Some(b"5")).last_lsn, 0);
    }

    #[test]
    fn updates_keep_what_is_known() {
        let last = Status::from_node(br#"{"optime":1,"slots":{"a":1},"retain_slots":["r"]}"#).to_value();
        assert_eq!(last.to_json(), r#"{"optime":1,"retain_slots":["r"],"slots":{"a":1}}"#);
        assert_eq!(
            StatusUpdate::optime(2).merge(&last).to_json(),
            r#"{"optime":2,"slots":{"a":1},"retain_slots":["r"]}"#
        );
        let update =
            StatusUpdate { optime: 3, slots: StatusField::Clear, retain_slots: StatusField::Set(vec![]) };
        assert_eq!(update.merge(&last).to_json(), r#"{"optime":3,"retain_slots":[]}"#);
        assert_eq!(StatusUpdate::optime(4).merge(&Status::empty().to_value()).to_json(), r#"{"optime":4}"#);
    }
}
