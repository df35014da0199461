//! At most once: no call takes effect twice.
//!
//! What is stored is unique, so each value belongs to one zxid of one node. Fenced writes without a condition are let off: the DCS
//! makes them again when an answer was lost, as the same value set twice is as good as once.

use std::collections::BTreeMap;

use super::{Rule, calls::Op, evidence::Evidence, verdict::Found};

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    let mut effects: BTreeMap<usize, Vec<(&str, i64, usize)>> = BTreeMap::new();
    for (path, node) in &evidence.nodes {
        for state in &node.states {
            if let Some(writer) = state.writer {
                effects.entry(writer).or_default().push((path, state.zxid, state.record));
            }
        }
        let removed: Vec<&Op<'_>> = acknowledged(evidence, &node.deletes).collect();
        let there = usize::from(!node.made_here || evidence.may_be_unnumbered(path)) + node.creates.len();
        if !node.fenced && removed.len() > there {
            found.report(
                Rule::WrittenTwice,
                removed.iter().flat_map(|op| op.records()),
                format!(
                    "{path} was there {there} times at the most, and {} deletes succeeded",
                    removed.len()
                ),
            );
        }
    }
    for (writer, effects) in effects {
        let op = &evidence.ops[writer];
        let again = op.token().is_some() && op.condition().is_none();
        if effects.len() < 2 || again {
            continue;
        }
        let places: Vec<String> =
            effects.iter().map(|(path, zxid, _)| format!("{path} at {zxid:#x}")).collect();
        found.report(
            Rule::WrittenTwice,
            op.records().into_iter().chain(effects.iter().map(|(_, _, record)| *record)),
            format!("{} took effect {} times: {}", op.name(), effects.len(), places.join(", ")),
        );
    }
}

fn acknowledged<'e, 'a>(
    evidence: &'e Evidence<'a>,
    ops: &'e [usize],
) -> impl Iterator<Item = &'e Op<'a>> + use<'e, 'a> {
    ops.iter().map(|index| &evidence.ops[*index]).filter(|op| op.is_acknowledged())
}
