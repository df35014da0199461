//! Calls: each invocation with its ending, and whether these records make sense.

use std::collections::{HashMap, hash_map::Entry};

use super::{Rule, verdict::Found};
use crate::history::{Call, Event, Nanos, Outcome, Record};

/// One call.
#[derive(Debug)]
pub(super) struct Op<'a> {
    pub(super) process: &'a str,
    pub(super) number: u64,
    pub(super) call: &'a Call,
    pub(super) invoked: Nanos,
    pub(super) invoke_record: usize,
    pub(super) ending: Ending<'a>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending<'a> {
    Ok {
        at: Nanos,
        record: usize,
        outcome: &'a Outcome,
    },
    Failed {
        record: usize,
    },
    /// Nobody knows; also when its process was killed.
    Unknown,
}

impl<'a> Op<'a> {
    /// The end of the time in which it may have taken effect.
    pub(super) fn settled(&self) -> Nanos {
        match self.ending {
            Ending::Ok { at, .. } => at,
            Ending::Failed { .. } | Ending::Unknown => Nanos::MAX,
        }
    }

    pub(super) fn is_acknowledged(&self) -> bool {
        matches!(self.ending, Ending::Ok { .. })
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.ending, Ending::Failed { .. })
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self.call, Call::Read { .. })
    }

    /// The path that was asked for.
    pub(super) fn asked(&self) -> &'a str {
        match self.call {
            Call::Create { path, .. }
            | Call::Set { path, .. }
            | Call::Delete { path, .. }
            | Call::Read { path, .. } => path,
        }
    }

    /// The node that it is about. None for a sequential create whose number nobody was told.
    pub(super) fn path(&self) -> Option<&'a str> {
        match (self.ending, self.call) {
            (Ending::Ok { outcome: Outcome::Written { path, .. }, .. }, Call::Create { .. }) => Some(path),
            (_, Call::Create { sequential: true, .. }) => None,
            _ => Some(self.asked()),
        }
    }

    pub(super) fn is_sequential(&self) -> bool {
        matches!(self.call, Call::Create { sequential: true, .. })
    }

    pub(super) fn is_ephemeral(&self) -> bool {
        matches!(self.call, Call::Create { ephemeral: true, .. })
    }

    /// What it stores.
    pub(super) fn value(&self) -> Option<&'a str> {
        match self.call {
            Call::Create { value, .. } | Call::Set { value, .. } => Some(value),
            Call::Delete { .. } | Call::Read { .. } => None,
        }
    }

    /// The fencing token that it is made with.
    pub(super) fn token(&self) -> Option<i64> {
        match self.call {
            Call::Set { token, .. } => *token,
            _ => None,
        }
    }

    /// The version that the node must have. ZooKeeper takes a negative one for none.
    pub(super) fn condition(&self) -> Option<i32> {
        match self.call {
            Call::Set { version, .. } | Call::Delete { version, .. } => {
                version.filter(|version| *version >= 0)
            }
            _ => None,
        }
    }

    /// The zxid that the answer told.
    pub(super) fn zxid(&self) -> Option<i64> {
        match self.ending {
            Ending::Ok { outcome: Outcome::Written { zxid, .. }, .. } => *zxid,
            _ => None,
        }
    }

    /// The version that the answer told.
    pub(super) fn version(&self) -> Option<i32> {
        match self.ending {
            Ending::Ok { outcome: Outcome::Written { version, .. }, .. } => *version,
            _ => None,
        }
    }

    /// The session that answered.
    pub(super) fn session(&self) -> Option<i64> {
        match self.ending {
            Ending::Ok {
                outcome: Outcome::Written { session, .. } | Outcome::Value { session, .. }, ..
            } => Some(*session),
            _ => None,
        }
    }

    /// Its records.
    pub(super) fn records(&self) -> Vec<usize> {
        match self.ending {
            Ending::Ok { record, .. } | Ending::Failed { record } => vec![self.invoke_record, record],
            Ending::Unknown => vec![self.invoke_record],
        }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        let what = match self.call {
            Call::Create { .. } => "create",
            Call::Set { .. } => "set",
            Call::Delete { .. } => "delete",
            Call::Read { synced: true, .. } => "synced read",
            Call::Read { .. } => "read",
        };
        let path = self.path().unwrap_or_else(|| self.asked());
        format!("the {what} of {path} (call {} of {})", self.number, self.process)
    }
}

/// Puts invocations and endings together; the calls of a process are in the order of their numbers.
pub(super) fn calls<'a>(records: &'a [Record], found: &mut Found) -> Vec<Op<'a>> {
    let mut ops: Vec<Op<'a>> = Vec::new();
    let mut at: HashMap<(&str, u64), usize> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        let Event::Invoke { op, call } = &record.event else { continue };
        match at.entry((&record.process, *op)) {
            Entry::Occupied(first) => malformed(
                found,
                [ops[*first.get()].invoke_record, index],
                format!("call {op} of {} begins twice", record.process),
            ),
            Entry::Vacant(free) => {
                free.insert(ops.len());
                ops.push(Op {
                    process: &record.process,
                    number: *op,
                    call,
                    invoked: record.at,
                    invoke_record: index,
                    ending: Ending::Unknown,
                });
            }
        }
    }
    let mut ended: HashMap<usize, usize> = HashMap::new();
    for (record, Record { at: time, process, event }) in records.iter().enumerate() {
        let (number, ending) = match event {
            Event::Ok { op, outcome } => (op, Ending::Ok { at: *time, record, outcome }),
            Event::Failed { op, .. } => (op, Ending::Failed { record }),
            Event::Unknown { op, .. } => (op, Ending::Unknown),
            _ => continue,
        };
        let Some(index) = at.get(&(process.as_str(), *number)).copied() else {
            malformed(found, [record], format!("call {number} of {process} ends, and never began"));
            continue;
        };
        let op = &mut ops[index];
        if let Some(before) = ended.insert(index, record) {
            malformed(found, [before, record], format!("{} ends twice", op.name()));
        } else if *time < op.invoked {
            malformed(found, [op.invoke_record, record], format!("{} ends before it begins", op.name()));
        } else if let Some(why) = misfit(op.call, ending) {
            malformed(found, [op.invoke_record, record], format!("{}: {why}", op.name()));
        } else {
            op.ending = ending;
        }
    }
    ops.sort_by_key(|op| (op.process, op.number));
    for pair in ops.windows(2) {
        if pair[0].process == pair[1].process && pair[0].invoked > pair[1].invoked {
            malformed(
                found,
                [pair[0].invoke_record, pair[1].invoke_record],
                format!("{} begins after that of a greater number", pair[0].name()),
            );
        }
    }
    ops
}

/// Why this cannot be the ending of such a call.
fn misfit(call: &Call, ending: Ending<'_>) -> Option<&'static str> {
    let Ending::Ok { outcome, .. } = ending else { return None };
    match (call, outcome) {
        (Call::Read { .. }, Outcome::Value { .. }) => None,
        (Call::Read { .. }, Outcome::Written { .. }) => Some("a read is answered as a write"),
        (_, Outcome::Value { .. }) => Some("a write is answered as a read"),
        (Call::Create { path: asked, sequential: true, .. }, Outcome::Written { path, .. }) => {
            let fits = sequence(path).is_some_and(|(prefix, _)| prefix == asked);
            (!fits).then_some("the answer is about a node that is none of this sequence")
        }
        (
            Call::Create { path: asked, .. }
            | Call::Set { path: asked, .. }
            | Call::Delete { path: asked, .. },
            Outcome::Written { path, .. },
        ) => (asked != path).then_some("the answer is about another node"),
    }
}

fn malformed(found: &mut Found, records: impl IntoIterator<Item = usize>, sentence: String) {
    found.report(Rule::Malformed, records, sentence);
}

/// The path and the number that a sequential node's path is made of.
pub(super) fn sequence(path: &str) -> Option<(&str, i64)> {
    const DIGITS: usize = 10;
    let (prefix, number) = path.split_at_checked(path.len().checked_sub(DIGITS)?)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((prefix, number.parse().ok()?))
}
