//! What is to go wrong, and when: planned from a seed, and from nothing else.

mod fault;

use std::{fmt, time::Duration};

use fastrand::Rng;

pub use fault::{Clients, Fault, Kind, ServerChoice};

/// Contenders, writers and watchers of a run.
pub const CONTENDERS: usize = 5;
/// How many write.
pub const WRITERS: usize = 3;
/// How many watch.
pub const WATCHERS: usize = 2;
/// The session timeout of planned schedules. A lease ends earlier.
pub const SESSION: Duration = Duration::from_secs(3);

/// The first seed of CI, chosen so that twenty schedules have every kind of fault.
pub const CI_SEED: u64 = 40;

/// The latest beginning of a fault.
const LAST_BEGINNING: u64 = 4_500;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What it was planned from.
    pub seed: u64,
    /// The servers' `tickTime`.
    pub tick: Duration,
    /// The servers' `syncLimit`: for so many ticks a follower that is cut off goes on answering its clients.
    pub sync_limit: u32,
    /// The session timeout of all clients.
    pub session: Duration,
    /// What goes wrong, by the time of its beginning.
    pub faults: Vec<Planned>,
}

/// A fault and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its number within the schedule, from 0.
    pub number: u32,
    /// After the beginning of the run.
    pub begins: Duration,
    /// Until it is taken back.
    pub lasts: Duration,
    /// What it is.
    pub fault: Fault,
}

impl Schedule {
    /// The plan of a seed: the same each time.
    ///
    /// Something happens to who leads; one or two things to servers, at most one to another process, one to three to the lines
    /// between them. They overlap as it comes.
    pub fn plan(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let tick = Duration::from_millis(rng.u64(100..=200));
        // Half of the time a follower that is cut off goes on for longer than the sessions.
        let sync_limit = if rng.bool() { 6 } else { 40 };
        let mut faults = Vec::new();
        for (among, count) in [
            (Kind::OF_LEADERS, 1),
            (Kind::OF_SERVERS, rng.usize(1..=2)),
            (Kind::OF_CLIENTS, rng.usize(0..=1)),
            (Kind::OF_LINES, rng.usize(1..=3)),
        ] {
            for _ in 0..count {
                let kind = among[rng.usize(..among.len())];
                let begins = Duration::from_millis(rng.u64(..=LAST_BEGINNING));
                let (shortest, longest) = kind.duration();
                let lasts = Duration::from_millis(rng.u64(shortest..=longest));
                faults.push(Planned { number: 0, begins, lasts, fault: Fault::draw(kind, &mut rng) });
            }
        }
        faults.sort_by_key(|planned| planned.begins);
        for (number, planned) in (0..).zip(&mut faults) {
            planned.number = number;
        }
        Self { seed, tick, sync_limit, session: SESSION, faults }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tick, limit) = (self.tick, self.sync_limit);
        writeln!(f, "seed {}: ticks of {tick:?}, cut-off followers go on for {limit} of them", self.seed)?;
        for planned in &self.faults {
            let (begins, lasts) = (planned.begins.as_secs_f64(), planned.lasts.as_secs_f64());
            writeln!(f, "  {begins:5.2} s, for {lasts:4.2} s: {}", planned.fault)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        for seed in 0..200 {
            let plan = Schedule::plan(seed);
            assert_eq!(plan, Schedule::plan(seed));
            assert_ne!(plan, Schedule::plan(seed + 1));
            assert!((3..=7).contains(&plan.faults.len()), "{plan}");
            assert!(plan.faults.is_sorted_by_key(|planned| planned.begins));
        }
    }

    #[test]
    fn every_kind_of_fault_comes_up_within_the_twenty_schedules_of_ci() {
        let planned: BTreeSet<Kind> = (CI_SEED..CI_SEED + 20)
            .flat_map(|seed| Schedule::plan(seed).faults)
            .map(|planned| planned.fault.kind())
            .collect();
        let all: BTreeSet<Kind> = Kind::all().collect();
        assert_eq!(planned, all);
    }

    #[test]
    fn frozen_and_cut_off_clients_stay_so_for_longer_than_a_session() {
        for planned in (0..200).flat_map(|seed| Schedule::plan(seed).faults) {
            if matches!(planned.fault.kind(), Kind::FreezeLeader | Kind::FreezeContender | Kind::Island) {
                assert!(planned.lasts > SESSION, "{planned:?}");
            }
        }
    }

    #[test]
    fn faults_overlap_at_times_and_not_always() {
        let overlaps = |seed| {
            let faults = Schedule::plan(seed).faults;
            faults.windows(2).any(|two| two[0].begins + two[0].lasts > two[1].begins)
        };
        assert!((0..200).filter(|seed| overlaps(*seed)).count() > 100);
    }

    #[test]
    fn a_plan_is_told_in_lines() {
        let plan = Schedule::plan(7);
        assert_eq!(plan.to_string().lines().count(), 1 + plan.faults.len());
    }
}
