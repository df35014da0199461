//! Judges a history: whether what the processes saw can have come from a ZooKeeper that keeps its promises, with leaders that
//! never overlap.
//!
//! The time it takes grows with the number of records (and its logarithm, for sorting), not with the interleavings that are
//! possible: ZooKeeper numbers every write, and tells the number. No search for an order is needed, it is only looked
//! whether the one that the numbers give agrees with the clock, with each session, with the end and with itself.

mod totals;
mod vacuity;
mod verdict;

pub use totals::Totals;
pub use vacuity::Requirements;
pub use verdict::{Rule, Verdict, Violation};

use crate::history::Record;

/// Judges a history.
pub fn check(records: &[Record], requirements: &Requirements) -> Verdict {
    let mut totals = Totals { runs: 1, ..Totals::default() };
    totals.records = records.len() as u64;
    let mut violations = Vec::new();
    vacuity::check(&totals, requirements, &mut violations);
    totals.violations = violations.len() as u64;
    Verdict { violations, totals }
}
