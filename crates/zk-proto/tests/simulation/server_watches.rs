//! The watches that a server holds for a connection.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use zk_jute::{
    AddWatchMode, ErrorCode, EventType, KeeperState,
    records::{ReplyHeader, SetWatches2, WatcherEvent},
    write_frame,
    xid::WATCH_EVENT_XID,
};

use crate::{
    network::Direction,
    tree::{Change, Tree, parent},
    world::World,
};

#[derive(Debug, Default)]
pub(crate) struct ConnWatches {
    pub(crate) data: BTreeSet<String>,
    pub(crate) children: BTreeSet<String>,
    pub(crate) persistent: BTreeMap<String, AddWatchMode>,
}

impl ConnWatches {
    /// The events of one change for this connection. One-shot watches are gone with them.
    fn fire(&mut self, kind: EventType, path: &str) -> Vec<(EventType, String)> {
        let mut events = Vec::new();
        let children_of_it = kind == EventType::NODE_DELETED && self.children.remove(path);
        let itself = self.data.remove(path)
            || children_of_it
            || self.persistent.iter().any(|(on, mode)| match *mode {
                AddWatchMode::PERSISTENT => on == path,
                _ => path
                    .strip_prefix(on.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            });
        if itself {
            events.push((kind, path.to_owned()));
        }
        if kind != EventType::NODE_DATA_CHANGED {
            let above = parent(path);
            if self.children.remove(above) || self.persistent.get(above) == Some(&AddWatchMode::PERSISTENT) {
                events.push((EventType::NODE_CHILDREN_CHANGED, above.to_owned()));
            }
        }
        events
    }

    /// What `DataTree.setWatches` does.
    pub(crate) fn restore(&mut self, tree: &Tree, request: &SetWatches2<'_>) -> Vec<(EventType, String)> {
        let mut events = Vec::new();
        for path in &request.data_watches {
            match tree.nodes.get(*path) {
                None => events.push((EventType::NODE_DELETED, (*path).to_owned())),
                Some(node) if node.stat().mzxid > request.relative_zxid => {
                    events.push((EventType::NODE_DATA_CHANGED, (*path).to_owned()));
                }
                Some(_) => {
                    self.data.insert((*path).to_owned());
                }
            }
        }
        for path in &request.exist_watches {
            if tree.nodes.contains_key(*path) {
                events.push((EventType::NODE_CREATED, (*path).to_owned()));
            } else {
                self.data.insert((*path).to_owned());
            }
        }
        for path in &request.child_watches {
            match tree.nodes.get(*path) {
                None => events.push((EventType::NODE_DELETED, (*path).to_owned())),
                Some(node) if node.stat().pzxid > request.relative_zxid => {
                    events.push((EventType::NODE_CHILDREN_CHANGED, (*path).to_owned()));
                }
                Some(_) => {
                    self.children.insert((*path).to_owned());
                }
            }
        }
        for (paths, mode) in [
            (&request.persistent_watches, AddWatchMode::PERSISTENT),
            (&request.persistent_recursive_watches, AddWatchMode::PERSISTENT_RECURSIVE),
        ] {
            self.persistent.extend(paths.iter().map(|path| ((*path).to_owned(), mode)));
        }
        events
    }
}

impl World {
    pub(crate) fn fire_watches(&mut self, server: usize, change: &Change, zxid: i64) {
        let (kind, path) = match change {
            Change::Create { path, .. } => (EventType::NODE_CREATED, path),
            Change::Set { path, .. } => (EventType::NODE_DATA_CHANGED, path),
            Change::Delete { path } => (EventType::NODE_DELETED, path),
            Change::SessionBegins { .. } | Change::SessionEnds { .. } => return,
        };
        for conn in self.servers[server].conns.clone() {
            if !self.conns[conn].serving.is_ready() {
                continue;
            }
            for (kind, path) in self.conns[conn].serving.watches.fire(kind, path) {
                self.tell_event(conn, kind, &path, zxid);
            }
        }
    }

    /// Events carry the zxid of what they tell, as those of ZooKeeper 3.9 do.
    pub(crate) fn tell_event(&mut self, conn: usize, event_type: EventType, path: &str, zxid: i64) {
        let header = ReplyHeader { xid: WATCH_EVENT_XID, zxid, err: ErrorCode::OK };
        let event = WatcherEvent { event_type, state: KeeperState::SYNC_CONNECTED, path };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &header, &event).expect("small");
        self.say(|_| format!("event on connection {conn}: {event_type} {path} ({zxid:x})"));
        self.send(conn, Direction::Client, bytes.freeze());
    }
}
