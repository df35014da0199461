//! What a history holds, counted.

use std::{collections::HashSet, iter::Sum, ops::AddAssign};

use serde::{Deserialize, Serialize};

use super::{calls::Ending, evidence::Evidence};
use crate::history::{Call, Event};

macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a history holds, counted. Those of several histories add up.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Totals {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl AddAssign for Totals {
            fn add_assign(&mut self, more: Self) {
                $(self.$name = self.$name.saturating_add(more.$name);)*
            }
        }
    };
}

totals! {
    /// Histories.
    runs,
    /// Records.
    records,
    /// What was found wrong.
    violations,
    /// Reigns: leases that are not renewals.
    lease_grants,
    /// Leases of a reign that had begun.
    lease_renewals,
    /// Processes that led.
    leaders,
    /// Reigns that followed one of another process.
    successions,
    /// Reigns that began while another process believed that it led.
    two_believers,
    /// How long two believed so, in nanoseconds.
    two_believers_nanos,
    /// Writes that were acknowledged.
    acknowledged_writes,
    /// Of these, those that only a leader may do.
    fenced_writes,
    /// Writes that certainly had no effect.
    failed_writes,
    /// Writes of which nobody was told what became of them.
    unknown_writes,
    /// Of these, those whose effect was seen by somebody.
    unknown_writes_seen,
    /// Reads that were answered.
    reads,
    /// Of these, those behind a `sync`.
    synced_reads,
    /// Events that watchers were told.
    watch_events,
    /// How often watchers had to read everything anew, or began.
    resyncs,
    /// Watchers that lived to the end.
    final_views,
    /// Sessions that ended.
    sessions_ended,
    /// Faults that began.
    faults_begun,
    /// Faults that were seen to have done something.
    faults_landed,
    /// Leaders of servers that had stalled and were replaced.
    stalled_leaders,
    /// Nodes at the end.
    final_nodes,
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        for totals in all {
            sum += totals;
        }
        sum
    }
}

/// Counts all but what the reigns tell.
pub(super) fn count(evidence: &Evidence<'_>, totals: &mut Totals) {
    totals.runs = 1;
    totals.records = evidence.records.len() as u64;
    totals.sessions_ended = evidence.ended.len() as u64;
    totals.final_nodes = evidence.end.map_or(0, |end| end.nodes.len() as u64);
    let seen: HashSet<usize> =
        evidence.nodes.values().flat_map(|node| &node.states).filter_map(|state| state.writer).collect();
    for (index, op) in evidence.ops.iter().enumerate() {
        let (is_read, synced) = match op.call {
            Call::Read { synced, .. } => (true, *synced),
            _ => (false, false),
        };
        match op.ending {
            Ending::Ok { .. } if is_read => {
                totals.reads += 1;
                totals.synced_reads += u64::from(synced);
            }
            _ if is_read => {}
            Ending::Ok { .. } => {
                totals.acknowledged_writes += 1;
                totals.fenced_writes += u64::from(op.token().is_some());
            }
            Ending::Failed { .. } => totals.failed_writes += 1,
            Ending::Unknown => {
                totals.unknown_writes += 1;
                totals.unknown_writes_seen += u64::from(seen.contains(&index));
            }
        }
    }
    for record in evidence.records {
        match record.event {
            Event::Seen { .. } => totals.watch_events += 1,
            Event::Resynced { .. } => totals.resyncs += 1,
            Event::FinalView { .. } => totals.final_views += 1,
            Event::FaultBegins { .. } => totals.faults_begun += 1,
            Event::FaultEnds { landed, .. } => totals.faults_landed += u64::from(landed),
            Event::LeaderStalled { .. } => totals.stalled_leaders += 1,
            _ => {}
        }
    }
}
