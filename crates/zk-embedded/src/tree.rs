//! The znodes. Source: `DataTree`, `DataNode`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use zk_jute::records::Stat;

use crate::{acl::AccessList, path};

/// What becomes of a znode when nobody deletes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// It stays.
    Persistent,
    /// It goes with this session.
    Ephemeral(i64),
    /// It goes some time after its last child.
    Container,
    /// It goes when it has been unchanged and childless for so many milliseconds.
    Ttl(i64),
}

/// The part of a stat that is kept with a znode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) czxid: i64,
    pub(crate) mzxid: i64,
    pub(crate) pzxid: i64,
    pub(crate) ctime: i64,
    pub(crate) mtime: i64,
    pub(crate) version: i32,
    /// How many children were ever created: what clients see counts the deletions, too.
    pub(crate) children_created: i32,
    pub(crate) aversion: i32,
    pub(crate) lifetime: Lifetime,
}

impl Kept {
    /// That of a znode created now.
    pub(crate) fn new(zxid: i64, time: i64, lifetime: Lifetime) -> Self {
        Self {
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            ctime: time,
            mtime: time,
            version: 0,
            children_created: 0,
            aversion: 0,
            lifetime,
        }
    }
}

/// One znode.
#[derive(Debug, Clone)]
pub(crate) struct Znode {
    /// `None` where a client sent the protocol's null.
    pub(crate) data: Option<Bytes>,
    pub(crate) acl: AccessList,
    pub(crate) kept: Kept,
    pub(crate) children: BTreeSet<Box<str>>,
}

impl Znode {
    fn of_the_system(acl: AccessList) -> Self {
        let kept = Kept::new(0, 0, Lifetime::Persistent);
        Self { data: Some(Bytes::new()), acl, kept, children: BTreeSet::new() }
    }

    /// As clients see it.
    pub(crate) fn stat(&self) -> Stat {
        let count = |len: usize| i32::try_from(len).unwrap_or(i32::MAX);
        let Kept { czxid, mzxid, pzxid, ctime, mtime, version, children_created, aversion, lifetime } =
            self.kept;
        let num_children = count(self.children.len());
        Stat {
            czxid,
            mzxid,
            ctime,
            mtime,
            version,
            // For every creation there is a deletion, except for the children that are still there.
            cversion: children_created.wrapping_mul(2).wrapping_sub(num_children),
            aversion,
            ephemeral_owner: match lifetime {
                Lifetime::Ephemeral(session) => session,
                _ => 0,
            },
            data_length: count(self.data.as_ref().map_or(0, Bytes::len)),
            num_children,
            pzxid,
        }
    }
}

/// All znodes, and who owns the ephemeral ones.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: HashMap<Box<str>, Znode>,
    ephemerals: BTreeMap<i64, BTreeSet<Box<str>>>,
    /// Containers and znodes with a time to live.
    passing: BTreeSet<Box<str>>,
}

impl Tree {
    /// The root and what is under `/zookeeper`.
    pub(crate) fn new() -> Self {
        let mut tree = Self { nodes: HashMap::new(), ephemerals: BTreeMap::new(), passing: BTreeSet::new() };
        for system in path::SYSTEM {
            tree.nodes.insert(system.into(), Znode::of_the_system(AccessList::open()));
            if system != path::ROOT {
                tree.add_child(system);
            }
        }
        if let Some(config) = tree.nodes.get_mut("/zookeeper/config") {
            config.acl = AccessList::read_only();
            // ZooKeeper replaces the open ACL by this one, "under version −1", when it makes the tree.
            config.kept.aversion = -1;
        }
        tree
    }

    /// The znode; the root also goes by the empty path.
    pub(crate) fn get(&self, path: &str) -> Option<&Znode> {
        self.nodes.get(key(path))
    }

    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut Znode> {
        self.nodes.get_mut(key(path))
    }

    /// How many znodes there are, and the root twice: as servers count them.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len().saturating_add(1)
    }

    /// Bytes of all paths and all data.
    pub(crate) fn size(&self) -> usize {
        self.nodes.iter().fold(0, |sum, (path, node)| {
            let data = node.data.as_ref().map_or(0, Bytes::len);
            sum.saturating_add(path.len()).saturating_add(data)
        })
    }

    /// How many znodes are below this one.
    pub(crate) fn count_below(&self, path: &str) -> usize {
        if path == path::ROOT {
            return self.nodes.len().saturating_sub(1);
        }
        let below = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        self.nodes.keys().filter(|other| below(other)).count()
    }

    /// The ephemeral znodes of a session, in the order of their paths.
    pub(crate) fn ephemerals_of(&self, session: i64) -> impl Iterator<Item = &str> {
        self.ephemerals.get(&session).into_iter().flatten().map(|path| &**path)
    }

    /// How many ephemeral znodes there are.
    pub(crate) fn count_ephemerals(&self) -> usize {
        self.ephemerals.values().map(BTreeSet::len).fold(0, usize::saturating_add)
    }

    /// Whether any znode may have to be deleted by the server itself.
    pub(crate) fn has_passing(&self) -> bool {
        !self.passing.is_empty()
    }

    /// The containers and znodes with a time to live that are to go now. Source: `ContainerManager.getCandidates`.
    pub(crate) fn outlived(&self, wall: i64) -> Vec<Box<str>> {
        let is_over = |node: &Znode| {
            node.children.is_empty()
                && match node.kept.lifetime {
                    // One that never had a child is about to get its first.
                    Lifetime::Container => node.kept.children_created > 0,
                    Lifetime::Ttl(ttl) => wall.saturating_sub(node.kept.mtime) > ttl,
                    Lifetime::Persistent | Lifetime::Ephemeral(_) => false,
                }
        };
        self.passing.iter().filter(|path| self.nodes.get(&***path).is_some_and(is_over)).cloned().collect()
    }

    /// Adds a znode that does not exist to a parent that does.
    pub(crate) fn insert(&mut self, path: &str, node: Znode) {
        match node.kept.lifetime {
            Lifetime::Persistent => {}
            Lifetime::Ephemeral(session) => {
                self.ephemerals.entry(session).or_default().insert(path.into());
            }
            Lifetime::Container | Lifetime::Ttl(_) => {
                self.passing.insert(path.into());
            }
        }
        self.nodes.insert(path.into(), node);
        self.add_child(path);
    }

    /// Takes a znode out; `None` where there is none.
    pub(crate) fn remove(&mut self, path: &str) -> Option<Znode> {
        let node = self.nodes.remove(path)?;
        if let Some(parent) = path::parent(path).and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.remove(path::name(path));
        }
        match node.kept.lifetime {
            Lifetime::Persistent => {}
            Lifetime::Ephemeral(session) => {
                if let Some(paths) = self.ephemerals.get_mut(&session) {
                    paths.remove(path);
                    if paths.is_empty() {
                        self.ephemerals.remove(&session);
                    }
                }
            }
            Lifetime::Container | Lifetime::Ttl(_) => {
                self.passing.remove(path);
            }
        }
        Some(node)
    }

    fn add_child(&mut self, path: &str) {
        if let Some(parent) = path::parent(path).and_then(|parent| self.nodes.get_mut(parent)) {
            parent.children.insert(path::name(path).into());
        }
    }
}

/// Under what a path is filed.
fn key(path: &str) -> &str {
    if path.is_empty() { path::ROOT } else { path }
}
