//! A server's copy of the tree: transactions are applied to it in order, and watches fire. Source: `DataTree.processTxn`.

use zk_jute::ErrorCode;

use crate::{
    transaction::{Body, Change, Done, Outcome, Transaction},
    tree::{Kept, Tree, Znode},
    watches::{Event, Watches},
};

/// The znodes as one server has them, and the watches of its clients.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) tree: Tree,
    pub(crate) watches: Watches,
    /// The last transaction that was applied.
    pub(crate) zxid: i64,
}

impl Replica {
    pub(crate) fn new() -> Self {
        Self { tree: Tree::new(), watches: Watches::default(), zxid: 0 }
    }

    /// Applies a transaction. What is to be told because of it is added to `events`, in order.
    pub(crate) fn apply(&mut self, transaction: &Transaction, events: &mut Vec<Event>) -> Outcome {
        let outcome = match &transaction.body {
            Body::OpenSession => Outcome::Session,
            Body::CloseSession { paths, .. } => {
                for path in paths {
                    self.delete(path, transaction.zxid, events);
                }
                Outcome::Session
            }
            Body::One(change) => match self.change(change, transaction, events) {
                Some(done) => Outcome::One(done),
                None => Outcome::Refused(ErrorCode::NO_NODE),
            },
            Body::All(changes) => {
                let done = changes.iter().filter_map(|change| self.change(change, transaction, events));
                Outcome::All(done.collect())
            }
            Body::Refused(code) => Outcome::Refused(*code),
            Body::AllRefused(codes) => Outcome::AllRefused(codes.clone()),
        };
        self.zxid = transaction.zxid;
        outcome
    }

    /// Makes one change. It was checked against the very same tree, so that what it needs is there: `None` cannot happen.
    fn change(
        &mut self,
        change: &Change,
        transaction: &Transaction,
        events: &mut Vec<Event>,
    ) -> Option<Done> {
        let Transaction { zxid, time, .. } = *transaction;
        Some(match change {
            Change::Create { path, data, acl, lifetime, children_created } => {
                let parent = self.tree.get_mut(crate::path::parent(path)?)?;
                parent.kept.children_created = *children_created;
                parent.kept.pzxid = zxid;
                let node = Znode {
                    data: data.clone(),
                    acl: acl.clone(),
                    kept: Kept::new(zxid, time, *lifetime),
                    children: std::collections::BTreeSet::new(),
                };
                let stat = node.stat();
                let parent_acl = parent.acl.clone();
                self.tree.insert(path, node);
                self.watches.created(path, acl, &parent_acl, events);
                Done::Created { path: path.clone(), stat, lifetime: *lifetime }
            }
            Change::Delete { path } => {
                self.delete(path, zxid, events);
                Done::Deleted
            }
            Change::SetData { path, data, version } => {
                let node = self.tree.get_mut(path)?;
                node.data.clone_from(data);
                node.kept.version = *version;
                node.kept.mzxid = zxid;
                node.kept.mtime = time;
                let stat = node.stat();
                self.watches.data_changed(path, &node.acl, events);
                Done::Set(stat)
            }
            Change::SetAcl { path, acl, version } => {
                let node = self.tree.get_mut(path)?;
                node.acl = acl.clone();
                node.kept.aversion = *version;
                Done::AclSet(node.stat())
            }
            Change::Check => Done::Checked,
        })
    }

    fn delete(&mut self, path: &str, zxid: i64, events: &mut Vec<Event>) {
        let Some(node) = self.tree.remove(path) else { return };
        let Some(parent) = crate::path::parent(path).and_then(|parent| self.tree.get_mut(parent)) else {
            return;
        };
        parent.kept.pzxid = zxid;
        self.watches.deleted(path, &node.acl, &parent.acl, events);
    }
}
