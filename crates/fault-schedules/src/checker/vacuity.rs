//! A history in which too little happened shows nothing, and does not pass.

use serde::{Deserialize, Serialize};

use super::{Rule, Totals, verdict::Found};

macro_rules! requirements {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// How much there must be in a history, at the least. Nothing by default.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Requirements {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// Each requirement: its name, what there is, what there must be.
        fn compared(totals: &Totals, required: &Requirements) -> Vec<(&'static str, u64, u64)> {
            vec![$((stringify!($name), totals.$name, required.$name),)*]
        }
    };
}

requirements! {
    /// Reigns.
    lease_grants,
    /// Processes that led.
    leaders,
    /// Reigns that followed one of another process.
    successions,
    /// Writes that were acknowledged.
    acknowledged_writes,
    /// Acknowledged writes that only a leader may do.
    fenced_writes,
    /// Reads that were answered.
    reads,
    /// Reads behind a `sync` that were answered.
    synced_reads,
    /// Events that watchers were told.
    watch_events,
    /// Watchers that lived to the end.
    final_views,
    /// Sessions that ended.
    sessions_ended,
    /// Faults that were seen to have done something.
    faults_landed,
}

pub(super) fn check(totals: &Totals, required: &Requirements, found: &mut Found) {
    for (name, is, at_least) in compared(totals, required) {
        if is < at_least {
            let sentence =
                format!("{name}: {is}, where {at_least} are required: the history shows too little");
            found.report(Rule::TooLittle, [], sentence);
        }
    }
}
