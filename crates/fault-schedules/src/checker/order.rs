//! The order of writes: zxids agree with the clock, with each session, and with the numbers of sequential nodes.
//!
//! ```text
//!   a   ├─ set ─┤ok 12                                    time ▶
//!   b               ├─ set ─┤ok 11      wrong: 12 was known when it was asked for
//! ```

use std::collections::BTreeMap;

use super::{Rule, calls::sequence, evidence::Evidence, verdict::Found};
use crate::history::Nanos;

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    real_time(evidence, found);
    sessions(evidence, found);
    sequences(evidence, found);
}

fn real_time(evidence: &Evidence<'_>, found: &mut Found) {
    for node in evidence.nodes.values() {
        for state in &node.states {
            let Some(op) = state.writer.map(|writer| &evidence.ops[writer]) else { continue };
            // A value that was seen before it was asked for is judged as such.
            if op.is_failed() || state.seen < op.invoked {
                continue;
            }
            let Some((known, record)) = evidence.floor.before(op.invoked) else { continue };
            if known >= state.zxid {
                found.report(
                    Rule::RealTime,
                    op.records().into_iter().chain([record, state.record]),
                    format!(
                        "{} has zxid {:#x}, and {known:#x} was known before it was asked for",
                        op.name(),
                        state.zxid
                    ),
                );
            }
        }
    }
}

fn sessions(evidence: &Evidence<'_>, found: &mut Found) {
    for ((session, _), ops) in &evidence.sessions {
        let mut greatest = None;
        for op in ops.iter().map(|index| &evidence.ops[*index]) {
            let Some(zxid) = op.zxid() else { continue };
            match greatest {
                Some((before, first)) if before >= zxid => {
                    let first: &super::calls::Op<'_> = first;
                    found.report(
                        Rule::SessionWrites,
                        first.records().into_iter().chain(op.records()),
                        format!(
                            "{} has zxid {zxid:#x}, and {} has {before:#x}, before it in session {session:#x}",
                            op.name(),
                            first.name()
                        ),
                    );
                }
                _ => greatest = Some((zxid, op)),
            }
        }
    }
}

fn sequences(evidence: &Evidence<'_>, found: &mut Found) {
    let mut made: BTreeMap<&str, Vec<(i64, i64, usize)>> = BTreeMap::new();
    for (index, op) in evidence.ops.iter().enumerate() {
        if let Some(zxid) = op.zxid().filter(|_| op.is_sequential())
            && let Some((prefix, number)) = op.path().and_then(sequence)
        {
            made.entry(prefix).or_default().push((zxid, number, index));
        }
    }
    for (prefix, mut made) in made {
        let directory = prefix.rsplit_once('/').map_or("", |(directory, _)| directory);
        let counts_anew =
            evidence.nodes.get(directory).is_some_and(|node| node.removals.touch(0, Nanos::MAX));
        if counts_anew {
            continue;
        }
        made.sort_unstable();
        for pair in made.windows(2) {
            let (one, next) = (&evidence.ops[pair[0].2], &evidence.ops[pair[1].2]);
            // The same node twice is judged by its versions.
            if pair[0].1 > pair[1].1 {
                found.report(
                    Rule::SequenceOrder,
                    one.records().into_iter().chain(next.records()),
                    format!(
                        "{} has the smaller zxid ({:#x}) and the greater number than {} ({:#x})",
                        one.name(),
                        pair[0].0,
                        next.name(),
                        pair[1].0
                    ),
                );
            }
        }
    }
}
