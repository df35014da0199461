//! The history in the order in which the rules ask for it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Rule,
    calls::{Ending, Op, calls, sequence},
    floor::Floor,
    nodes::{Node, State},
    verdict::Found,
};
use crate::history::{Call, Event, FinalNode, Nanos, Outcome, Record};

/// The history in the order in which the rules ask for it.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) records: &'a [Record],
    /// By process and number.
    pub(super) ops: Vec<Op<'a>>,
    /// The nodes that calls of this history write. All others are scenery.
    pub(super) nodes: BTreeMap<&'a str, Node<'a>>,
    /// The sequences that calls of this history add to: how many of the creates may have made a node that nobody knows.
    pub(super) sequences: HashMap<&'a str, usize>,
    /// The answered calls of each session, by their numbers.
    pub(super) sessions: BTreeMap<(i64, &'a str), Vec<usize>>,
    /// When each session ended that did, and the record.
    pub(super) ended: HashMap<i64, (Nanos, usize)>,
    /// The zxids that were known.
    pub(super) floor: Floor,
    pub(super) end: Option<End<'a>>,
}

/// What there is at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub(super) at: Nanos,
    pub(super) record: usize,
    pub(super) nodes: &'a [FinalNode],
}

impl<'a> Evidence<'a> {
    pub(super) fn gather(records: &'a [Record], found: &mut Found) -> Self {
        let ops = calls(records, found);
        let mut evidence = Self {
            end: end(records, found),
            records,
            nodes: BTreeMap::new(),
            sequences: HashMap::new(),
            sessions: BTreeMap::new(),
            ended: ended(records),
            floor: Floor::new(told(&ops)),
            ops,
        };
        let writers = evidence.writers(found);
        evidence.add_calls();
        evidence.add_states(&writers);
        for (path, node) in &mut evidence.nodes {
            node.made_here |=
                sequence(path).is_some_and(|(prefix, _)| evidence.sequences.contains_key(prefix));
            node.ready();
        }
        evidence
    }

    /// Whether a call of this history writes the node, or may have made it.
    pub(super) fn is_written(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
            || sequence(path).is_some_and(|(prefix, _)| self.sequences.contains_key(prefix))
    }

    /// Whether the node may be that of a sequential create whose number nobody was told.
    pub(super) fn may_be_unnumbered(&self, path: &str) -> bool {
        sequence(path).is_some_and(|(prefix, _)| self.sequences.get(prefix).is_some_and(|open| *open > 0))
    }

    /// Which call stores a value.
    fn writers(&self, found: &mut Found) -> HashMap<&'a str, usize> {
        let mut writers = HashMap::new();
        for (index, op) in self.ops.iter().enumerate() {
            let Some(value) = op.value() else { continue };
            if let Some(first) = writers.insert(value, index) {
                let first = &self.ops[first];
                found.report(
                    Rule::Malformed,
                    [first.invoke_record, op.invoke_record],
                    format!("{} and {} store the same value {value:?}", first.name(), op.name()),
                );
            }
        }
        writers
    }

    fn add_calls(&mut self) {
        let last: &[FinalNode] = self.end.map_or(&[], |end| end.nodes);
        let alive: HashSet<i64> = last.iter().map(|node| node.owner).collect();
        for (index, op) in self.ops.iter().enumerate() {
            if let Some(session) = op.session() {
                self.sessions.entry((session, op.process)).or_default().push(index);
            }
            if op.is_read() {
                continue;
            }
            if op.is_sequential() {
                *self.sequences.entry(op.asked()).or_default() +=
                    usize::from(matches!(op.ending, Ending::Unknown));
            }
            let Some(path) = op.path() else { continue };
            let node = self.nodes.entry(path).or_default();
            node.made_here |= matches!(op.call, Call::Create { .. });
            if op.is_failed() {
                continue;
            }
            match op.call {
                Call::Create { .. } => node.creates.push(index),
                Call::Set { .. } => node.sets.push(index),
                Call::Delete { .. } => node.deletes.push(index),
                Call::Read { .. } => {}
            }
            node.fenced |= op.token().is_some();
            if matches!(op.call, Call::Delete { .. }) {
                node.removals.add(op.invoked, op.settled());
            }
            if op.is_ephemeral() && !op.session().is_some_and(|session| alive.contains(&session)) {
                node.removals.add(op.invoked, Nanos::MAX);
            }
        }
    }

    fn add_states(&mut self, writers: &HashMap<&'a str, usize>) {
        let mut states: Vec<(&'a str, State<'a>)> = Vec::new();
        for (index, op) in self.ops.iter().enumerate() {
            let Ending::Ok { at, record, outcome } = op.ending else { continue };
            match (outcome, op.value()) {
                (Outcome::Written { path, zxid: Some(zxid), version, .. }, Some(value)) => {
                    let version = version.or_else(|| matches!(op.call, Call::Create { .. }).then_some(0));
                    let state = State { zxid: *zxid, version, value, seen: at, record, writer: Some(index) };
                    states.push((path, state));
                }
                (Outcome::Value { node: Some(node), .. }, _) => states.push((
                    op.asked(),
                    State {
                        zxid: node.mzxid,
                        version: Some(node.version),
                        value: &node.value,
                        seen: at,
                        record,
                        writer: writers.get(node.value.as_str()).copied(),
                    },
                )),
                _ => {}
            }
        }
        if let Some(end) = self.end {
            states.extend(end.nodes.iter().map(|node| {
                let state = State {
                    zxid: node.mzxid,
                    version: Some(node.version),
                    value: &node.value,
                    seen: end.at,
                    record: end.record,
                    writer: writers.get(node.value.as_str()).copied(),
                };
                (node.path.as_str(), state)
            }));
        }
        for (path, state) in states {
            if !self.is_written(path) && state.writer.is_none() {
                continue;
            }
            self.resolve(path, &state);
            self.nodes.entry(path).or_default().states.push(state);
        }
        if let Some(end) = self.end {
            for node in end.nodes {
                if let Some(known) = self.nodes.get_mut(node.path.as_str()) {
                    known.last = Some(node);
                }
            }
        }
    }

    /// A sequential create that nobody was told the number of, and whose node is seen now.
    fn resolve(&mut self, path: &'a str, state: &State<'a>) {
        let Some(index) = state.writer else { return };
        let op = &self.ops[index];
        let fits = sequence(path).is_some_and(|(prefix, _)| prefix == op.asked());
        if !op.is_sequential() || !matches!(op.ending, Ending::Unknown) || !fits {
            return;
        }
        let node = self.nodes.entry(path).or_default();
        if node.creates.contains(&index) {
            return;
        }
        node.creates.push(index);
        node.made_here = true;
        if op.is_ephemeral() {
            node.removals.add(op.invoked, Nanos::MAX);
        }
        if let Some(open) = self.sequences.get_mut(op.asked()) {
            *open = open.saturating_sub(1);
        }
    }
}

/// The zxids that answers told: none that is asked for later can be as small.
fn told(ops: &[Op<'_>]) -> Vec<(Nanos, i64, usize)> {
    let zxid = |outcome: &Outcome| match outcome {
        Outcome::Written { zxid, .. } => *zxid,
        Outcome::Value { node, .. } => node.as_ref().map(|node| node.mzxid),
    };
    ops.iter()
        .filter_map(|op| match op.ending {
            Ending::Ok { at, record, outcome } => Some((at, zxid(outcome)?, record)),
            _ => None,
        })
        .collect()
}

fn ended(records: &[Record]) -> HashMap<i64, (Nanos, usize)> {
    let mut ended = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        if let Event::SessionEnded { session, .. } = &record.event {
            let first = ended.entry(*session).or_insert((record.at, index));
            *first = (*first).min((record.at, index));
        }
    }
    ended
}

fn end<'a>(records: &'a [Record], found: &mut Found) -> Option<End<'a>> {
    let mut end: Option<End<'a>> = None;
    for (index, record) in records.iter().enumerate() {
        let Event::Final { nodes } = &record.event else { continue };
        match end {
            Some(first) => {
                found.report(Rule::Malformed, [first.record, index], "there are two ends".to_owned());
            }
            None => end = Some(End { at: record.at, record: index, nodes }),
        }
    }
    let Some(end) = end else {
        found.report(Rule::Malformed, [], "nothing tells what there is at the end".to_owned());
        return None;
    };
    for (index, record) in records.iter().enumerate() {
        let late = record.at > end.at
            && matches!(
                record.event,
                Event::Invoke { .. } | Event::Ok { .. } | Event::Failed { .. } | Event::Unknown { .. }
            );
        if late {
            found.report(
                Rule::Malformed,
                [end.record, index],
                format!("{} calls ZooKeeper after the end was read", record.process),
            );
        }
    }
    Some(end)
}
