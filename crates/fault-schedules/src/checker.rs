//! Judges a history: whether what the processes saw can have come from a ZooKeeper that keeps its promises, with leaders that
//! never overlap.
//!
//! The time it takes grows with the number of records (and its logarithm, for sorting), not with the interleavings that are
//! possible: ZooKeeper numbers every write, and tells the number. No search for an order is needed, it is only looked
//! whether the one that the numbers give agrees with the clock, with each session, with the end and with itself.

mod calls;
mod evidence;
mod fencing;
mod floor;
mod leadership;
mod lost;
mod nodes;
mod once;
mod order;
mod reads;
mod sessions;
mod spans;
mod structure;
mod totals;
mod vacuity;
mod values;
mod verdict;
mod versions;
mod watches;

pub use totals::Totals;
pub use vacuity::Requirements;
pub use verdict::{Rule, Verdict, Violation};

use crate::history::Record;
use evidence::Evidence;
use verdict::Found;

/// Judges a history.
pub fn check(records: &[Record], requirements: &Requirements) -> Verdict {
    let mut found = Found::default();
    let mut totals = Totals::default();
    structure::check(records, &mut found);
    let evidence = Evidence::gather(records, &mut found);
    totals::count(&evidence, &mut totals);
    let reigns = leadership::reigns(&evidence, &mut totals);

    leadership::check(&evidence, &reigns, &mut totals, &mut found);
    fencing::check(&evidence, &reigns, &mut found);
    lost::check(&evidence, &mut found);
    once::check(&evidence, &mut found);
    versions::check(&evidence, &mut found);
    values::check(&evidence, &mut found);
    order::check(&evidence, &mut found);
    reads::check(&evidence, &mut found);
    watches::check(&evidence, &mut found);
    sessions::check(&evidence, &reigns, &mut found);
    vacuity::check(&totals, requirements, &mut found);

    totals.violations = found.violations.len() as u64;
    Verdict { violations: found.violations, totals }
}
