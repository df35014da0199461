//! Leadership: never two believers, tokens that grow.
//!
//! ```text
//!   a  Lease 5 ├──────────┤            until
//!        Lease 5   ├──────────┤        a renewal: the same reign
//!   b                          Lease 9 ├─────────╳ Ceased
//!   c                                            Lease 12 ├──────
//! ```
//!
//! A reign is what the leases of one token cover in one piece. What counts is what a process could have believed, also when it was
//! frozen or killed meanwhile. A lease that was over when it was noticed is no belief.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Rule, Totals, evidence::Evidence, verdict::Found};
use crate::history::{Event, Nanos};

/// What one process believed in one piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reign<'a> {
    pub(super) process: &'a str,
    pub(super) token: i64,
    pub(super) session: i64,
    pub(super) from: Nanos,
    until: Nanos,
    /// The lease that it began with.
    pub(super) record: usize,
    /// The lease that lasts longest.
    last: usize,
}

/// All reigns, by their begin. Counts leases on the way.
pub(super) fn reigns<'a>(evidence: &Evidence<'a>, totals: &mut Totals) -> Vec<Reign<'a>> {
    let mut ceased: HashMap<(&str, i64), Vec<Nanos>> = HashMap::new();
    let mut leases: BTreeMap<(&str, i64), Vec<Reign<'a>>> = BTreeMap::new();
    for (index, record) in evidence.records.iter().enumerate() {
        let process = record.process.as_str();
        match record.event {
            Event::Ceased { token } => ceased.entry((process, token)).or_default().push(record.at),
            Event::Lease { until, token, session } => leases
                .entry((process, token))
                .or_default()
                .push(Reign { process, token, session, from: record.at, until, record: index, last: index }),
            _ => {}
        }
    }
    ceased.values_mut().for_each(|times| times.sort_unstable());
    let mut reigns: Vec<Reign<'a>> = Vec::new();
    for (reign, mut leases) in leases {
        totals.lease_grants += 1;
        totals.lease_renewals += leases.len() as u64 - 1;
        leases.sort_by_key(|lease| (lease.from, lease.until));
        let ceased = ceased.get(&reign).map_or(&[][..], Vec::as_slice);
        for mut lease in leases {
            if let Some(ceased) = ceased.get(ceased.partition_point(|at| *at < lease.from)) {
                lease.until = lease.until.min(*ceased);
            }
            if lease.until <= lease.from {
                continue;
            }
            match reigns.last_mut() {
                Some(reign)
                    if (reign.process, reign.token, reign.session)
                        == (lease.process, lease.token, lease.session)
                        && lease.from <= reign.until =>
                {
                    if lease.until > reign.until {
                        (reign.until, reign.last) = (lease.until, lease.last);
                    }
                }
                _ => reigns.push(lease),
            }
        }
    }
    reigns.sort_by_key(|reign| (reign.from, reign.record));
    totals.leaders = reigns.iter().map(|reign| reign.process).collect::<BTreeSet<_>>().len() as u64;
    totals.successions = reigns.windows(2).filter(|pair| pair[0].process != pair[1].process).count() as u64;
    reigns
}

pub(super) fn check(evidence: &Evidence<'_>, reigns: &[Reign<'_>], totals: &mut Totals, found: &mut Found) {
    believers(reigns, totals, found);
    tokens(reigns, found);
    for reign in reigns {
        let Some((ended, record)) = evidence.ended.get(&reign.session) else { continue };
        if reign.until > *ended {
            found.report(
                Rule::BeliefOutlived,
                [reign.last, *record],
                format!(
                    "{} believes for {} after the end of session {:#x} that owned its key",
                    reign.process,
                    duration(reign.until - ended),
                    reign.session
                ),
            );
        }
    }
}

/// Goes through the reigns as they begin, and remembers the one that lasts longest, and the one of another process.
fn believers(reigns: &[Reign<'_>], totals: &mut Totals, found: &mut Found) {
    let mut longest: Option<Reign<'_>> = None;
    let mut of_another: Option<Reign<'_>> = None;
    for reign in reigns {
        let other = [longest, of_another].into_iter().flatten().find(|other| other.process != reign.process);
        if let Some(other) = other.filter(|other| other.until > reign.from) {
            let both = other.until.min(reign.until) - reign.from;
            totals.two_believers += 1;
            totals.two_believers_nanos += both;
            found.report(
                Rule::TwoBelievers,
                [other.record, other.last, reign.record, reign.last],
                format!(
                    "{} (token {}) and {} (token {}) both believe that they lead, for {} from {} on",
                    other.process,
                    other.token,
                    reign.process,
                    reign.token,
                    duration(both),
                    reign.from
                ),
            );
        }
        match longest {
            Some(before) if before.until >= reign.until => {
                if before.process != reign.process && of_another.is_none_or(|other| other.until < reign.until)
                {
                    of_another = Some(*reign);
                }
            }
            Some(before) => {
                if before.process != reign.process {
                    of_another = longest;
                }
                longest = Some(*reign);
            }
            None => longest = Some(*reign),
        }
    }
}

fn tokens(reigns: &[Reign<'_>], found: &mut Found) {
    let mut owners: HashMap<i64, Reign<'_>> = HashMap::new();
    let mut current: HashMap<&str, Reign<'_>> = HashMap::new();
    let mut greatest: Option<Reign<'_>> = None;
    for reign in reigns {
        let owner = *owners.entry(reign.token).or_insert(*reign);
        if (owner.process, owner.session) != (reign.process, reign.session) {
            found.report(
                Rule::TokenChanged,
                [owner.record, reign.record],
                format!(
                    "token {} is that of {} in session {:#x} and that of {} in session {:#x}",
                    reign.token, owner.process, owner.session, reign.process, reign.session
                ),
            );
        }
        if let Some(before) = current.insert(reign.process, *reign)
            && before.token != reign.token
            && before.until > reign.from
        {
            found.report(
                Rule::TokenChanged,
                [before.last, reign.record],
                format!(
                    "the token of {} changes from {} to {} while it believes that it leads",
                    reign.process, before.token, reign.token
                ),
            );
        }
        match greatest {
            Some(before) if before.token > reign.token => found.report(
                Rule::TokenOrder,
                [before.record, reign.record],
                format!(
                    "{} believes with token {} after {} did with the greater token {}",
                    reign.process, reign.token, before.process, before.token
                ),
            ),
            _ => greatest = Some(*reign),
        }
    }
}

fn duration(nanos: Nanos) -> String {
    format!("{:?}", std::time::Duration::from_nanos(nanos))
}
