//! Acknowledged writes: they are there at the end, or somebody replaced or deleted them.
//!
//! ```text
//!   zxid    12         15         20              the end
//!           set (ok)   set (?)    set (ok)        mzxid 20: good
//!                                                 mzxid 15: the write at 20 is lost
//!                                                 no node: lost, unless a delete may have come after
//! ```
//!
//! Deletes have no zxid here. One was made after everything that was known before it was asked for.

use super::{
    Rule,
    calls::Op,
    evidence::{End, Evidence},
    nodes::Node,
    verdict::Found,
};
use crate::history::{Call, FinalNode, Nanos};

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let Some(end) = evidence.end else { return };
    for node in evidence.nodes.values() {
        let writes = node.creates.iter().chain(&node.sets).map(|index| &evidence.ops[*index]);
        for op in writes.filter(|op| op.is_acknowledged()) {
            let why = match node.last {
                None => (!node.removals.touch(op.invoked, Nanos::MAX))
                    .then(|| "there is no such node at the end, and nobody deleted it".to_owned()),
                Some(last) => write_lost(node, op, last),
            };
            if let Some(why) = why {
                report(op, end, &why, found);
            }
        }
        let Some(last) = node.last else { continue };
        for op in node.deletes.iter().map(|index| &evidence.ops[*index]).filter(|op| op.is_acknowledged()) {
            if let Some((known, _)) = evidence.floor.before(op.invoked)
                && last.czxid <= known
            {
                let why = format!(
                    "the node at the end was made at {:#x}, and {known:#x} was known before the delete",
                    last.czxid
                );
                report(op, end, &why, found);
            }
        }
    }
}

/// Why a write is lost though the node is there.
fn write_lost(node: &Node<'_>, op: &Op<'_>, last: &FinalNode) -> Option<String> {
    let Some(zxid) = op.zxid() else {
        // Only the clock can tell: what is there was known to be there before this was asked for.
        let state = node.state_at(last.mzxid).filter(|state| state.zxid == last.mzxid)?;
        return (op.value() != Some(last.value.as_str()) && state.seen < op.invoked)
            .then(|| format!("at the end there is still what was there before, from {:#x}", last.mzxid));
    };
    let replaced = node.removals.touch(op.invoked, Nanos::MAX);
    if last.mzxid < zxid {
        Some(format!("it was made at {zxid:#x}, and the last write at the end is that at {:#x}", last.mzxid))
    } else if matches!(op.call, Call::Create { .. }) && (last.czxid < zxid || last.czxid > zxid && !replaced)
    {
        Some(format!("it was made at {zxid:#x}, and the node at the end at {:#x}", last.czxid))
    } else {
        None
    }
}

fn report(op: &Op<'_>, end: End<'_>, why: &str, found: &mut Found) {
    let sentence = format!("{} was acknowledged and is lost: {why}", op.name());
    found.report(Rule::Lost, op.records().into_iter().chain([end.record]), sentence);
}
