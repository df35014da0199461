//! Watches: no event is lost in silence, none is made up.
//!
//! ```text
//!   writes      create 1   create 2   create 3      the end: 1 2 3
//!   a watcher   Seen 1     Resynced {1 2}  Seen 3   FinalView {1 2 3}     good: 2 was covered
//! ```
//!
//! What was asked for after a watcher has last read everything must be told as an event. Before that, a node that was created is
//! told, or among what was read, or it was deleted again by then.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Rule,
    calls::{Op, sequence},
    evidence::Evidence,
    nodes::Node,
    verdict::Found,
};
use crate::history::{Change, Event, Nanos};

/// What one process was told.
#[derive(Debug, Default)]
struct Watcher<'a> {
    /// The events of each node: when, and the record.
    events: BTreeMap<(&'a str, u8), Vec<(Nanos, usize)>>,
    /// The nodes that it has read, with a record that holds each.
    read: BTreeMap<&'a str, usize>,
    /// When it has last read everything.
    resynced: Option<Nanos>,
    /// What it believes at the end.
    view: Option<View<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct View<'a> {
    record: usize,
    directory: &'a str,
    nodes: &'a [(String, i64)],
}

/// Places of the changes in the map of events.
const CREATED: u8 = 0;
const CHANGED: u8 = 1;
const DELETED: u8 = 2;

pub(super) fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (process, watcher) in watchers(evidence) {
        from_nowhere(evidence, process, &watcher, found);
        if let Some(view) = watcher.view {
            missed(evidence, process, &watcher, view, found);
            compare(evidence, process, view, found);
        }
    }
}

fn watchers<'a>(evidence: &Evidence<'a>) -> BTreeMap<&'a str, Watcher<'a>> {
    let mut watchers: BTreeMap<&str, Watcher<'a>> = BTreeMap::new();
    for (index, record) in evidence.records.iter().enumerate() {
        let process = record.process.as_str();
        match &record.event {
            Event::Seen { path, change } => {
                let change = match change {
                    Change::Created => CREATED,
                    Change::Changed => CHANGED,
                    Change::Deleted => DELETED,
                };
                let watcher = watchers.entry(process).or_default();
                watcher.events.entry((path, change)).or_default().push((record.at, index));
            }
            Event::Resynced { nodes } => {
                let watcher = watchers.entry(process).or_default();
                watcher.resynced = watcher.resynced.max(Some(record.at));
                watcher.read.extend(nodes.iter().map(|(path, _)| (path.as_str(), index)));
            }
            Event::FinalView { directory, nodes } => {
                watchers.entry(process).or_default().view = Some(View { record: index, directory, nodes });
            }
            _ => {}
        }
    }
    for events in watchers.values_mut().flat_map(|watcher| watcher.events.values_mut()) {
        events.sort_unstable();
    }
    watchers
}

/// Events, and nodes that were read, that no call can have made.
fn from_nowhere(evidence: &Evidence<'_>, process: &str, watcher: &Watcher<'_>, found: &mut Found) {
    // Nodes of a sequence that may be those of creates without an answer: no more than there are of these.
    let mut strangers: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let mut is_stranger = |path| {
        let Some((prefix, _)) = sequence(path) else { return false };
        let Some(open) = evidence.sequences.get(prefix) else { return false };
        let known = evidence.nodes.get(path).is_some_and(|node| !node.creates.is_empty());
        let strangers = strangers.entry(prefix).or_default();
        !known && (strangers.contains(path) || strangers.len() < *open && strangers.insert(path))
    };
    for ((path, change), events) in &watcher.events {
        if !evidence.is_written(path) || is_stranger(path) {
            continue;
        }
        let node = evidence.nodes.get(path);
        let causes = node.map_or_else(Vec::new, |node| causes(evidence, node, *change));
        let again = node.is_some_and(|node| node.fenced) && *change != DELETED;
        for (number, (at, record)) in events.iter().enumerate() {
            let number = if again { 0 } else { number };
            if causes.get(number).is_none_or(|invoked| invoked > at) {
                let what = ["created", "changed", "deleted"][usize::from(*change)];
                found.report(
                    Rule::EventFromNowhere,
                    [*record],
                    format!("{process} is told that {path} was {what}, which nobody had done by then"),
                );
            }
        }
    }
    for (path, record) in &watcher.read {
        let made = evidence
            .nodes
            .get(path)
            .is_some_and(|node| !node.made_here || node.fenced || !node.creates.is_empty());
        if evidence.is_written(path) && !made && !is_stranger(path) {
            let sentence = format!("{process} has read that {path} is there, which nobody made");
            found.report(Rule::EventFromNowhere, [*record], sentence);
        }
    }
}

/// When the calls were asked for that can have made such an event.
fn causes(evidence: &Evidence<'_>, node: &Node<'_>, change: u8) -> Vec<Nanos> {
    let invoked = |ops: &[usize]| ops.iter().map(|index| evidence.ops[*index].invoked).collect::<Vec<_>>();
    let fenced = || node.sets.iter().map(|index| &evidence.ops[*index]).filter(|op| op.token().is_some());
    let mut causes = match change {
        CREATED => {
            let mut causes = invoked(&node.creates);
            causes.extend(fenced().map(|op| op.invoked));
            causes
        }
        CHANGED => invoked(&node.sets),
        _ => {
            let mut causes = invoked(&node.deletes);
            let ephemeral =
                node.creates.iter().map(|index| &evidence.ops[*index]).filter(|op| op.is_ephemeral());
            causes.extend(ephemeral.map(|op| op.invoked));
            causes
        }
    };
    causes.sort_unstable();
    causes
}

fn missed(evidence: &Evidence<'_>, process: &str, watcher: &Watcher<'_>, view: View<'_>, found: &mut Found) {
    let last_read = watcher.resynced.unwrap_or(0);
    for (path, node) in evidence.nodes.iter().filter(|(path, _)| is_below(path, view.directory)) {
        let acknowledged = |ops: &[usize]| {
            ops.iter()
                .map(|index| &evidence.ops[*index])
                .filter(|op| op.is_acknowledged())
                .collect::<Vec<_>>()
        };
        let creates = acknowledged(&node.creates);
        for op in creates.iter().filter(|op| op.is_sequential()) {
            let told = watcher.events.contains_key(&(*path, CREATED)) || watcher.read.contains_key(path);
            let gone_by_then = op.invoked <= last_read && node.removals.touch(op.invoked, last_read);
            if !told && !gone_by_then {
                let sentence = format!("{process} was not told of {}, nor has it read it", op.name());
                found.report(Rule::EventMissed, op.records().into_iter().chain([view.record]), sentence);
            }
        }
        let plain: Vec<&Op<'_>> = creates.into_iter().filter(|op| !op.is_sequential()).collect();
        let sets = acknowledged(&node.sets);
        let deletes = acknowledged(&node.deletes);
        // A fenced write may have made the node: its event is either of the two.
        let groups: [(&[u8], Vec<&Op<'_>>); 3] = if node.fenced {
            [
                (&[CREATED, CHANGED], plain.into_iter().chain(sets).collect()),
                (&[DELETED], deletes),
                (&[], Vec::new()),
            ]
        } else {
            [(&[CREATED], plain), (&[CHANGED], sets), (&[DELETED], deletes)]
        };
        for (changes, ops) in groups {
            let done: Vec<&Op<'_>> = ops.into_iter().filter(|op| op.invoked > last_read).collect();
            let told: usize = changes
                .iter()
                .filter_map(|change| watcher.events.get(&(*path, *change)))
                .map(|events| events.iter().filter(|(at, _)| *at > last_read).count())
                .sum();
            if told < done.len() {
                found.report(
                    Rule::EventMissed,
                    done.iter().flat_map(|op| op.records()).chain([view.record]),
                    format!(
                        "{process} was told of {told} changes of {path} since it last read everything, and there were {}",
                        done.len()
                    ),
                );
            }
        }
    }
}

fn compare(evidence: &Evidence<'_>, process: &str, view: View<'_>, found: &mut Found) {
    let Some(end) = evidence.end else { return };
    let is: HashSet<(&str, i64)> = end
        .nodes
        .iter()
        .map(|node| (node.path.as_str(), node.mzxid))
        .filter(|node| is_below(node.0, view.directory))
        .collect();
    let believed: HashSet<(&str, i64)> = view
        .nodes
        .iter()
        .map(|(path, zxid)| (path.as_str(), *zxid))
        .filter(|node| is_below(node.0, view.directory))
        .collect();
    let mut differences: Vec<_> = is.symmetric_difference(&believed).collect();
    differences.sort_unstable();
    for node in differences {
        let (path, zxid) = node;
        let sentence = if is.contains(node) {
            format!("{process} does not believe in {path} of {zxid:#x}, which is there at the end")
        } else {
            format!("{process} believes in {path} of {zxid:#x}, which is not there at the end")
        };
        found.report(Rule::ViewDiffers, [view.record, end.record], sentence);
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory.trim_end_matches('/'))
        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}
