//! What is wrong with a history.

use std::fmt;

use serde::Serialize;

use super::Totals;
use crate::history::Record;

/// What a history showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What is wrong. Nothing, in a good history.
    pub violations: Vec<Violation>,
    /// What the history holds.
    pub totals: Totals,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule is broken.
    pub rule: Rule,
    /// The records that show it: their positions in the history.
    pub records: Vec<usize>,
    /// What is wrong, for people.
    pub sentence: String,
}

impl Violation {
    /// The records that show it.
    pub fn evidence<'a>(&self, history: &'a [Record]) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter_map(|index| history.get(*index))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.sentence)
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) violations: Vec<Violation>,
}

impl Found {
    pub(super) fn report(&mut self, rule: Rule, records: impl IntoIterator<Item = usize>, sentence: String) {
        let mut records: Vec<usize> = records.into_iter().collect();
        records.sort_unstable();
        records.dedup();
        self.violations.push(Violation { rule, records, sentence });
    }
}

/// What must be true of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Two processes never believe at the same time that they lead.
    TwoBelievers,
    /// A reign has one fencing token, and a token belongs to one process and one session.
    TokenChanged,
    /// Who believes later has a greater token.
    TokenOrder,
    /// No write of a leader is made when a later leader is there.
    FormerLeaderWrote,

    /// What was acknowledged is there at the end, or somebody replaced or deleted it.
    Lost,
    /// Each call takes effect once at the most.
    WrittenTwice,
    /// Two writes of a node do not give it the same version.
    VersionRepeated,
    /// The versions of a node grow with the zxids.
    VersionOrder,
    /// The version at the end is what the writes can explain.
    VersionCount,
    /// A create gives version 0, a conditional write the next one after its condition.
    WrongVersion,
    /// Two answers about the same write agree, and no two writes have one zxid.
    Contradiction,

    /// A write that was asked for after another was acknowledged has the greater zxid.
    RealTime,
    /// The zxids of a session's writes go in the order in which they were asked for.
    SessionWrites,
    /// The numbers of sequential nodes go with the zxids.
    SequenceOrder,
    /// What a session reads never goes back, nor behind what it has written.
    SessionReads,
    /// A read behind a `sync` sees what had been acknowledged before.
    SyncedRead,
    /// What is read was written by somebody, before.
    ValueFromNowhere,
    /// A write that failed is never seen.
    FailedWriteSeen,

    /// What a watcher believes at the end is what there is.
    ViewDiffers,
    /// Whatever is acknowledged is told to each watcher, or covered by its reading everything anew.
    EventMissed,
    /// A watcher is told of nothing that nobody did.
    EventFromNowhere,

    /// No ephemeral node is left of a session that ended.
    EphemeralOutlived,
    /// Each ephemeral node belongs to the session that made it, the others to none.
    WrongOwner,
    /// Nothing that was asked for after a session's end is answered in it.
    AnsweredAfterEnd,
    /// No lease outlives its session.
    BeliefOutlived,

    /// The records make sense: a call begins once and ends once, one `Final` comes last.
    Malformed,
    /// Enough happened.
    TooLittle,
}
