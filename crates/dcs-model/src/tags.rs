//! The tags of a member.

use crate::json::{Object, Value, parse_bool, parse_int};

/// The `tags` of a member, with Patroni's rules of precedence; answers to `patroni.tags.Tags`.
///
/// Tags that are missing, or stored as something else than an object, count as no tags.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tags<'a>(Option<&'a Object>);

impl<'a> Tags<'a> {
    /// The tags kept in `object`.
    pub fn new(object: &'a Object) -> Self {
        Self(Some(object))
    }

    /// The tags in the data of a member.
    pub(crate) fn of_member(data: &'a Object) -> Self {
        Self(data.get("tags").and_then(Value::as_object))
    }

    /// A tag by its name, predefined or custom.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.and_then(|tags| tags.get(name))
    }

    /// All tags, if there is an object of them.
    pub fn as_object(&self) -> Option<&'a Object> {
        self.0
    }

    /// Whether the node may serve as the source of new replicas.
    /// [`Member::clonefrom`](crate::Member::clonefrom) also asks for a connection URL.
    pub fn clonefrom(&self) -> bool {
        self.get("clonefrom").is_some_and(Value::is_truthy)
    }

    /// Whether the node must not become primary: the tag `nofailover` unless it is missing or `null`,
    /// otherwise whether `failover_priority` is zero or less.
    pub fn nofailover(&self) -> bool {
        self.bool_tag("nofailover", "failover_priority")
    }

    /// How much the node is preferred in a leader race: 0 with `nofailover`, otherwise the tag, 1 when it is
    /// missing or not a number.
    pub fn failover_priority(&self) -> i64 {
        self.priority_tag("nofailover", "failover_priority")
    }

    /// Whether load balancers should leave the node out.
    pub fn noloadbalance(&self) -> bool {
        self.get("noloadbalance").is_some_and(Value::is_truthy)
    }

    /// Whether the node must not be a synchronous standby: as [`Tags::nofailover`], with `sync_priority`.
    pub fn nosync(&self) -> bool {
        self.bool_tag("nosync", "sync_priority")
    }

    /// How much the node is preferred as a synchronous standby: as [`Tags::failover_priority`], with
    /// `nosync`.
    pub fn sync_priority(&self) -> i64 {
        self.priority_tag("nosync", "sync_priority")
    }

    /// The member to replicate from, if any. A value that is not a string counts as none.
    pub fn replicatefrom(&self) -> Option<&'a str> {
        self.get("replicatefrom").and_then(Value::as_str)
    }

    /// Whether the node must not use streaming replication; reads `on`, `yes`, `"true"` and `1` as well.
    pub fn nostream(&self) -> bool {
        self.get("nostream").and_then(parse_bool).unwrap_or(false)
    }

    /// The tags that a node publishes; answers to `Tags._filter_tags`.
    ///
    /// `clonefrom`, `nofailover`, `noloadbalance`, `nosync` and `nostream` are left out when they are false,
    /// except `nofailover` beside `failover_priority` and `nosync` beside `sync_priority`. All others stay.
    pub fn published(configured: &Object) -> Object {
        configured
            .iter()
            .filter(|(name, value)| match *name {
                "nofailover" => value.is_truthy() || configured.contains_key("failover_priority"),
                "nosync" => value.is_truthy() || configured.contains_key("sync_priority"),
                "clonefrom" | "noloadbalance" | "nostream" => value.is_truthy(),
                _ => true,
            })
            .map(|(name, value)| (name, value.clone()))
            .collect()
    }

    fn bool_tag(&self, flag: &str, priority: &str) -> bool {
        match self.get(flag) {
            None | Some(Value::Null) => {
                self.get(priority).and_then(parse_int).is_some_and(|number| number <= 0)
            }
            Some(value) => value.is_truthy(),
        }
    }

    fn priority_tag(&self, flag: &str, priority: &str) -> i64 {
        if self.get(flag).is_some_and(Value::is_truthy) {
            0
        } else {
            self.get(priority).and_then(parse_int).unwrap_or(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object {
        Value::parse(text).unwrap().as_object().unwrap().clone()
    }

    #[test]
    fn the_flag_goes_before_the_priority() {
        for (text, nofailover, priority) in [
            ("{}", false, 1),
            (r#"{"nofailover":true,"failover_priority":5}"#, true, 0),
            (r#"{"nofailover":false,"failover_priority":0}"#, false, 0),
            (r#"{"nofailover":null,"failover_priority":"-1"}"#, true, -1),
            (r#"{"nofailover":"false"}"#, true, 0),
            (r#"{"failover_priority":"x"}"#, false, 1),
            (r#"{"failover_priority":0.4}"#, true, 0),
        ] {
            let tags = object(text);
            assert_eq!(Tags::new(&tags).nofailover(), nofailover, "{text}");
            assert_eq!(Tags::new(&tags).failover_priority(), priority, "{text}");
        }
    }

    #[test]
    fn published_tags() {
        let tags =
            object(r#"{"clonefrom":false,"nofailover":false,"failover_priority":2,"nosync":false,"x":null}"#);
        assert_eq!(
            Tags::published(&tags).to_json(),
            r#"{"nofailover":false,"failover_priority":2,"x":null}"#
        );
    }
}
