//! Reads: a session never sees less than it has seen or written, a synced read not less than was acknowledged.
//!
//! ```text
//!   writes of /a      zxid   10        15        20
//!   the session       set /b ok 17 ──▶ floor 17
//!                     read /a          ─▶ 15 or 20 is good (a lagging server is at 17 at the least), 10 is too old
//! ```
//!
//! The floor of a session is the greatest zxid that it knows of, of whatever node. What is read is the state of a node at the floor
//! or later.

use std::collections::HashMap;

use super::{
    Rule,
    calls::{Ending, Op},
    evidence::Evidence,
    nodes::Node,
    verdict::Found,
};
use crate::history::{Call, Outcome, ReadNode};

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for ops in evidence.sessions.values() {
        let mut session = Session::default();
        for op in ops.iter().map(|index| &evidence.ops[*index]) {
            session.answered(evidence, op, found);
        }
    }
}

/// What a session has seen.
#[derive(Debug, Default)]
struct Session<'a> {
    floor: Option<i64>,
    /// The answer that told the floor.
    record: Option<usize>,
    /// Nodes that were not there at this zxid or later. What is there afterwards was written after it.
    absent: HashMap<&'a str, i64>,
}

impl<'a> Session<'a> {
    fn answered(&mut self, evidence: &Evidence<'a>, op: &Op<'a>, found: &mut Found) {
        let Ending::Ok { record, outcome, .. } = op.ending else { return };
        match outcome {
            Outcome::Written { zxid, path, .. } => {
                // Where the answer does not tell: later than all that was known.
                let known = zxid.or_else(|| Some(evidence.floor.before(op.invoked)?.0));
                self.raise(known, record);
                if let (Call::Delete { .. }, Some(known)) = (op.call, known) {
                    self.absent.insert(path, known);
                }
            }
            Outcome::Value { node, .. } => {
                if let Some(known) = evidence.nodes.get(op.asked()) {
                    self.read(evidence, known, (op, record), node.as_ref(), found);
                }
                match node {
                    Some(node) => self.raise(Some(node.mzxid), record),
                    None => {
                        if let Some(floor) = self.floor {
                            self.absent.insert(op.asked(), floor);
                        }
                    }
                }
            }
        }
    }

    fn raise(&mut self, known: Option<i64>, record: usize) {
        if known > self.floor {
            (self.floor, self.record) = (known, Some(record));
        }
    }

    fn read(
        &self,
        evidence: &Evidence<'a>,
        known: &Node<'a>,
        (op, record): (&Op<'a>, usize),
        node: Option<&ReadNode>,
        found: &mut Found,
    ) {
        let synced = matches!(op.call, Call::Read { synced: true, .. });
        let acknowledged = evidence.floor.before(op.invoked).filter(|_| synced);
        let own = self.floor.zip(self.record);
        for (rule, floor) in [(Rule::SessionReads, own), (Rule::SyncedRead, acknowledged)] {
            let Some((floor, told)) = floor else { continue };
            let why = match node {
                Some(node) => self.too_old(rule, known, op, node, floor),
                None => missing(evidence, known, op, floor),
            };
            if let Some((why, shown)) = why {
                found.report(
                    rule,
                    [op.invoke_record, record, told].into_iter().chain(shown),
                    format!("{} sees too little: {why}, and {floor:#x} was known", op.name()),
                );
                return;
            }
        }
    }

    /// Why a node that is there is not what must be there.
    fn too_old(
        &self,
        rule: Rule,
        known: &Node<'a>,
        op: &Op<'a>,
        node: &ReadNode,
        floor: i64,
    ) -> Option<(String, Option<usize>)> {
        let absent =
            self.absent.get(op.asked()).filter(|absent| rule == Rule::SessionReads && **absent >= node.mzxid);
        if let Some(absent) = absent {
            return Some((format!("the node of {:#x}, which was gone at {absent:#x}", node.mzxid), None));
        }
        let state = known.state_at(floor)?;
        (state.zxid > node.mzxid).then(|| {
            (format!("the state of {:#x} and not that of {:#x}", node.mzxid, state.zxid), Some(state.record))
        })
    }
}

/// Why there must be a node where none was read.
fn missing(
    evidence: &Evidence<'_>,
    known: &Node<'_>,
    op: &Op<'_>,
    floor: i64,
) -> Option<(String, Option<usize>)> {
    let state = known.state_at(floor)?;
    let written = state.writer.map_or(0, |writer| evidence.ops[writer].invoked);
    (!known.removals.touch(written, op.settled())).then(|| {
        (format!("no node, where one was written at {:#x} and not deleted", state.zxid), Some(state.record))
    })
}
