//! A store in one piece: writes one after the other, and every state that there was.

use std::collections::{BTreeMap, VecDeque};

use fault_schedules::history::{Call, Change, FinalNode, Outcome, ReadNode};

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) zxid: i64,
    /// The states of each node, None where it was gone.
    nodes: BTreeMap<String, Vec<(i64, Option<FinalNode>)>>,
    /// How many nodes were created: the next number of a sequence.
    created: u32,
    /// The token of the leader key.
    pub(crate) leader: Option<i64>,
    /// What the watcher is to be told.
    pub(crate) events: VecDeque<(String, Change)>,
}

impl Store {
    pub(crate) fn take_lead(&mut self) -> i64 {
        self.zxid += 1;
        self.leader = Some(self.zxid);
        self.zxid
    }

    fn now(&self, path: &str) -> Option<&FinalNode> {
        self.nodes.get(path)?.last()?.1.as_ref()
    }

    pub(crate) fn version(&self, path: &str) -> i32 {
        self.now(path).map_or(0, |node| node.version)
    }

    pub(crate) fn read(&self, path: &str, at: i64) -> Option<ReadNode> {
        let states = self.nodes.get(path)?;
        let (_, node) = states.get(states.partition_point(|(zxid, _)| *zxid <= at).checked_sub(1)?)?;
        let node = node.as_ref()?;
        Some(ReadNode { value: node.value.clone(), mzxid: node.mzxid, version: node.version })
    }

    fn put(&mut self, path: &str, node: Option<FinalNode>, change: Change) {
        self.nodes.entry(path.to_owned()).or_default().push((self.zxid, node));
        self.events.push_back((path.to_owned(), change));
    }

    fn make(&mut self, path: &str, value: &str, owner: i64) {
        self.zxid += 1;
        self.created += 1;
        let (czxid, mzxid) = (self.zxid, self.zxid);
        let node =
            FinalNode { path: path.to_owned(), value: value.to_owned(), czxid, mzxid, version: 0, owner };
        self.put(path, Some(node), Change::Created);
    }

    fn remove(&mut self, path: &str) {
        self.zxid += 1;
        self.put(path, None, Change::Deleted);
    }

    /// Makes a write, or says no.
    pub(crate) fn write(&mut self, call: &Call, session: i64) -> Result<Outcome, ()> {
        let told = |path: &str, zxid, version| {
            Ok(Outcome::Written { path: path.to_owned(), zxid, version, session })
        };
        match call {
            Call::Create { path, value, sequential, ephemeral } => {
                let path = if *sequential { format!("{path}{:010}", self.created) } else { path.clone() };
                if self.now(&path).is_some() {
                    return Err(());
                }
                self.make(&path, value, if *ephemeral { session } else { 0 });
                told(&path, Some(self.zxid), Some(0))
            }
            Call::Set { path, token: Some(token), .. } if self.leader != Some(*token) => {
                let _former_leader = path;
                Err(())
            }
            Call::Set { path, value, token: Some(_), .. } if self.now(path).is_none() => {
                self.make(path, value, 0);
                told(path, None, None)
            }
            Call::Set { path, value, version, token } => {
                let mut node = self.now(path).cloned().ok_or(())?;
                if version.is_some_and(|version| version != node.version) {
                    return Err(());
                }
                self.zxid += 1;
                (node.mzxid, node.version, node.value) = (self.zxid, node.version + 1, value.clone());
                let version = node.version;
                self.put(path, Some(node), Change::Changed);
                if token.is_some() {
                    told(path, None, None)
                } else {
                    told(path, Some(self.zxid), Some(version))
                }
            }
            Call::Delete { path, .. } => {
                self.now(path).ok_or(())?;
                self.remove(path);
                told(path, None, None)
            }
            Call::Read { .. } => Err(()),
        }
    }

    pub(crate) fn end_session(&mut self, session: i64) {
        let owned: Vec<String> =
            self.last().into_iter().filter(|node| node.owner == session).map(|node| node.path).collect();
        for path in owned {
            self.remove(&path);
        }
    }

    /// One of the sequential nodes that there are.
    pub(crate) fn any_of_sequence(&self, dice: usize) -> Option<String> {
        let there: Vec<&String> =
            self.nodes.keys().filter(|path| path.contains("-0") && self.now(path).is_some()).collect();
        Some((*there.get(dice.checked_rem(there.len())?)?).clone())
    }

    pub(crate) fn last(&self) -> Vec<FinalNode> {
        self.nodes.keys().filter_map(|path| self.now(path)).cloned().collect()
    }

    /// Path and `mzxid` of what there is.
    pub(crate) fn listing(&self) -> Vec<(String, i64)> {
        self.last().into_iter().map(|node| (node.path, node.mzxid)).collect()
    }
}
