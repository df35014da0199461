//! One seed, many seeds, on all processors.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    plan::MS,
    totals::Totals,
    world::{Violation, World},
};

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) totals: Totals,
    pub(crate) violation: Option<Violation>,
    pub(crate) trace: u64,
}

/// Runs one seed: faults and work, then peace, then every session is closed.
pub(crate) fn run(seed: u64, verbose: bool) -> Outcome {
    let mut world = World::new(seed, verbose);
    let end = world.plan.end;
    for quarter in 1..=4 {
        world.run_until(end * quarter / 4);
        world.check_deadlines();
    }
    // Connections that are dead one way only must be found out, within a read timeout and the time of a ping. What lasts
    // longer: a session may have to expire, and a new leader to be elected.
    world.run_until(end + world.plan.timeout * 2 / 3 + 300 * MS);
    let latest =
        world.now + world.plan.timeout * 3 + world.plan.tick * world.plan.sync_limit * 2 + 1_000 * MS;
    while !world.is_recovered() && world.now < latest {
        world.run_until(world.now + 100 * MS);
    }
    if world.violation.is_none() {
        world.check_recovery();
        world.check_watches();
        world.check_deadlines();
    }
    if world.violation.is_none() {
        for client in 0..world.clients.len() {
            world.close(client);
        }
        let latest = world.now + 3_000 * MS;
        while !world.is_closed() && world.now < latest {
            world.run_until(world.now + 20 * MS);
        }
    }
    if world.violation.is_none() {
        world.check_end();
    }
    world.totals.seeds = 1;
    let trace = world.trace();
    Outcome { totals: world.totals, violation: world.violation, trace }
}

/// Runs seeds from `first` on until `more` says no. Stops at the first violation, unless told to run `all`. Gives the totals
/// and the failing seeds in order.
pub(crate) fn run_many(first: u64, all: bool, more: impl Fn(u64) -> bool + Sync) -> (Totals, Failed) {
    let next = AtomicU64::new(first);
    let sum = Mutex::new((Totals::default(), Failed::new()));
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !more(seed) {
                        return;
                    }
                    let (totals, violation) = outcome(seed);
                    let mut sum = sum.lock().expect("nobody panics with it");
                    sum.0.add(&totals);
                    sum.1.extend(violation.map(|violation| (seed, violation)));
                    if !sum.1.is_empty() && !all {
                        return;
                    }
                }
            });
        }
    });
    sum.into_inner().expect("nobody panics with it")
}

/// The seeds that fail, and why.
pub(crate) type Failed = BTreeMap<u64, Violation>;

/// Runs a seed; a panic is a violation like any other.
fn outcome(seed: u64) -> (Totals, Option<Violation>) {
    match catch_unwind(AssertUnwindSafe(|| run(seed, false))) {
        Ok(outcome) => (outcome.totals, outcome.violation),
        Err(_) => {
            let what = "see above".to_owned();
            (Totals::default(), Some(Violation { check: "panic", at: 0, what }))
        }
    }
}
