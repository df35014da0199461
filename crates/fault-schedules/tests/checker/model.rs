//! Histories of a store that keeps its promises: random interleavings, lost answers, lagging servers, sessions that end.

mod store;

use std::collections::VecDeque;

use fault_schedules::{
    checker::{Requirements, check},
    history::{Call, Event, Nanos, Outcome, Record},
};
use proptest::{collection::vec, prelude::*};

use crate::story::{create, delete, ephemeral, fenced, set, set_if};
use store::Store;

/// One step: which process, what, and three numbers for what is left open.
pub(crate) type Step = (usize, u8, u16);

const PROCESSES: usize = 3;

/// The most steps of a history.
pub(crate) const STEPS: usize = 400;

pub(crate) fn step() -> impl Strategy<Value = Step> {
    (0..PROCESSES, 0..100_u8, any::<u16>())
}

/// A call that is under way.
struct Pending {
    op: u64,
    call: Call,
    /// What the store has said to it, once it came there.
    answer: Option<Result<Outcome, ()>>,
}

struct Process {
    name: String,
    session: i64,
    /// What its session has seen.
    seen: i64,
    calls: u64,
    pending: VecDeque<Pending>,
    /// Its lease: token and end.
    lease: Option<(i64, Nanos)>,
}

pub(crate) struct Model {
    pub(crate) records: Vec<Record>,
    now: Nanos,
    store: Store,
    processes: Vec<Process>,
    /// Calls whose answers are lost already, and which the store gets later.
    stray: Vec<(Call, i64)>,
    sessions: i64,
}

impl Model {
    /// The whole history of these steps.
    pub(crate) fn history(steps: &[Step]) -> Vec<Record> {
        let mut model = Self::begin();
        for (process, what, dice) in steps {
            model.step(*process, *what, *dice);
        }
        model.finish()
    }

    fn begin() -> Self {
        let process = |number: i64| Process {
            name: format!("contender-{number}"),
            session: 100 + number,
            seen: 0,
            calls: 0,
            pending: VecDeque::new(),
            lease: None,
        };
        let mut model = Self {
            records: Vec::new(),
            now: 1,
            store: Store::default(),
            processes: (0..3).map(process).collect(),
            stray: Vec::new(),
            sessions: 200,
        };
        for (index, path) in ["/d/r0", "/d/r1"].into_iter().enumerate() {
            model.invoke(index, create(path, &format!("first-{index}")));
            model.arrive(index, 0);
            model.answer(index);
        }
        model.resync();
        model
    }

    fn tell(&mut self, process: &str, event: Event) {
        self.now += 1;
        self.records.push(Record { at: self.now, process: process.to_owned(), event });
    }

    fn tell_of(&mut self, index: usize, event: Event) {
        let name = self.processes[index].name.clone();
        self.tell(&name, event);
    }

    fn step(&mut self, index: usize, what: u8, dice: u16) {
        self.now += u64::from(dice % 3);
        match what {
            0..30 => {
                let call = self.call(index, dice);
                self.invoke(index, call);
            }
            30..55 => self.arrive(index, dice),
            55..75 => self.answer(index),
            75..79 => self.lose(index, dice),
            79..81 => self.expire(index, dice),
            81..87 => self.lead(index, dice),
            87..89 => self.cease(index),
            89..91 => self.stray(dice),
            91..92 => self.resync(),
            _ => self.watch(),
        }
    }

    fn call(&self, index: usize, dice: u16) -> Call {
        let process = &self.processes[index];
        let value = format!("{}-{}", process.name, process.calls);
        let register = ["/d/r0", "/d/r1", "/d/x"][usize::from(dice / 16) % 3];
        let added = |ephemeral| Call::Create {
            path: if ephemeral { "/d/e-" } else { "/d/q-" }.to_owned(),
            value: value.clone(),
            sequential: true,
            ephemeral,
        };
        let synced = dice.is_multiple_of(2);
        match dice % 16 {
            0..4 => added(false),
            4 => added(true),
            5 => create("/d/x", &value),
            6 => delete("/d/x"),
            7 => self
                .store
                .any_of_sequence(usize::from(dice))
                .map_or_else(|| delete("/d/x"), |path| delete(&path)),
            8 => set(register, &value),
            9 => set_if(register, &value, self.store.version(register)),
            10 => set_if(register, &value, i32::from(dice / 64 % 4)),
            11 => ephemeral("/d/y", &value),
            12 | 13 if process.lease.is_some_and(|(_, until)| until > self.now) => {
                fenced("/d/c", &value, process.lease.map_or(0, |(token, _)| token))
            }
            _ => Call::Read { path: register.to_owned(), synced },
        }
    }

    fn invoke(&mut self, index: usize, call: Call) {
        let process = &mut self.processes[index];
        process.calls += 1;
        let op = process.calls;
        process.pending.push_back(Pending { op, call: call.clone(), answer: None });
        self.tell_of(index, Event::Invoke { op, call });
    }

    /// The first call that the store has not got comes there.
    fn arrive(&mut self, index: usize, dice: u16) {
        let process = &mut self.processes[index];
        let Some(pending) = process.pending.iter_mut().find(|pending| pending.answer.is_none()) else {
            return;
        };
        let answer = match &pending.call {
            Call::Read { path, synced } => {
                let newest = self.store.zxid;
                let at =
                    if *synced { newest } else { newest - i64::from(dice) % (newest - process.seen + 1) };
                process.seen = at;
                Ok(Outcome::Value { node: self.store.read(path, at), session: process.session })
            }
            call => {
                let answer = self.store.write(call, process.session);
                process.seen = self.store.zxid;
                answer
            }
        };
        pending.answer = Some(answer);
    }

    fn answer(&mut self, index: usize) {
        let first = &mut self.processes[index].pending;
        if first.front().is_none_or(|pending| pending.answer.is_none()) {
            return;
        }
        let Some(Pending { op, answer: Some(answer), .. }) = first.pop_front() else { return };
        self.tell_of(
            index,
            match answer {
                Ok(outcome) => Event::Ok { op, outcome },
                Err(()) => Event::Failed { op, error: "the store said no".to_owned() },
            },
        );
    }

    /// The connection is lost: no call is answered, and those that did not arrive may do so later, or never.
    fn lose(&mut self, index: usize, dice: u16) {
        let session = self.processes[index].session;
        for (number, pending) in std::mem::take(&mut self.processes[index].pending).into_iter().enumerate() {
            if pending.answer.is_none() && (dice >> (number % 8)) & 1 == 1 && number < 8 {
                self.stray.push((pending.call, session));
            }
            // Some end without a word, as in a process that was killed.
            if !dice.is_multiple_of(5) {
                self.tell_of(index, Event::Unknown { op: pending.op, error: "lost".to_owned() });
            }
        }
    }

    fn stray(&mut self, dice: u16) {
        if !self.stray.is_empty() {
            let (call, session) = self.stray.remove(usize::from(dice) % self.stray.len());
            if !matches!(call, Call::Read { .. }) {
                let _nobody_is_told = self.store.write(&call, session);
            }
        }
    }

    fn expire(&mut self, index: usize, dice: u16) {
        if self.processes[index].lease.is_some_and(|(_, until)| until > self.now) {
            return;
        }
        self.lose(index, dice);
        self.stray.retain(|(_, session)| *session != self.processes[index].session);
        self.sessions += 1;
        let process = &mut self.processes[index];
        let session = std::mem::replace(&mut process.session, self.sessions);
        process.seen = 0;
        if process.lease.take().is_some_and(|(token, _)| self.store.leader == Some(token)) {
            self.store.leader = None;
        }
        self.store.end_session(session);
        self.tell_of(index, Event::SessionEnded { session, cause: "expired".to_owned() });
    }

    /// Renews the lease, or takes over when nobody believes any more.
    fn lead(&mut self, index: usize, dice: u16) {
        let now = self.now;
        let token = match self.processes[index].lease {
            Some((token, _)) if self.store.leader == Some(token) => token,
            _ if self.processes.iter().any(|one| one.lease.is_some_and(|(_, until)| until > now)) => return,
            _ => self.store.take_lead(),
        };
        let ends =
            self.processes[index].lease.filter(|(before, _)| *before == token).map_or(0, |(_, until)| until);
        // No renewal shortens a lease.
        let until = ends.max(now + 2 + u64::from(dice % 60));
        self.processes[index].lease = Some((token, until));
        let session = self.processes[index].session;
        self.tell_of(index, Event::Lease { until, token, session });
    }

    fn cease(&mut self, index: usize) {
        if let Some((token, _)) = self.processes[index].lease.take() {
            self.tell_of(index, Event::Ceased { token });
            if self.store.leader == Some(token) {
                self.store.leader = None;
            }
        }
    }

    fn watch(&mut self) {
        if let Some((path, change)) = self.store.events.pop_front() {
            self.tell("watcher", Event::Seen { path, change });
        }
    }

    /// The events of a gap are lost, and everything is read anew.
    fn resync(&mut self) {
        self.store.events.clear();
        let nodes = self.store.listing();
        self.tell("watcher", Event::Resynced { nodes });
    }

    fn finish(mut self) -> Vec<Record> {
        for index in 0..PROCESSES {
            self.arrive(index, 0);
            self.answer(index);
            self.lose(index, 0x57);
        }
        while !self.store.events.is_empty() {
            self.watch();
        }
        let (nodes, view) = (self.store.last(), self.store.listing());
        self.tell("watcher", Event::FinalView { directory: "/d".to_owned(), nodes: view });
        self.tell("run", Event::Final { nodes });
        self.records
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_found_in_good_histories(steps in vec(step(), 1..STEPS), turn in any::<usize>()) {
        let mut records = Model::history(&steps);
        // The order of the lines means nothing.
        let length = records.len();
        records.rotate_left(turn % length);
        let verdict = check(&records, &Requirements::default());
        prop_assert!(verdict.is_good(), "{:#?}", verdict.violations);
        prop_assert_eq!(verdict.totals.final_views, 1);
    }
}
