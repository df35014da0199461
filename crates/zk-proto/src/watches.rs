//! The one-shot watches that the server holds for this session.

use std::{collections::BTreeMap, sync::Arc};

use zk_jute::EventType;

use crate::request::{WatchId, WatchOn};

/// One of the three lists the server keeps, and `SetWatches` restores: path → who wants to know.
type Registrations = BTreeMap<Arc<str>, Vec<WatchId>>;

/// The name of a list.
#[derive(Debug, Clone, Copy)]
enum List {
    Data,
    Exists,
    Children,
}

/// The registry. Identical watches share one registration, as they do on the server.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) data: Registrations,
    /// Watches on absent nodes.
    pub(crate) exists: Registrations,
    pub(crate) children: Registrations,
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
            (WatchOn::Data(_) | WatchOn::Children(_), false) => return,
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
        }
    }

    /// Takes out the watches that an event fires.
    pub(crate) fn fire(&mut self, kind: EventType, path: &str) -> Vec<WatchId> {
        let lists: &mut [&mut Registrations] = match kind {
            EventType::NODE_CREATED | EventType::NODE_DATA_CHANGED => &mut [&mut self.data, &mut self.exists],
            EventType::NODE_DELETED => &mut [&mut self.data, &mut self.exists, &mut self.children],
            EventType::NODE_CHILDREN_CHANGED => &mut [&mut self.children],
            _ => &mut [],
        };
        let fired: Vec<WatchId> = lists.iter_mut().filter_map(|list| list.remove(path)).flatten().collect();
        for id in &fired {
            self.places.remove(id);
        }
        fired
    }

    /// Forgets a watch that nobody waits for any more. Tells whether it was armed.
    pub(crate) fn forget(&mut self, id: WatchId) -> bool {
        let Some((list, path)) = self.places.remove(&id) else { return false };
        let list = self.list(list);
        if let Some(ids) = list.get_mut(&path) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                list.remove(&path);
            }
        }
        true
    }

    /// Takes out every watch: the session that held them is over.
    pub(crate) fn take_all(&mut self) -> Vec<WatchId> {
        let Self { data, exists, children, places: _ } = std::mem::take(self);
        [data, exists, children].into_iter().flat_map(BTreeMap::into_values).flatten().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.data.is_empty() && self.exists.is_empty() && self.children.is_empty()
    }
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
        assert!(watches.forget(WatchId(2)));
        assert!(!watches.forget(WatchId(2)));
        assert_eq!(watches.fire(EventType::NODE_DELETED, "/a"), ids(&[1, 3]));
        assert!(!watches.forget(WatchId(1)), "it fired");
        watches.arm(WatchOn::Data("/a".into()), WatchId(4), true);
        assert!(watches.forget(WatchId(4)));
        assert!(watches.is_empty());
    }
}
