//! Sessions: what ends with them, and what belongs to them.
//!
//! ```text
//!   session 7   ├─ create ephemeral ──── SessionEnded ┤   call ▶ an answer in session 7: wrong
//!                                                         the end: a node that 7 owns: wrong
//! ```

use std::collections::HashMap;

use super::{Rule, calls::Op, evidence::Evidence, leadership::Reign, verdict::Found};

pub(super) fn check(evidence: &Evidence<'_>, reigns: &[Reign<'_>], found: &mut Found) {
    for ((session, _), ops) in &evidence.sessions {
        let Some((ended, record)) = evidence.ended.get(session) else { continue };
        for op in ops.iter().map(|index| &evidence.ops[*index]).filter(|op| op.invoked > *ended) {
            found.report(
                Rule::AnsweredAfterEnd,
                op.records().into_iter().chain([*record]),
                format!(
                    "{} was asked for after session {session:#x} had ended, and answered in it",
                    op.name()
                ),
            );
        }
    }
    owners(evidence, reigns, found);
}

fn owners(evidence: &Evidence<'_>, reigns: &[Reign<'_>], found: &mut Found) {
    let Some(end) = evidence.end else { return };
    let made: HashMap<i64, &Op<'_>> = evidence
        .ops
        .iter()
        .filter(|op| op.value().is_some() && op.is_acknowledged())
        .filter_map(|op| Some((op.zxid()?, op)))
        .collect();
    let leaders: HashMap<i64, &Reign<'_>> = reigns.iter().map(|reign| (reign.token, reign)).collect();
    for node in end.nodes {
        if let Some((_, record)) = evidence.ended.get(&node.owner) {
            found.report(
                Rule::EphemeralOutlived,
                [*record, end.record],
                format!("{} is there at the end, and its session {:#x} had ended", node.path, node.owner),
            );
        }
        let wrong = if let Some(op) = made.get(&node.czxid).filter(|op| op.path() == Some(node.path.as_str()))
        {
            let owner = if op.is_ephemeral() { op.session() } else { Some(0) };
            (owner != Some(node.owner)).then(|| (op.records(), owner.unwrap_or_default()))
        } else if let Some(reign) = leaders.get(&node.czxid) {
            (reign.session != node.owner).then(|| (vec![reign.record], reign.session))
        } else {
            None
        };
        if let Some((records, owner)) = wrong {
            found.report(
                Rule::WrongOwner,
                records.into_iter().chain([end.record]),
                format!("{} belongs to session {:#x} instead of {owner:#x}", node.path, node.owner),
            );
        }
    }
}
