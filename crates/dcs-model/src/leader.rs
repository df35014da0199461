//! The leader key.

use crate::json::Object;
use crate::member::Member;
use serde::Serialize;
use std::borrow::Cow;

/// Who holds the leader key; answers to `patroni.dcs.Leader`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leader {
    /// The version of the znode.
    pub version: i32,
    /// The ZooKeeper session that owns the znode, 0 when it is not ephemeral.
    pub session: i64,
    /// The member with the stored name, or a bare one when it has no member key.
    pub member: Member,
}

impl Leader {
    /// Reads the znode `leader`, whose value is a member's name.
    ///
    /// Bytes that are not UTF-8 become U+FFFD: somebody holds the lock, whoever it is.
    pub fn from_node(version: i32, session: i64, value: &[u8], members: &[Member]) -> Self {
        let name = String::from_utf8_lossy(value);
        let member = members.iter().find(|member| member.name == name);
        Self { version, session, member: member.cloned().unwrap_or_else(|| Member::bare(&name)) }
    }

    /// A leader from its parts.
    pub fn new(version: i32, session: i64, member: Member) -> Self {
        Self { version, session, member }
    }

    /// The leader's name.
    pub fn name(&self) -> &str {
        &self.member.name
    }

    /// What the leader published as a member.
    pub fn data(&self) -> &Object {
        &self.member.data
    }

    /// The leader's connection URL, see [`Member::conn_url`].
    pub fn conn_url(&self) -> Option<Cow<'_, str>> {
        self.member.conn_url()
    }

    /// The parameters to connect to the leader with, see [`Member::conn_kwargs`].
    pub fn conn_kwargs(&self, auth: Option<&Object>) -> Object {
        self.member.conn_kwargs(auth)
    }

    /// The leader's timeline, if it is an integer.
    pub fn timeline(&self) -> Option<i64> {
        self.member.timeline()
    }

    /// Whether the leader has made a checkpoint since its promotion; none when its version is not known or
    /// 1.5.6 or older, which do not say.
    pub fn checkpoint_after_promote(&self) -> Option<bool> {
        let version = self.member.patroni_version()?;
        (version.as_slice() > [1, 5, 6].as_slice()).then(|| {
            matches!(self.member.role(), Some("master" | "primary"))
                && !self.data().contains_key("checkpoint_after_promote")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(data: &str) -> Leader {
        Leader::new(1, 2, Member::from_node(1, "a", 2, data.as_bytes()))
    }

    #[test]
    fn finds_its_member() {
        let members = [Member::from_node(4, "a", 7, b"{\"role\":\"primary\"}")];
        assert_eq!(Leader::from_node(1, 2, b"a", &members).member, members[0]);
        let bare = Leader::from_node(1, 2, b"b", &members);
        assert_eq!((bare.name(), bare.member.version, bare.member.session), ("b", -1, None));
        assert_eq!(Leader::from_node(1, 2, b"\xff", &members).name(), "\u{fffd}");
    }

    #[test]
    fn checkpoint_after_promote() {
        assert_eq!(leader(r#"{"version":"1.5.6","role":"primary"}"#).checkpoint_after_promote(), None);
        assert_eq!(leader(r#"{"version":"4.1.5","role":"primary"}"#).checkpoint_after_promote(), Some(true));
        assert_eq!(leader(r#"{"version":"4.1.5","role":"replica"}"#).checkpoint_after_promote(), Some(false));
        let waiting = r#"{"version":"1.5.6.1","role":"master","checkpoint_after_promote":false}"#;
        assert_eq!(leader(waiting).checkpoint_after_promote(), Some(false));
    }
}
