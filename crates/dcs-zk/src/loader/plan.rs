//! What to read for given groups and members, and what the answers say.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use zk_session::{Error, ErrorCode, ProtocolError, ReadOp, ReadResult, Stat};

use super::{Groups, reads::Answer};
use crate::paths::{Paths, parse_group};

/// The names that have to be known before they can be read: the members of each cluster, by its group.
pub(crate) type Layout = BTreeMap<Option<u32>, BTreeSet<String>>;

/// A znode as it was read; `None` if it is absent.
pub(crate) type Node = Option<(Bytes, Stat)>;

/// The znodes of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// What the others are in.
    pub(crate) directory: Node,
    pub(crate) initialize: Node,
    pub(crate) config: Node,
    pub(crate) leader: Node,
    pub(crate) status: Node,
    pub(crate) leader_optime: Node,
    pub(crate) members: Vec<(String, Bytes, Stat)>,
    pub(crate) failover: Node,
    pub(crate) sync: Node,
    pub(crate) history: Node,
    pub(crate) failsafe: Node,
}

/// The reads that one request makes.
pub(super) struct Plan<'a> {
    paths: &'a Paths,
    groups: Groups,
    layout: &'a Layout,
}

impl<'a> Plan<'a> {
    pub(super) fn new(paths: &'a Paths, groups: Groups, layout: &'a Layout) -> Self {
        Self { paths, groups, layout }
    }

    pub(super) fn ops(&self) -> Vec<ReadOp> {
        let mut ops = Vec::new();
        if self.groups == Groups::All {
            ops.push(ReadOp::get_children(self.paths.base()));
        }
        for (group, names) in self.layout {
            let paths = self.paths.with_group(*group);
            ops.extend(
                [
                    paths.directory(),
                    paths.initialize(),
                    paths.config(),
                    paths.leader(),
                    paths.status(),
                    paths.leader_optime(),
                    paths.failover(),
                    paths.sync(),
                    paths.history(),
                    paths.failsafe(),
                ]
                .map(ReadOp::get_data),
            );
            ops.push(ReadOp::get_children(paths.members()));
            ops.extend(names.iter().map(|name| ReadOp::get_data(paths.member_unchecked(name))));
        }
        ops
    }

    /// Whether this reads what a member says about itself.
    pub(super) fn is_member(&self, op: &ReadOp) -> bool {
        let parent = op.path().rsplit_once('/').map(|(parent, _)| parent);
        self.layout.keys().any(|group| Some(self.paths.with_group(*group).members().as_str()) == parent)
    }

    /// The clusters, and the names that the server has: where they are not the plan's, something is missing in the clusters.
    pub(super) fn take(
        &self,
        answers: Vec<Answer>,
    ) -> Result<(BTreeMap<Option<u32>, Snapshot>, Layout), Error> {
        let mut answers = Answers { asked: answers.len(), answers: answers.into_iter() };
        let mut found = Layout::new();
        if self.groups == Groups::All {
            let groups = answers.children()?;
            let groups = groups.iter().filter_map(|child| parse_group(child));
            found.extend(groups.map(|group| (Some(group), BTreeSet::new())));
        }
        let mut snapshots = BTreeMap::new();
        for (group, names) in self.layout {
            let mut snapshot = Snapshot {
                directory: answers.node()?,
                initialize: answers.node()?,
                config: answers.node()?,
                leader: answers.node()?,
                status: answers.node()?,
                leader_optime: answers.node()?,
                failover: answers.node()?,
                sync: answers.node()?,
                history: answers.node()?,
                failsafe: answers.node()?,
                members: Vec::new(),
            };
            let members = answers.children()?;
            for name in names {
                if let Some((data, stat)) = answers.node()? {
                    snapshot.members.push((name.clone(), data, stat));
                }
            }
            if self.groups != Groups::All || found.contains_key(group) {
                found.insert(*group, members.into_iter().collect());
            }
            snapshots.insert(*group, snapshot);
        }
        Ok((snapshots, found))
    }
}

/// The answers, in the order of the reads.
struct Answers {
    asked: usize,
    answers: std::vec::IntoIter<Answer>,
}

impl Answers {
    fn node(&mut self) -> Result<Node, Error> {
        match self.next()? {
            Some(ReadResult::GetData { data, stat }) => Ok(Some((data, stat))),
            None => Ok(None),
            Some(_) => Err(self.unfitting()),
        }
    }

    fn children(&mut self) -> Result<Vec<String>, Error> {
        match self.next()? {
            Some(ReadResult::GetChildren { children }) => Ok(children),
            None => Ok(Vec::new()),
            Some(_) => Err(self.unfitting()),
        }
    }

    /// The next answer; what is absent is `None`.
    fn next(&mut self) -> Result<Option<ReadResult>, Error> {
        match self.answers.next() {
            Some(Ok(result)) => Ok(Some(result)),
            Some(Err(rejected)) if rejected.code == ErrorCode::NO_NODE => Ok(None),
            Some(Err(rejected)) => Err(Error::Rejected(rejected)),
            None => Err(self.unfitting()),
        }
    }

    fn unfitting(&self) -> Error {
        ProtocolError::Multi { asked: self.asked, answered: self.asked.saturating_sub(self.answers.len()) }
            .into()
    }
}
