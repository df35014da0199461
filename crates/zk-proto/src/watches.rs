//! The one-shot watches that the server holds for this session.

use std::collections::BTreeMap;

use zk_jute::EventType;

use crate::request::{WatchId, WatchOn};

/// One of the three lists the server keeps, and `SetWatches` restores: path → who wants to know.
type Registrations = BTreeMap<String, Vec<WatchId>>;

/// The registry. Identical watches share one registration, as they do on the server.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    pub(crate) data: Registrations,
    /// Watches on absent nodes.
    pub(crate) exists: Registrations,
    pub(crate) children: Registrations,
}

impl Watches {
    /// Arms a watch when the reply to its request is processed. `found` tells whether the node exists: that decides what an
    /// `exists` watch waits for, and whether the others are armed at all.
    pub(crate) fn arm(&mut self, on: WatchOn, id: WatchId, found: bool) {
        let (list, path) = match (on, found) {
            (WatchOn::Data(path) | WatchOn::Exists(path), true) => (&mut self.data, path),
            (WatchOn::Exists(path), false) => (&mut self.exists, path),
            (WatchOn::Children(path), true) => (&mut self.children, path),
            (WatchOn::Data(_) | WatchOn::Children(_), false) => return,
        };
        list.entry(path).or_default().push(id);
    }

    /// Takes out the watches that an event fires.
    pub(crate) fn fire(&mut self, kind: EventType, path: &str) -> Vec<WatchId> {
        let lists: &mut [&mut Registrations] = match kind {
            EventType::NODE_CREATED | EventType::NODE_DATA_CHANGED => &mut [&mut self.data, &mut self.exists],
            EventType::NODE_DELETED => &mut [&mut self.data, &mut self.exists, &mut self.children],
            EventType::NODE_CHILDREN_CHANGED => &mut [&mut self.children],
            _ => &mut [],
        };
        lists.iter_mut().filter_map(|list| list.remove(path)).flatten().collect()
    }

    /// Forgets a watch that nobody waits for any more.
    pub(crate) fn forget(&mut self, id: WatchId) {
        for list in [&mut self.data, &mut self.exists, &mut self.children] {
            list.retain(|_, ids| {
                ids.retain(|other| *other != id);
                !ids.is_empty()
            });
        }
    }

    /// Takes out every watch: the session that held them is over.
    pub(crate) fn take_all(&mut self) -> Vec<WatchId> {
        let Self { data, exists, children } = std::mem::take(self);
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
        watches.forget(WatchId(2));
        assert_eq!(watches.fire(EventType::NODE_DELETED, "/a"), ids(&[1, 3]));
    }
}
