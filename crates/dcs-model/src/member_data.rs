//! What a member says about itself.

use crate::json::{Object, Value, deep_compare};
use crate::tags::Tags;

/// The data of a member key, in the order it is set; answers to the dictionary that `Ha.touch_member` builds.
///
/// ```
/// use dcs_model::MemberData;
///
/// let data = MemberData::new("postgres://10.0.0.1:5432/postgres", "http://10.0.0.1:8008/patroni")
///     .state("running")
///     .role("primary")
///     .version("4.1.5")
///     .xlog_location(67_108_864)
///     .timeline(1);
/// assert!(data.to_json().ends_with(r#""xlog_location":67108864,"timeline":1}"#));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemberData(Object);

impl MemberData {
    /// Data with the two URLs that every member publishes: of PostgreSQL and of the REST API.
    pub fn new(conn_url: &str, api_url: &str) -> Self {
        Self::default().set("conn_url", conn_url).set("api_url", api_url)
    }

    /// Any key.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key, value);
        self
    }

    /// The state of PostgreSQL: `running`, `starting`, `stopped` and so on.
    #[must_use]
    pub fn state(self, state: &str) -> Self {
        self.set("state", state)
    }

    /// The role: `primary`, `replica`, `standby_leader` and so on.
    #[must_use]
    pub fn role(self, role: &str) -> Self {
        self.set("role", role)
    }

    /// The version of the agent, in numbers with dots. Patroni takes it for its own, and chooses by it what
    /// to write.
    #[must_use]
    pub fn version(self, version: &str) -> Self {
        self.set("version", version)
    }

    /// The URL of a proxy in front of PostgreSQL.
    #[must_use]
    pub fn proxy_url(self, url: &str) -> Self {
        self.set("proxy_url", url)
    }

    /// Says that the leader has not made a checkpoint since its promotion. The key is there only while that
    /// is so.
    #[must_use]
    pub fn no_checkpoint_after_promote(self) -> Self {
        self.set("checkpoint_after_promote", false)
    }

    /// The tags that are to be published of those configured, see [`Tags::published`]; none, no key.
    #[must_use]
    pub fn tags(self, configured: &Object) -> Self {
        let tags = Tags::published(configured);
        if tags.is_empty() { self } else { self.set("tags", tags) }
    }

    /// Says that PostgreSQL has to be restarted, and why.
    #[must_use]
    pub fn pending_restart(self, reason: Object) -> Self {
        self.set("pending_restart", true).set("pending_restart_reason", reason)
    }

    /// The WAL position, in bytes.
    #[must_use]
    pub fn xlog_location(self, lsn: i64) -> Self {
        self.set("xlog_location", lsn)
    }

    /// The WAL position replayed, in bytes.
    #[must_use]
    pub fn replay_lsn(self, lsn: i64) -> Self {
        self.set("replay_lsn", lsn)
    }

    /// The WAL position received, in bytes.
    #[must_use]
    pub fn receive_lsn(self, lsn: i64) -> Self {
        self.set("receive_lsn", lsn)
    }

    /// How a standby gets its WAL: `streaming` or `in archive recovery`.
    #[must_use]
    pub fn replication_state(self, state: &str) -> Self {
        self.set("replication_state", state)
    }

    /// The timeline.
    #[must_use]
    pub fn timeline(self, timeline: i64) -> Self {
        self.set("timeline", timeline)
    }

    /// A restart at a later time: its conditions, and `schedule` in ISO 8601.
    #[must_use]
    pub fn scheduled_restart(self, restart: Object) -> Self {
        self.set("scheduled_restart", restart)
    }

    /// Says that the member knows that the cluster is in maintenance mode.
    #[must_use]
    pub fn pause(self) -> Self {
        self.set("pause", true)
    }

    /// Whether `stored` says the same, so that `touch_member` can skip the write; see
    /// [`deep_compare`](crate::json::deep_compare).
    pub fn same_as(&self, stored: &Object) -> bool {
        deep_compare(&self.0, stored)
    }

    /// The data.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The data.
    pub fn into_object(self) -> Object {
        self.0
    }

    /// The value to write.
    pub fn to_json(&self) -> String {
        self.0.to_json()
    }
}

impl From<Object> for MemberData {
    fn from(data: Object) -> Self {
        Self(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Member;

    #[test]
    fn what_is_written_is_read() {
        let tags: Object = [("nofailover", true), ("nosync", false)].into_iter().collect();
        let data = MemberData::new("postgres://h/db", "http://h").role("replica").tags(&tags).pause();
        assert_eq!(
            data.to_json(),
            concat!(
                r#"{"conn_url":"postgres://h/db","api_url":"http://h","role":"replica","#,
                r#""tags":{"nofailover":true},"pause":true}"#
            )
        );
        let member = Member::from_node(0, "a", 1, data.to_json().as_bytes());
        assert!(data.same_as(&member.data) && member.nofailover());
        assert!(!data.clone().timeline(1).same_as(&member.data));
    }
}
