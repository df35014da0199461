//! Histories written by hand.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use fault_schedules::{
    checker::{Requirements, Rule, Verdict, check},
    history::{Call, Change, Event, FinalNode, Nanos, Outcome, ReadNode, Record},
};

/// A history that is being written. The session of a process is the letter that its name begins with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    pub(crate) records: Vec<Record>,
    numbers: HashMap<String, u64>,
}

pub(crate) fn session(process: &str) -> i64 {
    i64::from(process.as_bytes()[0])
}

impl Story {
    pub(crate) fn tell(&mut self, at: Nanos, process: &str, event: Event) -> &mut Self {
        self.records.push(Record { at, process: process.to_owned(), event });
        self
    }

    pub(crate) fn invoke(&mut self, process: &str, at: Nanos, call: Call) -> u64 {
        let number = self.numbers.entry(process.to_owned()).or_default();
        *number += 1;
        let op = *number;
        self.tell(at, process, Event::Invoke { op, call });
        op
    }

    fn write(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        call: Call,
        path: &str,
        told: (Option<i64>, Option<i32>),
    ) -> &mut Self {
        let op = self.invoke(process, times.start, call);
        let outcome = Outcome::Written {
            path: path.to_owned(),
            zxid: told.0,
            version: told.1,
            session: session(process),
        };
        self.tell(times.end, process, Event::Ok { op, outcome })
    }

    /// An acknowledged write, with its zxid and the version that it gave.
    pub(crate) fn wrote(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        call: Call,
        zxid: i64,
        version: i32,
    ) -> &mut Self {
        let path = path(&call).to_owned();
        self.write(process, times, call, &path, (Some(zxid), Some(version)))
    }

    /// An acknowledged write whose answer tells neither: a delete, a fenced write.
    pub(crate) fn wrote_untold(&mut self, process: &str, times: Range<Nanos>, call: Call) -> &mut Self {
        let path = path(&call).to_owned();
        self.write(process, times, call, &path, (None, None))
    }

    /// An acknowledged create of a numbered node.
    pub(crate) fn added(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        call: Call,
        number: u32,
        zxid: i64,
    ) -> &mut Self {
        let path = format!("{}{number:010}", path(&call));
        self.write(process, times, call, &path, (Some(zxid), Some(0)))
    }

    pub(crate) fn failed(&mut self, process: &str, times: Range<Nanos>, call: Call) -> &mut Self {
        let op = self.invoke(process, times.start, call);
        self.tell(times.end, process, Event::Failed { op, error: "no".to_owned() })
    }

    pub(crate) fn unknown(&mut self, process: &str, times: Range<Nanos>, call: Call) -> &mut Self {
        let op = self.invoke(process, times.start, call);
        self.tell(times.end, process, Event::Unknown { op, error: "connection lost".to_owned() })
    }

    /// What was read: value, `mzxid` and version.
    pub(crate) fn read(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        path: &str,
        node: Option<(&str, i64, i32)>,
    ) -> &mut Self {
        self.read_as(process, times, path, node, false)
    }

    pub(crate) fn synced(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        path: &str,
        node: Option<(&str, i64, i32)>,
    ) -> &mut Self {
        self.read_as(process, times, path, node, true)
    }

    fn read_as(
        &mut self,
        process: &str,
        times: Range<Nanos>,
        path: &str,
        node: Option<(&str, i64, i32)>,
        synced: bool,
    ) -> &mut Self {
        let op = self.invoke(process, times.start, Call::Read { path: path.to_owned(), synced });
        let node = node.map(|(value, mzxid, version)| ReadNode { value: value.to_owned(), mzxid, version });
        let outcome = Outcome::Value { node, session: session(process) };
        self.tell(times.end, process, Event::Ok { op, outcome })
    }

    pub(crate) fn lease(&mut self, process: &str, times: Range<Nanos>, token: i64) -> &mut Self {
        let lease = Event::Lease { until: times.end, token, session: session(process) };
        self.tell(times.start, process, lease)
    }

    pub(crate) fn ceased(&mut self, process: &str, at: Nanos, token: i64) -> &mut Self {
        self.tell(at, process, Event::Ceased { token })
    }

    pub(crate) fn session_ended(&mut self, process: &str, at: Nanos) -> &mut Self {
        let ended = Event::SessionEnded { session: session(process), cause: "expired".to_owned() };
        self.tell(at, process, ended)
    }

    pub(crate) fn seen(&mut self, process: &str, at: Nanos, path: &str, change: Change) -> &mut Self {
        self.tell(at, process, Event::Seen { path: path.to_owned(), change })
    }

    pub(crate) fn resynced(&mut self, process: &str, at: Nanos, nodes: &[(&str, i64)]) -> &mut Self {
        self.tell(at, process, Event::Resynced { nodes: owned(nodes) })
    }

    pub(crate) fn view(&mut self, process: &str, at: Nanos, nodes: &[(&str, i64)]) -> &mut Self {
        self.tell(at, process, Event::FinalView { directory: "/d".to_owned(), nodes: owned(nodes) })
    }

    /// The end, late enough for every story here.
    pub(crate) fn end(&mut self, nodes: &[FinalNode]) -> &mut Self {
        self.tell(100_000, "run", Event::Final { nodes: nodes.to_vec() })
    }

    pub(crate) fn check(&self) -> Verdict {
        check(&self.records, &Requirements::default())
    }

    #[track_caller]
    pub(crate) fn is_good(&self) -> Verdict {
        let verdict = self.check();
        assert!(verdict.is_good(), "{:#?}", verdict.violations);
        verdict
    }

    /// The order of the lines in a file means nothing, so both are judged.
    #[track_caller]
    pub(crate) fn breaks(&self, rule: Rule) {
        let mut reversed = self.clone();
        reversed.records.reverse();
        for story in [self, &reversed] {
            let verdict = story.check();
            let broken: BTreeSet<Rule> = verdict.violations.iter().map(|violation| violation.rule).collect();
            assert_eq!(broken, BTreeSet::from([rule]), "{:#?}", verdict.violations);
            assert_eq!(verdict.totals.violations, verdict.violations.len() as u64);
            for violation in &verdict.violations {
                assert_eq!(violation.evidence(&story.records).count(), violation.records.len());
            }
        }
    }
}

fn path(call: &Call) -> &str {
    match call {
        Call::Create { path, .. }
        | Call::Set { path, .. }
        | Call::Delete { path, .. }
        | Call::Read { path, .. } => path,
    }
}

fn owned(nodes: &[(&str, i64)]) -> Vec<(String, i64)> {
    nodes.iter().map(|(path, zxid)| ((*path).to_owned(), *zxid)).collect()
}

pub(crate) fn create(path: &str, value: &str) -> Call {
    Call::Create { path: path.to_owned(), value: value.to_owned(), sequential: false, ephemeral: false }
}

pub(crate) fn ephemeral(path: &str, value: &str) -> Call {
    Call::Create { path: path.to_owned(), value: value.to_owned(), sequential: false, ephemeral: true }
}

pub(crate) fn add(value: &str) -> Call {
    Call::Create { path: "/d/q-".to_owned(), value: value.to_owned(), sequential: true, ephemeral: false }
}

pub(crate) fn set(path: &str, value: &str) -> Call {
    Call::Set { path: path.to_owned(), value: value.to_owned(), version: None, token: None }
}

pub(crate) fn set_if(path: &str, value: &str, version: i32) -> Call {
    Call::Set { path: path.to_owned(), value: value.to_owned(), version: Some(version), token: None }
}

pub(crate) fn fenced(path: &str, value: &str, token: i64) -> Call {
    Call::Set { path: path.to_owned(), value: value.to_owned(), version: None, token: Some(token) }
}

pub(crate) fn delete(path: &str) -> Call {
    Call::Delete { path: path.to_owned(), version: None }
}

/// A node at the end, with `czxid`, `mzxid` and version.
pub(crate) fn node(path: &str, value: &str, czxid: i64, mzxid: i64, version: i32) -> FinalNode {
    FinalNode { path: path.to_owned(), value: value.to_owned(), czxid, mzxid, version, owner: 0 }
}

/// A numbered node at the end, as it was made.
pub(crate) fn added(number: u32, value: &str, zxid: i64) -> FinalNode {
    node(&format!("/d/q-{number:010}"), value, zxid, zxid, 0)
}
