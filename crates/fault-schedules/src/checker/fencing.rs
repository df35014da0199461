//! Fenced writes: none is made once a later leader is there.
//!
//! ```text
//!   zxid   5 ─────── 7 ─────── 9 ─────── 11
//!          key of a  write, 5  key of b  write, 5: after a key of token 9
//! ```
//!
//! A token is the zxid of its leader key, so it orders the writes, whose zxids are known where somebody saw what they
//! stored. Where nobody did, the clock judges: what is asked for when a greater token has been seen must be refused.

use std::collections::BTreeMap;

use super::{Rule, calls::Ending, evidence::Evidence, floor::Floor, leadership::Reign, verdict::Found};
use crate::history::Nanos;

pub(super) fn check(evidence: &Evidence<'_>, reigns: &[Reign<'_>], found: &mut Found) {
    let mut told: Vec<(Nanos, i64, usize)> =
        reigns.iter().map(|reign| (reign.from, reign.token, reign.record)).collect();
    for op in &evidence.ops {
        if let (Some(token), Ending::Ok { at, record, .. }) = (op.token(), op.ending) {
            told.push((at, token, record));
        }
    }
    let known: BTreeMap<i64, usize> = told.iter().map(|(_, token, record)| (*token, *record)).collect();
    let floor = Floor::new(told);
    let mut late = vec![false; evidence.ops.len()];
    for (index, op) in evidence.ops.iter().enumerate() {
        let Some(token) = op.token().filter(|_| op.is_acknowledged()) else { continue };
        if let Some((greater, record)) = floor.before(op.invoked).filter(|(known, _)| *known > token) {
            late[index] = true;
            found.report(
                Rule::FormerLeaderWrote,
                op.records().into_iter().chain([record]),
                format!(
                    "{} is made with token {token}, and was asked for when token {greater} had been seen",
                    op.name()
                ),
            );
        }
    }
    for node in evidence.nodes.values() {
        for state in &node.states {
            let Some(writer) = state.writer.filter(|writer| !late[*writer]) else { continue };
            let op = &evidence.ops[writer];
            let Some(token) = op.token() else { continue };
            let Some(after) = token.checked_add(1) else { continue };
            if let Some((greater, record)) =
                known.range(after..).next().filter(|(known, _)| **known < state.zxid)
            {
                found.report(
                    Rule::FormerLeaderWrote,
                    op.records().into_iter().chain([*record, state.record]),
                    format!(
                        "{} is made with token {token} at zxid {:#x}, after the leader key of token {greater}",
                        op.name(),
                        state.zxid
                    ),
                );
            }
        }
    }
}
