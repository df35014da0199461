//! Who wants to be told of what. Source: `WatchManager` and `WatcherModeManager` of 3.8, with their quirks.

use std::collections::{BTreeSet, HashMap};

use zk_jute::{EventType, WatcherType};

use crate::{acl::AccessList, path};

/// A connection. Watches belong to connections: they do not outlive them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// How often a watch tells, and how far it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Persistent,
    Recursive,
}

/// Something that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) to: ConnectionId,
    pub(crate) kind: EventType,
    pub(crate) path: Box<str>,
    /// Only who may read is told; `None` where nobody looks (CVE-2024-23944, which Debian has mended in 3.8.0).
    pub(crate) readers: Option<AccessList>,
}

/// The watches on one aspect of the znodes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    by_path: HashMap<Box<str>, BTreeSet<ConnectionId>>,
    /// A connection stays here once it has watched anything: servers count it so.
    by_connection: HashMap<ConnectionId, HashMap<Box<str>, Mode>>,
    recursive: usize,
}

impl Table {
    /// Adds a watch. There is one for each connection and path, and the last one asked for counts: a one-shot watch takes
    /// the place of a persistent one (ZOOKEEPER-4466).
    pub(crate) fn add(&mut self, path: &str, connection: ConnectionId, mode: Mode) {
        self.by_path.entry(path.into()).or_default().insert(connection);
        let before = self.by_connection.entry(connection).or_default().insert(path.into(), mode);
        self.count_recursive(before, Some(mode));
    }

    /// Removes a watch; `false` if there was none.
    pub(crate) fn remove(&mut self, path: &str, connection: ConnectionId) -> bool {
        let Some(mode) = self.by_connection.get_mut(&connection).and_then(|paths| paths.remove(path)) else {
            return false;
        };
        self.count_recursive(Some(mode), None);
        self.forget(path, connection);
        true
    }

    /// Removes all watches of a connection.
    pub(crate) fn remove_connection(&mut self, connection: ConnectionId) {
        for (path, mode) in self.by_connection.remove(&connection).unwrap_or_default() {
            self.count_recursive(Some(mode), None);
            self.forget(&path, connection);
        }
    }

    /// Whether anybody at all watches this very path: servers do not look who it is.
    pub(crate) fn is_watched(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// Who is to be told; one-shot watches are used up.
    pub(crate) fn trigger(&mut self, path: &str, kind: EventType) -> BTreeSet<ConnectionId> {
        let mut told = BTreeSet::new();
        // Without recursive watches nobody looks at the ancestors.
        let reach = if self.recursive == 0 { 1 } else { usize::MAX };
        for (distance, watched) in path::and_ancestors(path).take(reach).enumerate() {
            let Some(connections) = self.by_path.get(watched) else { continue };
            let mut used_up = Vec::new();
            for &connection in connections {
                let mode = self.by_connection.get(&connection).and_then(|paths| paths.get(watched));
                match mode {
                    Some(Mode::Recursive) if kind != EventType::NODE_CHILDREN_CHANGED => {
                        told.insert(connection);
                    }
                    Some(Mode::Persistent) if distance == 0 => {
                        told.insert(connection);
                    }
                    Some(Mode::Once) if distance == 0 => {
                        told.insert(connection);
                        used_up.push(connection);
                    }
                    _ => {}
                }
            }
            for connection in used_up {
                self.remove(watched, connection);
            }
        }
        told
    }

    /// Connections, paths and watches, as `wchs` counts them.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let watches = self.by_connection.values().map(HashMap::len).fold(0, usize::saturating_add);
        (self.by_connection.len(), self.by_path.len(), watches)
    }

    fn forget(&mut self, path: &str, connection: ConnectionId) {
        if let Some(connections) = self.by_path.get_mut(path) {
            connections.remove(&connection);
            if connections.is_empty() {
                self.by_path.remove(path);
            }
        }
    }

    fn count_recursive(&mut self, before: Option<Mode>, after: Option<Mode>) {
        self.recursive = self.recursive.saturating_add(usize::from(after == Some(Mode::Recursive)));
        self.recursive = self.recursive.saturating_sub(usize::from(before == Some(Mode::Recursive)));
    }
}

/// All watches of a server: on znodes, and on lists of children.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) data: Table,
    pub(crate) children: Table,
}

impl Watches {
    /// Adds a persistent watch, which is one of either kind.
    pub(crate) fn add_persistent(&mut self, path: &str, connection: ConnectionId, mode: Mode) {
        self.children.add(path, connection, mode);
        self.data.add(path, connection, mode);
    }

    /// Whether there is such a watch; `None` for a type that 3.8 does not know.
    pub(crate) fn contains(&self, path: &str, kind: WatcherType) -> Option<bool> {
        match kind {
            WatcherType::CHILDREN => Some(self.children.is_watched(path)),
            WatcherType::DATA => Some(self.data.is_watched(path)),
            WatcherType::ANY => Some(self.children.is_watched(path) || self.data.is_watched(path)),
            _ => None,
        }
    }

    /// Removes a watch and says whether there was one; `None` for a type that 3.8 does not know.
    pub(crate) fn remove(&mut self, path: &str, kind: WatcherType, connection: ConnectionId) -> Option<bool> {
        match kind {
            WatcherType::CHILDREN => Some(self.children.remove(path, connection)),
            WatcherType::DATA => Some(self.data.remove(path, connection)),
            WatcherType::ANY => {
                let (children, data) =
                    (self.children.remove(path, connection), self.data.remove(path, connection));
                Some(children || data)
            }
            _ => None,
        }
    }

    /// Removes all watches of a connection.
    pub(crate) fn remove_connection(&mut self, connection: ConnectionId) {
        self.data.remove_connection(connection);
        self.children.remove_connection(connection);
    }

    /// A znode with this ACL was created under a parent with that.
    pub(crate) fn created(
        &mut self,
        path: &str,
        acl: &AccessList,
        parent: &AccessList,
        events: &mut Vec<Event>,
    ) {
        let kind = EventType::NODE_CREATED;
        tell(self.data.trigger(path, kind), kind, path, acl, events);
        self.children_changed(path, parent, events);
    }

    /// A znode was deleted. Whoever watches both it and its children is told once.
    pub(crate) fn deleted(
        &mut self,
        path: &str,
        acl: &AccessList,
        parent: &AccessList,
        events: &mut Vec<Event>,
    ) {
        let kind = EventType::NODE_DELETED;
        let told = self.data.trigger(path, kind);
        let mut others = self.children.trigger(path, kind);
        others.retain(|connection| !told.contains(connection));
        tell(told, kind, path, acl, events);
        tell(others, kind, path, acl, events);
        self.children_changed(path, parent, events);
    }

    /// The data of a znode was set.
    pub(crate) fn data_changed(&mut self, path: &str, acl: &AccessList, events: &mut Vec<Event>) {
        let kind = EventType::NODE_DATA_CHANGED;
        tell(self.data.trigger(path, kind), kind, path, acl, events);
    }

    fn children_changed(&mut self, child: &str, acl: &AccessList, events: &mut Vec<Event>) {
        let kind = EventType::NODE_CHILDREN_CHANGED;
        if let Some(parent) = path::parent(child) {
            tell(self.children.trigger(parent, kind), kind, parent, acl, events);
        }
    }
}

fn tell(
    told: BTreeSet<ConnectionId>,
    kind: EventType,
    path: &str,
    readers: &AccessList,
    events: &mut Vec<Event>,
) {
    let event = |to| Event { to, kind, path: path.into(), readers: Some(readers.clone()) };
    events.extend(told.into_iter().map(event));
}
