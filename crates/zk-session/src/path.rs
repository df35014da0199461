//! Paths: checked before anything is sent, and moved below the chroot.

use std::borrow::Cow;

use zk_jute::{CreateMode, DecodeError};
use zk_proto::is_forbidden_in_paths;

use crate::error::Invalid;

/// Checks a path as ZooKeeper's servers do.
pub(crate) fn check(path: &str) -> Result<(), Invalid> {
    let bad = |reason| Err(Invalid::Path { path: path.to_owned(), reason });
    let Some(rest) = path.strip_prefix('/') else { return bad("it must begin with /") };
    if rest.is_empty() {
        return Ok(());
    }
    // By bytes: every call passes here, and searching for a `char` costs more than the rest of a call's preparation.
    for part in rest.as_bytes().split(|byte| *byte == b'/') {
        match part {
            b"" => return bad("it has an empty part, or ends with /"),
            b"." | b".." => return bad("relative parts are not allowed"),
            _ => {}
        }
    }
    if rest.chars().any(is_forbidden_in_paths) {
        return bad("it has a character that ZooKeeper forbids");
    }
    Ok(())
}

/// The prefix of every path on the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chroot(Option<String>);

impl Chroot {
    pub(crate) fn new(chroot: Option<String>) -> Self {
        Self(chroot)
    }

    /// The path on the server.
    pub(crate) fn on_server<'a>(&'a self, path: &'a str) -> Result<Cow<'a, str>, Invalid> {
        check(path)?;
        Ok(match (&self.0, path) {
            (None, path) => path.into(),
            (Some(chroot), "/") => chroot.into(),
            (Some(chroot), path) => format!("{chroot}{path}").into(),
        })
    }

    /// The path of a node to be created: one of a sequential node may end with `/`, its name is then the number alone.
    pub(crate) fn new_on_server<'a>(
        &'a self,
        path: &'a str,
        mode: CreateMode,
    ) -> Result<Cow<'a, str>, Invalid> {
        let sequential = matches!(
            mode,
            CreateMode::PERSISTENT_SEQUENTIAL
                | CreateMode::EPHEMERAL_SEQUENTIAL
                | CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL
        );
        match path.strip_suffix('/') {
            Some(parent) if sequential => {
                let parent = self.on_server(if parent.is_empty() { "/" } else { parent })?;
                Ok(format!("{}/", parent.trim_end_matches('/')).into())
            }
            _ => self.on_server(path),
        }
    }

    /// The caller's path for one of the server's. No path of the caller's stands for one outside the chroot: it is shown as
    /// it is.
    pub(crate) fn to_caller(&self, path: &str) -> String {
        self.strip(path).unwrap_or_else(|| path.to_owned())
    }

    /// The caller's path for the node that an answer says to have created: the one that was asked for, with a number if the
    /// server has numbered it. Any other is no answer, and one outside the chroot would name another node of the caller's.
    pub(crate) fn created(&self, asked: &str, path: &str) -> Result<String, DecodeError> {
        let number = path.strip_prefix(asked);
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')) {
            Ok(self.to_caller(path))
        } else {
            Err(DecodeError::OtherPath { what: "CreateResponse.path" })
        }
    }

    /// The caller's path for one of the server's that is inside the chroot.
    pub(crate) fn strip(&self, path: &str) -> Option<String> {
        let Some(chroot) = &self.0 else { return Some(path.to_owned()) };
        match path.strip_prefix(chroot.as_str())? {
            "" => Some("/".to_owned()),
            rest => rest.starts_with('/').then(|| rest.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_paths() {
        for good in ["/", "/a", "/a/b", "/a.b/..c", "/ä/€", "/a b"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/a/../b",
            "/a\0",
            "/\u{85}",
            "/\u{fffe}",
            "/\u{e000}",
            "/\u{1f600}",
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_sequential_nodes_may_be_named_by_their_number_alone() {
        let (plain, below) = (Chroot::new(None), Chroot::new(Some("/x".to_owned())));
        let sequential = CreateMode::EPHEMERAL_SEQUENTIAL;
        assert_eq!(plain.new_on_server("/", sequential), Ok("/".into()));
        assert_eq!(below.new_on_server("/", sequential), Ok("/x/".into()));
        assert_eq!(below.new_on_server("/a/", sequential), Ok("/x/a/".into()));
        assert_eq!(below.new_on_server("/a", sequential), Ok("/x/a".into()));
        assert!(below.new_on_server("/a//", sequential).is_err());
        assert!(below.new_on_server("a/", sequential).is_err());
        assert!(below.new_on_server("/a/", CreateMode::EPHEMERAL).is_err());
    }

    #[test]
    fn chroots_come_and_go() {
        for chroot in [None, Some("/x".to_owned()), Some("/x/y".to_owned())] {
            let chroot = Chroot::new(chroot);
            for path in ["/", "/a", "/x", "/x/y", "/zookeeper/config"] {
                let there = chroot.on_server(path).unwrap();
                assert_eq!(check(&there), Ok(()));
                assert_eq!(chroot.to_caller(&there), path);
            }
        }
        let chroot = Chroot::new(Some("/x".to_owned()));
        assert_eq!(chroot.to_caller("/xy"), "/xy", "a sibling is not inside");
        assert_eq!(chroot.created("/x/n", "/x/n"), Ok("/n".to_owned()));
        assert_eq!(chroot.created("/x/n-", "/x/n-0000000007"), Ok("/n-0000000007".to_owned()));
        assert_eq!(
            chroot.created("/x/", "/x/-2147483648"),
            Ok("/-2147483648".to_owned()),
            "after the greatest"
        );
        assert_eq!(chroot.created("/above", "/above"), Ok("/above".to_owned()), "a parent of the chroot");
        for other in ["/n", "/xy", "/x/m", "/x/n/0", "/x/nn", "/x", ""] {
            assert!(chroot.created("/x/n", other).is_err(), "{other}");
        }
        assert_eq!(
            (chroot.strip("/xy"), chroot.strip("/x"), chroot.strip("/")),
            (None, Some("/".into()), None)
        );
    }
}
