//! The watches that the server holds for this session.

use std::{collections::BTreeMap, sync::Arc};

use zk_jute::{EventType, WatcherType};

use crate::request::{WatchId, WatchOn};

/// One of the lists the server keeps, and `SetWatches` restores: path → who wants to know.
type Registrations = BTreeMap<Arc<str>, Vec<WatchId>>;

/// The name of a list.
#[derive(Debug, Clone, Copy)]
enum List {
    Data,
    Exists,
    Children,
    Persistent,
    Recursive,
}

/// What forgetting a watch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// It was not armed (yet, or any more).
    NotArmed,
    /// Others still need what the server holds.
    Shared,
    /// The server holds this for nobody now.
    Last(WatcherType, Arc<str>),
}

/// The registry. Identical watches share one registration, as they do on the server.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) data: Registrations,
    /// Watches on absent nodes.
    pub(crate) exists: Registrations,
    pub(crate) children: Registrations,
    pub(crate) persistent: Registrations,
    pub(crate) recursive: Registrations,
    /// Where each watch is registered: giving up one of many does not search them all.
    places: BTreeMap<WatchId, (List, Arc<str>)>,
}

impl Watches {
    /// Arms a watch when the reply to its request is processed. `found` tells whether the node exists: that decides what an
    /// `exists` watch waits for, and whether the others are armed at all.
    pub(crate) fn arm(&mut self, on: WatchOn, id: WatchId, found: bool) {
        let (list, path) = match (on, found) {
            (WatchOn::Data(path) | WatchOn::Exists(path), true) => (List::Data, path),
            (WatchOn::Exists(path), false) => (List::Exists, path),
            (WatchOn::Children(path), true) => (List::Children, path),
            (WatchOn::Persistent(path), true) => (List::Persistent, path),
            (WatchOn::Recursive(path), true) => (List::Recursive, path),
            (_, false) => return,
        };
        let path: Arc<str> = path.into();
        self.list(list).entry(Arc::clone(&path)).or_default().push(id);
        self.places.insert(id, (list, path));
    }

    fn list(&mut self, list: List) -> &mut Registrations {
        match list {
            List::Data => &mut self.data,
            List::Exists => &mut self.exists,
            List::Children => &mut self.children,
            List::Persistent => &mut self.persistent,
            List::Recursive => &mut self.recursive,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The watches that an event fires. One-shot ones are taken out, persistent ones stay.
    pub(crate) fn fire(&mut self, kind: EventType, path: &str) -> Vec<WatchId> {
        let lists: &mut [&mut Registrations] = match kind {
            EventType::NODE_CREATED | EventType::NODE_DATA_CHANGED => &mut [&mut self.data, &mut self.exists],
            EventType::NODE_DELETED => &mut [&mut self.data, &mut self.exists, &mut self.children],
            EventType::NODE_CHILDREN_CHANGED => &mut [&mut self.children],
            _ => return Vec::new(),
        };
        let mut fired: Vec<WatchId> =
            lists.iter_mut().filter_map(|list| list.remove(path)).flatten().collect();
        for id in &fired {
            self.places.remove(id);
        }
        fired.extend(self.persistent.get(path).into_iter().flatten());
        // A change of children is the creation or deletion of a child to a recursive watch: servers send just those.
        if kind != EventType::NODE_CHILDREN_CHANGED {
            let above = ancestors(path).filter_map(|ancestor| self.recursive.get(ancestor));
            fired.extend(above.flatten());
        }
        fired
    }

    /// Forgets a watch that nobody waits for any more.
    pub(crate) fn forget(&mut self, id: WatchId) -> Forgotten {
        let Some((place, path)) = self.places.remove(&id) else { return Forgotten::NotArmed };
        let list = self.list(place);
        if let Some(ids) = list.get_mut(&path) {
            ids.retain(|other| *other != id);
            if !ids.is_empty() {
                return Forgotten::Shared;
            }
            list.remove(&path);
        }
        let watched = |list: &Registrations| list.contains_key(&path);
        let data = watched(&self.data) || watched(&self.exists);
        let persistent = watched(&self.persistent) || watched(&self.recursive);
        match place {
            List::Data | List::Exists if !data && !persistent => Forgotten::Last(WatcherType::DATA, path),
            List::Children if !watched(&self.children) && !persistent => {
                Forgotten::Last(WatcherType::CHILDREN, path)
            }
            // Servers before 3.9 know no narrower word for a persistent watch.
            List::Persistent | List::Recursive if !data && !persistent && !watched(&self.children) => {
                Forgotten::Last(WatcherType::ANY, path)
            }
            _ => Forgotten::Shared,
        }
    }

    /// The persistent watches: events that came while there was no connection are lost to them.
    pub(crate) fn persistent_ids(&self) -> Vec<WatchId> {
        self.persistent.values().chain(self.recursive.values()).flatten().copied().collect()
    }

    /// Takes out the persistent watches, of one path or all: a server cannot hold them.
    pub(crate) fn take_persistent(&mut self, path: Option<&str>) -> Vec<WatchId> {
        let mut taken = Vec::new();
        for list in [&mut self.persistent, &mut self.recursive] {
            match path {
                Some(path) => taken.extend(list.remove(path).into_iter().flatten()),
                None => taken.extend(std::mem::take(list).into_values().flatten()),
            }
        }
        for id in &taken {
            self.places.remove(id);
        }
        taken
    }

    /// Takes out every watch: the session that held them is over.
    pub(crate) fn take_all(&mut self) -> Vec<WatchId> {
        let Self { data, exists, children, persistent, recursive, places: _ } = std::mem::take(self);
        [data, exists, children, persistent, recursive]
            .into_iter()
            .flat_map(BTreeMap::into_values)
            .flatten()
            .collect()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// The path itself, and those above it up to the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| match path.rfind('/') {
        Some(0) if *path != "/" => Some("/"),
        Some(0) | None => None,
        Some(at) => path.get(..at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u64]) -> Vec<WatchId> {
        ids.iter().copied().map(WatchId).collect()
    }

    #[test]
    fn events_fire_what_the_protocol_says_once() {
        let mut watches = Watches::default();
        watches.arm(WatchOn::Data("/a".into()), WatchId(1), true);
        watches.arm(WatchOn::Exists("/a".into()), WatchId(2), true);
        watches.arm(WatchOn::Children("/a".into()), WatchId(3), true);
        watches.arm(WatchOn::Exists("/b".into()), WatchId(4), false);
        watches.arm(WatchOn::Data("/c".into()), WatchId(5), false);
        assert_eq!(watches.fire(EventType::NODE_CHILDREN_CHANGED, "/a"), ids(&[3]));
        assert_eq!(watches.fire(EventType::NODE_DATA_CHANGED, "/a"), ids(&[1, 2]));
        assert_eq!(watches.fire(EventType::NODE_CREATED, "/b"), ids(&[4]));
        assert!(watches.is_empty(), "an absent node leaves no data watch");
        assert_eq!(watches.fire(EventType::NODE_DELETED, "/a"), ids(&[]));
    }

    #[test]
    fn identical_watches_share_a_registration_and_are_forgotten_one_by_one() {
        let mut watches = Watches::default();
        for id in 1..=3 {
            watches.arm(WatchOn::Children("/a".into()), WatchId(id), true);
        }
        assert_eq!(watches.children.len(), 1);
        assert_eq!(watches.forget(WatchId(2)), Forgotten::Shared);
        assert_eq!(watches.forget(WatchId(2)), Forgotten::NotArmed);
        assert_eq!(watches.fire(EventType::NODE_DELETED, "/a"), ids(&[1, 3]));
        assert_eq!(watches.forget(WatchId(1)), Forgotten::NotArmed, "it fired");
        watches.arm(WatchOn::Data("/a".into()), WatchId(4), true);
        assert_eq!(watches.forget(WatchId(4)), Forgotten::Last(WatcherType::DATA, "/a".into()));
        assert!(watches.is_empty());
    }

    #[test]
    fn persistent_watches_stay_and_recursive_ones_see_what_is_below() {
        let mut watches = Watches::default();
        watches.arm(WatchOn::Persistent("/a".into()), WatchId(1), true);
        watches.arm(WatchOn::Recursive("/a".into()), WatchId(2), true);
        watches.arm(WatchOn::Recursive("/".into()), WatchId(3), true);
        watches.arm(WatchOn::Data("/a".into()), WatchId(4), true);
        assert_eq!(watches.fire(EventType::NODE_DATA_CHANGED, "/a"), ids(&[4, 1, 2, 3]));
        assert_eq!(watches.fire(EventType::NODE_DATA_CHANGED, "/a"), ids(&[1, 2, 3]));
        assert_eq!(watches.fire(EventType::NODE_CHILDREN_CHANGED, "/a"), ids(&[1]));
        assert_eq!(watches.fire(EventType::NODE_CREATED, "/a/b/c"), ids(&[2, 3]));
        assert_eq!(watches.fire(EventType::NODE_CREATED, "/ab"), ids(&[3]), "a sibling is not below");
        assert_eq!(watches.persistent_ids(), ids(&[1, 3, 2]));
        assert_eq!(watches.forget(WatchId(1)), Forgotten::Shared, "the recursive one is on the same path");
        assert_eq!(watches.forget(WatchId(2)), Forgotten::Last(WatcherType::ANY, "/a".into()));
    }
}
