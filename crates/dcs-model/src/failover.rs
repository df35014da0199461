//! A requested failover or switchover.

use crate::json::{Object, ParseError, Value, python_strip};
use crate::scheduled_at::ScheduledAt;
use serde::Serialize;

/// What the `failover` key says; answers to `patroni.dcs.Failover`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failover {
    /// The version of the znode.
    pub version: i32,
    /// The member to switch over from; without one this is a failover. A value that is not a string counts as
    /// none.
    pub leader: Option<String>,
    /// The member to become leader. A value that is not a string counts as none.
    pub candidate: Option<String>,
    /// When to do it; at once if none.
    pub scheduled_at: Option<ScheduledAt>,
}

impl Failover {
    /// Reads the znode `failover`; answers to `Failover.from_node`.
    ///
    /// A value that is not JSON is the legacy form `leader:candidate`. JSON that is not an object asks for
    /// nothing. So does a `scheduled_at` that cannot be read, where Patroni fails to load the whole cluster:
    /// what was meant for later must not happen at once.
    pub fn from_node(version: i32, value: &[u8]) -> Self {
        let nothing = Self { version, ..Self::default() };
        match Value::from_slice(value) {
            Ok(Value::Object(object)) => Self::from_value(version, &object).unwrap_or(nothing),
            Err(ParseError::Syntax { .. }) if !value.is_empty() => {
                let text = String::from_utf8_lossy(value);
                let mut names = text.split(':').map(|name| python_strip(name).to_owned());
                Self { leader: names.next(), candidate: names.next(), ..nothing }
            }
            _ => nothing,
        }
    }

    /// Reads an object; none if its `scheduled_at` cannot be read.
    fn from_value(version: i32, object: &Object) -> Option<Self> {
        let scheduled_at = match object.get("scheduled_at").filter(|value| value.is_truthy()) {
            None => None,
            Some(value) => Some(ScheduledAt::parse(value.as_str()?)?),
        };
        let text = |key| object.get_str(key).map(str::to_owned);
        Some(Self { version, leader: text("leader"), candidate: text("member"), scheduled_at })
    }

    /// The value to write; answers to `AbstractDCS.manual_failover`. What is none or empty is left out.
    pub fn value(leader: Option<&str>, candidate: Option<&str>, scheduled_at: Option<ScheduledAt>) -> Object {
        let names = [("leader", leader), ("member", candidate)];
        let mut object: Object = names
            .into_iter()
            .filter_map(|(key, name)| name.filter(|name| !name.is_empty()).map(|name| (key, name)))
            .collect();
        if let Some(at) = scheduled_at {
            object.insert("scheduled_at", at.to_string());
        }
        object
    }

    /// Whether nothing is asked for: neither a leader nor a candidate. Patroni's `len(failover) == 0`.
    pub fn is_empty(&self) -> bool {
        [&self.leader, &self.candidate].into_iter().flatten().all(String::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failover(value: &str) -> Failover {
        Failover::from_node(1, value.as_bytes())
    }

    #[test]
    fn json_and_legacy() {
        let json = failover(r#"{"leader":"a","member":"b","scheduled_at":"2016-01-14T10:09:57.1394Z"}"#);
        assert_eq!((json.leader.as_deref(), json.candidate.as_deref()), (Some("a"), Some("b")));
        let at = json.scheduled_at.unwrap();
        assert_eq!(at.to_string(), "2016-01-14T10:09:57.139400+00:00");
        assert_eq!(
            Failover::value(Some("a"), Some("b"), Some(at)).to_json(),
            r#"{"leader":"a","member":"b","scheduled_at":"2016-01-14T10:09:57.139400+00:00"}"#
        );
        let legacy = failover("a : b:c");
        assert_eq!((legacy.leader.as_deref(), legacy.candidate.as_deref()), (Some("a"), Some("b")));
        assert_eq!(failover("a").candidate, None);
    }

    #[test]
    fn what_asks_for_nothing() {
        for value in [
            "",
            "null",
            "[]",
            "5",
            "{}",
            r#"{"leader":""}"#,
            r#"{"leader":"a","scheduled_at":"soon"}"#,
            r#"{"leader":"a","scheduled_at":5}"#,
            r#"{"leader":["a"]}"#,
            " ",
        ] {
            assert!(failover(value).is_empty(), "{value}");
        }
        assert!(Failover::from_node(1, b"a:\xff").is_empty());
        assert_eq!(Failover::value(Some(""), None, None).to_json(), "{}");
    }
}
