//! Where Patroni keeps what.

use zk_session::is_forbidden_in_paths;

use crate::config::{ConfigError, first_word};

/// The znodes of one Patroni cluster, or of one group of an MPP (Citus) cluster; answers to `AbstractDCS.client_path` and
/// the path properties of Patroni.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    base: String,
    group: Option<u32>,
}

impl Paths {
    /// Paths of a scope. `namespace` may have slashes at either end, in the middle, or none; repeated ones collapse.
    ///
    /// # Errors
    ///
    /// A scope or namespace with parts that ZooKeeper or Patroni could take for something else.
    pub fn new(namespace: &str, scope: &str, group: Option<u32>) -> Result<Self, ConfigError> {
        check_name("scope", scope)?;
        let mut base = String::new();
        for part in namespace.split('/').filter(|part| !part.is_empty()) {
            check_name("namespace", part)?;
            base.push('/');
            base.push_str(part);
        }
        base.push('/');
        base.push_str(scope);
        Ok(Self { base, group })
    }

    /// The directory of the scope, above the groups.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The group, in an MPP cluster.
    pub fn group(&self) -> Option<u32> {
        self.group
    }

    /// The same scope, another group (`None`: without MPP).
    #[must_use]
    pub fn with_group(&self, group: Option<u32>) -> Self {
        Self { base: self.base.clone(), group }
    }

    /// The directory that holds the keys.
    pub fn directory(&self) -> String {
        match self.group {
            None => self.base.clone(),
            Some(group) => format!("{}/{group}", self.base),
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.directory())
    }

    /// `initialize`: PostgreSQL's system identifier.
    pub fn initialize(&self) -> String {
        self.key("initialize")
    }

    /// `config`: the dynamic configuration.
    pub fn config(&self) -> String {
        self.key("config")
    }

    /// `leader`: the lock, an ephemeral node.
    pub fn leader(&self) -> String {
        self.key("leader")
    }

    /// `members`: the directory of the members.
    pub fn members(&self) -> String {
        self.key("members")
    }

    /// `members/NAME`: a member, an ephemeral node.
    pub fn member(&self, name: &MemberName) -> String {
        self.member_unchecked(name.as_str())
    }

    /// The path of a name that came from the server as a child of `members`.
    pub(crate) fn member_unchecked(&self, name: &str) -> String {
        format!("{}/{name}", self.members())
    }

    /// `failover`: a requested failover or switchover.
    pub fn failover(&self) -> String {
        self.key("failover")
    }

    /// `history`: the timelines.
    pub fn history(&self) -> String {
        self.key("history")
    }

    /// `status`: the leader's WAL position and slots.
    pub fn status(&self) -> String {
        self.key("status")
    }

    /// `optime/leader`: the leader's WAL position, as Patroni before 2.1.0 kept it.
    pub fn leader_optime(&self) -> String {
        self.key("optime/leader")
    }

    /// `sync`: the synchronous replication state.
    pub fn sync(&self) -> String {
        self.key("sync")
    }

    /// `failsafe`: the topology for the failsafe mode.
    pub fn failsafe(&self) -> String {
        self.key("failsafe")
    }
}

/// A member's name that can be a znode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberName(String);

impl MemberName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// An empty name, one with a slash or with characters that ZooKeeper forbids, `.` and `..`.
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let name = name.into();
        check_name("name", &name)?;
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for MemberName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directory of an MPP group: `^(0|[1-9][0-9]*)$`, as Patroni has it.
pub(crate) fn parse_group(child: &str) -> Option<u32> {
    let canonical =
        child == "0" || (!child.starts_with('0') && child.bytes().all(|byte| byte.is_ascii_digit()));
    canonical.then(|| child.parse().ok()).flatten()
}

fn check_name(key: &'static str, name: &str) -> Result<(), ConfigError> {
    let reason = match name {
        "" => "must not be empty",
        "." | ".." => "must not be . or ..",
        name if name.contains('/') => "must not contain a slash",
        name if name.chars().any(is_forbidden_in_paths) => {
            "must not contain characters that ZooKeeper forbids"
        }
        _ => return Ok(()),
    };
    Err(ConfigError::new(key, format!("{:?} {reason}", first_word(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_in_the_namespace_collapse_as_in_patroni() {
        for namespace in ["service", "/service", "service/", "//service//"] {
            assert_eq!(Paths::new(namespace, "demo", None).unwrap().leader(), "/service/demo/leader");
        }
        assert_eq!(Paths::new("", "demo", None).unwrap().config(), "/demo/config");
        assert_eq!(
            Paths::new("/a//b/", "demo", Some(3)).unwrap().leader_optime(),
            "/a/b/demo/3/optime/leader"
        );
    }

    #[test]
    fn names_that_would_lead_elsewhere_are_refused() {
        for bad in ["", ".", "..", "a/b", "/", "a\0", "a\n", "a\u{fffd}", "\u{1f600}"] {
            assert!(MemberName::new(bad).is_err(), "{bad:?}");
            assert!(Paths::new("service", bad, None).is_err(), "{bad:?}");
        }
        assert!(Paths::new("a/../b", "demo", None).is_err());
        let paths = Paths::new("service", "demo", None).unwrap();
        assert_eq!(
            paths.member(&MemberName::new("pg-1.example").unwrap()),
            "/service/demo/members/pg-1.example"
        );
    }

    #[test]
    fn groups_are_what_patroni_takes_for_groups() {
        for (child, group) in
            [("0", Some(0)), ("7", Some(7)), ("10", Some(10)), ("4294967295", Some(u32::MAX))]
        {
            assert_eq!(parse_group(child), group);
        }
        for other in ["", "00", "07", "+1", "-1", "1a", "leader", "4294967296", "１"] {
            assert_eq!(parse_group(other), None, "{other:?}");
        }
    }
}
