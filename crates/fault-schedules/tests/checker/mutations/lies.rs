//! One lie in a good history. None where the history has no place for it.

#![expect(clippy::ptr_arg, reason = "all lies have one type, and some add records")]

use std::collections::HashMap;

use fault_schedules::history::{Call, Change, Event, FinalNode, Nanos, Outcome, ReadNode, Record};

pub(super) type Lie = fn(&mut Vec<Record>, usize) -> Option<()>;

/// An acknowledged write, as its records tell it.
#[derive(Debug, Clone)]
struct Write {
    invoke: usize,
    ok: usize,
    invoked: Nanos,
    answered: Nanos,
    process: String,
    number: u64,
    call: Call,
    path: String,
    zxid: Option<i64>,
    version: Option<i32>,
    session: i64,
}

impl Write {
    fn value(&self) -> Option<&str> {
        match &self.call {
            Call::Create { value, .. } | Call::Set { value, .. } => Some(value),
            _ => None,
        }
    }

    fn is_created_in_sequence(&self) -> bool {
        matches!(self.call, Call::Create { sequential: true, ephemeral: false, .. })
    }
}

fn writes(records: &[Record]) -> Vec<Write> {
    let mut invokes = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        if let Event::Invoke { op, .. } = record.event {
            invokes.insert((record.process.as_str(), op), index);
        }
    }
    let mut writes = Vec::new();
    for (ok, record) in records.iter().enumerate() {
        let Event::Ok { op, outcome: Outcome::Written { path, zxid, version, session } } = &record.event
        else {
            continue;
        };
        let invoke = invokes[&(record.process.as_str(), *op)];
        let Event::Invoke { call, .. } = &records[invoke].event else { continue };
        writes.push(Write {
            invoke,
            ok,
            invoked: records[invoke].at,
            answered: record.at,
            process: record.process.clone(),
            number: *op,
            call: call.clone(),
            path: path.clone(),
            zxid: *zxid,
            version: *version,
            session: *session,
        });
    }
    writes
}

fn pick<T>(mut from: Vec<T>, dice: usize) -> Option<T> {
    let index = dice.checked_rem(from.len())?;
    Some(from.swap_remove(index))
}

fn last(records: &mut [Record]) -> &mut Vec<FinalNode> {
    let nodes = records.iter_mut().find_map(|record| match &mut record.event {
        Event::Final { nodes } => Some(nodes),
        _ => None,
    });
    nodes.expect("every history ends")
}

fn is_there(records: &mut [Record], path: &str) -> bool {
    last(records).iter().any(|node| node.path == path)
}

fn may_be_deleted(records: &[Record], path: &str) -> bool {
    records.iter().any(|record| {
        matches!(&record.event, Event::Invoke { call: Call::Delete { path: deleted, .. }, .. } if deleted == path)
    })
}

/// Acknowledged creates of a sequence that are there at the end.
fn created(records: &mut [Record]) -> Vec<Write> {
    let mut created = writes(records);
    created.retain(|write| write.is_created_in_sequence() && is_there(records, &write.path));
    created
}

fn set_zxid(record: &mut Record, to: Option<i64>) {
    if let Event::Ok { outcome: Outcome::Written { zxid, .. }, .. } = &mut record.event {
        *zxid = to;
    }
}

pub(super) fn lose_created(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut lost = created(records);
    lost.retain(|write| !may_be_deleted(records, &write.path));
    let lost = pick(lost, dice)?;
    last(records).retain(|node| node.path != lost.path);
    Some(())
}

pub(super) fn lose_set(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let writes = writes(records);
    let mut pairs = Vec::new();
    for node in last(records).iter() {
        let of = |version| {
            writes.iter().find(|write| {
                write.path == node.path && write.zxid.is_some() && write.version == Some(version)
            })
        };
        let newest = writes.iter().any(|write| write.zxid == Some(node.mzxid) && write.path == node.path);
        if let Some(before) = of(node.version - 1).filter(|_| newest && node.path.starts_with("/d/r")) {
            pairs.push(before.clone());
        }
    }
    let before = pick(pairs, dice)?;
    let node = last(records).iter_mut().find(|node| node.path == before.path)?;
    node.mzxid = before.zxid?;
    (node.version, node.value) = (before.version?, before.value()?.to_owned());
    Some(())
}

pub(super) fn lose_delete(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let writes = writes(records);
    let mut lost = Vec::new();
    for delete in writes.iter().filter(|write| matches!(write.call, Call::Delete { .. })) {
        let made = writes.iter().find(|write| {
            write.path == delete.path && write.is_created_in_sequence() && write.answered < delete.invoked
        });
        lost.extend(made.cloned());
    }
    let made = pick(lost, dice)?;
    let zxid = made.zxid?;
    let value = made.value()?.to_owned();
    last(records).push(FinalNode { path: made.path, value, czxid: zxid, mzxid: zxid, version: 0, owner: 0 });
    Some(())
}

pub(super) fn create_twice(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let twice = pick(created(records), dice)?;
    let mut node = last(records).iter().find(|node| node.path == twice.path)?.clone();
    if node.version != 0 {
        return None;
    }
    node.path = "/d/q-0000099999".to_owned();
    (node.czxid, node.mzxid) = (1_000_000, 1_000_000);
    last(records).push(node);
    Some(())
}

pub(super) fn fail_create(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut created = created(records);
    let end = last(records).clone();
    created.retain(|write| end.iter().any(|node| node.path == write.path && node.version == 0));
    let write = pick(created, dice)?;
    records[write.ok].event = Event::Failed { op: write.number, error: "a lie".to_owned() };
    Some(())
}

pub(super) fn repeat_version(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let writes = writes(records);
    let mut pairs: Vec<Write> = writes.clone();
    pairs.retain(|write| {
        let before = write.version.map(|version| version - 1);
        let there =
            |other: &Write| other.path == write.path && other.zxid.is_some() && other.version == before;
        write.path.starts_with("/d/r") && write.zxid.is_some() && writes.iter().any(there)
    });
    let write = pick(pairs, dice)?;
    if let Event::Ok { outcome: Outcome::Written { version: Some(version), .. }, .. } =
        &mut records[write.ok].event
    {
        *version -= 1;
    }
    Some(())
}

pub(super) fn swap_in_sequence(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut made = writes(records);
    made.retain(Write::is_created_in_sequence);
    swap(records, made, dice)
}

pub(super) fn swap_in_session(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut writes = writes(records);
    writes.retain(|write| write.zxid.is_some());
    let session = pick(writes.clone(), dice)?.session;
    writes.retain(|write| write.session == session);
    swap(records, writes, dice)
}

fn swap(records: &mut [Record], writes: Vec<Write>, dice: usize) -> Option<()> {
    let pairs: Vec<_> = writes.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let (one, other) = pick(pairs, dice)?;
    set_zxid(&mut records[one.ok], other.zxid);
    set_zxid(&mut records[other.ok], one.zxid);
    Some(())
}

pub(super) fn read_older(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let writes = writes(records);
    let mut places = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Event::Ok { op, outcome: Outcome::Value { node: Some(node), session } } = &record.event else {
            continue;
        };
        let own = writes.iter().filter(|write| write.session == *session && write.number < *op);
        for own in own.filter(|write| write.path.starts_with("/d/r")) {
            let older = writes
                .iter()
                .find(|write| write.path == own.path && write.zxid.is_some() && write.zxid < own.zxid);
            let same = records.iter().any(|other| {
                other.process == record.process
                    && matches!(&other.event, Event::Invoke { op: number, call: Call::Read { path, .. } }
                        if number == op && *path == own.path)
            });
            if let Some(older) = older.filter(|older| same && older.zxid < Some(node.mzxid)) {
                places.push((index, older.clone()));
            }
        }
    }
    let (index, older) = pick(places, dice)?;
    let older = ReadNode { value: older.value()?.to_owned(), mzxid: older.zxid?, version: older.version? };
    if let Event::Ok { outcome: Outcome::Value { node, .. }, .. } = &mut records[index].event {
        *node = Some(older);
    }
    Some(())
}

pub(super) fn read_nonsense(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut reads: Vec<&mut ReadNode> = records
        .iter_mut()
        .filter_map(|record| match &mut record.event {
            Event::Ok { outcome: Outcome::Value { node, .. }, .. } => node.as_mut(),
            _ => None,
        })
        .collect();
    let index = dice.checked_rem(reads.len())?;
    reads[index].value = "a lie".to_owned();
    Some(())
}

pub(super) fn extend_lease(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut pairs = Vec::new();
    for (index, lease) in records.iter().enumerate() {
        let Event::Lease { token, .. } = lease.event else { continue };
        let next = records.iter().find(|next| {
            next.at > lease.at && next.process != lease.process && matches!(next.event, Event::Lease { .. })
        });
        let Some(next) = next else { continue };
        let ceased = records.iter().any(|record| {
            record.process == lease.process
                && record.event == (Event::Ceased { token })
                && (lease.at..=next.at).contains(&record.at)
        });
        if !ceased {
            pairs.push((index, next.at));
        }
    }
    let (index, next) = pick(pairs, dice)?;
    if let Event::Lease { until, .. } = &mut records[index].event {
        *until = next + 1;
    }
    Some(())
}

pub(super) fn former_token(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let tokens: Vec<i64> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::Lease { token, .. } => Some(token),
            _ => None,
        })
        .collect();
    let mut fenced = Vec::new();
    for write in writes(records) {
        let Call::Set { token: Some(token), .. } = write.call else { continue };
        fenced.extend(tokens.iter().find(|former| **former < token).map(|former| (write.invoke, *former)));
    }
    let (index, former) = pick(fenced, dice)?;
    if let Event::Invoke { call: Call::Set { token, .. }, .. } = &mut records[index].event {
        *token = Some(former);
    }
    Some(())
}

fn told_created(records: &[Record]) -> Vec<(usize, String)> {
    let made = writes(records);
    let mut told = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let Event::Seen { path, change: Change::Created } = &record.event else { continue };
        if made.iter().any(|write| write.path == *path && write.is_created_in_sequence()) {
            told.push((index, path.clone()));
        }
    }
    told
}

pub(super) fn lose_event(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let mut told = told_created(records);
    told.retain(|(_, path)| {
        let read = |record: &Record| match &record.event {
            Event::Resynced { nodes } => nodes.iter().any(|(there, _)| there == path),
            _ => false,
        };
        !may_be_deleted(records, path) && !records.iter().any(read)
    });
    let (index, _) = pick(told, dice)?;
    records.remove(index);
    Some(())
}

pub(super) fn repeat_event(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let (index, _) = pick(told_created(records), dice)?;
    let again = records[index].clone();
    records.push(again);
    Some(())
}

pub(super) fn shorten_view(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    records.iter_mut().find_map(|record| match &mut record.event {
        Event::FinalView { nodes, .. } => {
            let index = dice.checked_rem(nodes.len())?;
            nodes.remove(index);
            Some(())
        }
        _ => None,
    })
}

pub(super) fn outlive_session(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let ended: Vec<i64> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::SessionEnded { session, .. } => Some(session),
            _ => None,
        })
        .collect();
    let owner = pick(ended, dice)?;
    let path = "/d/member".to_owned();
    last(records).push(FinalNode { path, value: String::new(), czxid: 1, mzxid: 1, version: 0, owner });
    Some(())
}

fn ending(records: &[Record], dice: usize) -> Option<Write> {
    pick(writes(records), dice)
}

pub(super) fn lose_invocation(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let write = ending(records, dice)?;
    records.remove(write.invoke);
    Some(())
}

pub(super) fn end_twice(records: &mut Vec<Record>, dice: usize) -> Option<()> {
    let write = ending(records, dice)?;
    let event = Event::Unknown { op: write.number, error: "a lie".to_owned() };
    records.push(Record { at: write.answered, process: write.process, event });
    Some(())
}
