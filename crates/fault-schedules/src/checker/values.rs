//! Values: what is seen was written, by a call that did not fail, on this node, before; and all who saw a write tell the same of it.

use std::collections::BTreeMap;

use super::{Rule, calls::sequence, evidence::Evidence, nodes::State, verdict::Found};

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (path, node) in &evidence.nodes {
        for state in &node.states {
            value(evidence, path, node.made_here, state, found);
        }
        for (one, other) in &node.contradictions {
            let sentence = format!("two answers tell different things about one zxid of {path}");
            found.report(Rule::Contradiction, [*one, *other], sentence);
        }
    }
    let mut owners: BTreeMap<i64, usize> = BTreeMap::new();
    for (index, op) in evidence.ops.iter().enumerate() {
        let Some(zxid) = op.zxid() else { continue };
        if let Some(other) = owners.insert(zxid, index).map(|other| &evidence.ops[other])
            && other.path() != op.path()
        {
            found.report(
                Rule::Contradiction,
                op.records().into_iter().chain(other.records()),
                format!("{} and {} have both zxid {zxid:#x}", other.name(), op.name()),
            );
        }
    }
}

fn value(evidence: &Evidence<'_>, path: &str, made_here: bool, state: &State<'_>, found: &mut Found) {
    let from_nowhere = |why: String| {
        (Rule::ValueFromNowhere, vec![state.record], format!("{path} holds {:?}: {why}", state.value))
    };
    let (rule, records, sentence) = match state.writer.map(|writer| &evidence.ops[writer]) {
        // What was there before the run.
        None if !made_here && state.version == Some(0) => return,
        None => from_nowhere("nobody wrote that".to_owned()),
        Some(op) if op.is_failed() => (
            Rule::FailedWriteSeen,
            op.records().into_iter().chain([state.record]).collect(),
            format!("{} failed, and {path} holds what it would have written", op.name()),
        ),
        Some(op) if state.seen < op.invoked => from_nowhere(format!("{} came later", op.name())),
        Some(op) => {
            let fits = if op.is_sequential() {
                sequence(path).is_some_and(|(prefix, _)| prefix == op.asked())
            } else {
                path == op.asked()
            };
            if fits {
                return;
            }
            from_nowhere(format!("it is the value of {}", op.name()))
        }
    };
    found.report(rule, records, sentence);
}
