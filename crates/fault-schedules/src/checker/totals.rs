//! What a history holds, counted.

use std::{iter::Sum, ops::AddAssign};

use serde::{Deserialize, Serialize};

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
