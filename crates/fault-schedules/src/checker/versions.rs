//! Versions: a node counts its sets, from 0 at its creation.
//!
//! ```text
//!   zxid      10      12      15      19         the end
//!   version   0       1       2       3          3 = sets acknowledged, up to + unknown ones
//!             create  set     set     set
//! ```
//!
//! The count begins anew when the node was deleted and made again; where that may have happened between two states, they
//! are not compared.

use std::collections::HashMap;

use super::{
    Rule,
    calls::{Ending, Op},
    evidence::Evidence,
    nodes::{Node, State},
    verdict::Found,
};
use crate::history::{Call, Nanos};

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (path, node) in &evidence.nodes {
        for pair in node.states.windows(2) {
            order(evidence, path, node, (&pair[0], &pair[1]), found);
        }
        for state in &node.states {
            if let Some(version) = state.version
                && let Some(writer) = state.writer
            {
                of_write(&evidence.ops[writer], version, state.record, found);
            }
        }
        without_zxid(evidence, path, node, found);
        count(evidence, path, node, found);
    }
}

fn order(
    evidence: &Evidence<'_>,
    path: &str,
    node: &Node<'_>,
    (one, next): (&State<'_>, &State<'_>),
    found: &mut Found,
) {
    let (Some(before), Some(version)) = (one.version, next.version) else { return };
    if version > before {
        return;
    }
    let begun = one.writer.map_or(0, |writer| evidence.ops[writer].invoked);
    let unseen = |index: &usize| matches!(evidence.ops[*index].ending, Ending::Unknown);
    let made_anew = node.removals.touch(begun, next.seen)
        && (version == 0 || node.fenced || node.creates.iter().any(unseen));
    if made_anew {
        return;
    }
    let rule = if version == before { Rule::VersionRepeated } else { Rule::VersionOrder };
    let sentence = format!(
        "{path} has version {before} at {:#x} and version {version} at {:#x}, and was not made anew",
        one.zxid, next.zxid
    );
    found.report(rule, [one.record, next.record], sentence);
}

/// The version that a write must give.
fn of_write(op: &Op<'_>, version: i32, record: usize, found: &mut Found) {
    let expected = match op.call {
        Call::Create { .. } => Some(0),
        _ => op.condition().map(|condition| condition.saturating_add(1)),
    };
    let wrong = match expected {
        Some(expected) => version != expected,
        None => op.token().is_none() && version < 1,
    };
    if wrong {
        let expected = expected.map_or_else(|| "1 or more".to_owned(), |expected| expected.to_string());
        found.report(
            Rule::WrongVersion,
            op.records().into_iter().chain([record]),
            format!("{} gave version {version} instead of {expected}", op.name()),
        );
    }
}

/// Acknowledged writes whose answer told a version and no zxid.
fn without_zxid(evidence: &Evidence<'_>, path: &str, node: &Node<'_>, found: &mut Found) {
    let mut versions: HashMap<i32, usize> = HashMap::new();
    for index in node.creates.iter().chain(&node.sets) {
        let op = &evidence.ops[*index];
        let Some(version) = op.version() else { continue };
        if op.zxid().is_none() {
            of_write(op, version, op.invoke_record, found);
        }
        let Some(other) = versions.insert(version, *index).map(|other| &evidence.ops[other]) else {
            continue;
        };
        let told = op.zxid().is_some() && other.zxid().is_some();
        if !told && !node.removals.touch(0, Nanos::MAX) {
            found.report(
                Rule::VersionRepeated,
                op.records().into_iter().chain(other.records()),
                format!("{} and {} both gave {path} version {version}", other.name(), op.name()),
            );
        }
    }
}

fn count(evidence: &Evidence<'_>, path: &str, node: &Node<'_>, found: &mut Found) {
    let (Some(last), Some(end)) = (node.last, evidence.end) else { return };
    let one_life = !node.removals.touch(0, Nanos::MAX);
    let (mut at_least, mut at_most) = (0, 0);
    for index in &node.sets {
        let op = &evidence.ops[*index];
        match (op.is_acknowledged(), op.zxid()) {
            (true, Some(zxid)) if zxid > last.czxid => (at_least, at_most) = (at_least + 1, at_most + 1),
            (true, Some(_)) => {}
            (true, None) if one_life => (at_least, at_most) = (at_least + 1, at_most + 1),
            _ => at_most += 1,
        }
    }
    if node.fenced {
        // One of the writes may have made the node, and each may have been made again.
        at_most = i64::MAX;
        at_least -= i64::from(at_least > 0 && !(node.made_here && one_life));
    }
    if !(at_least..=at_most).contains(&i64::from(last.version)) {
        let sets = node.sets.iter().flat_map(|index| evidence.ops[*index].records());
        found.report(
            Rule::VersionCount,
            sets.chain([end.record]),
            format!(
                "{path} has version {} at the end: the sets explain {at_least} at the least, {at_most} at the most",
                last.version
            ),
        );
    }
}
