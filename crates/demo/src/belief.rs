//! Who believed when that it led, by the leases on the clock that all processes of a machine share.
//!
//! ```text
//!   leads ── renewed ── renewed ──┬── lost, leaves: the belief ends there
//!                                 └── nothing more is heard: it ends with the lease, and not before
//! ```
//!
//! An agent says that it has a lease in the moment in which it takes it. What it took and could not say any more, because it was
//! killed between the two, is not known here.

use dcs_zk::Timestamp;

use crate::line::Line;

/// One reign of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    /// The end of the lease that was given last.
    pub(crate) until: Timestamp,
    /// When it said that it does not lead any more.
    ended: Option<Timestamp>,
}

impl Span {
    /// Until when it could have acted as the leader.
    pub(crate) fn end(&self) -> Timestamp {
        self.ended.map_or(self.until, |ended| ended.min(self.until))
    }

    pub(crate) fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.end()
    }
}

/// All reigns of one agent, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reigns {
    pub(crate) spans: Vec<Span>,
}

impl Reigns {
    /// Takes a line of the agent into account.
    pub(crate) fn hear(&mut self, line: &Line) {
        let at = line.at();
        match (line.leading.then(|| line.lease_until()).flatten(), self.spans.last_mut()) {
            (Some(until), Some(last)) if line.event != "leads" && last.ended.is_none() => {
                last.until = last.until.max(until);
            }
            (Some(until), _) => self.spans.push(Span { from: at, until, ended: None }),
            (None, Some(last)) if last.ended.is_none() => last.ended = Some(at),
            (None, _) => {}
        }
    }

    /// The reign that lasts at this moment, as far as was heard.
    pub(crate) fn at(&self, at: Timestamp) -> Option<&Span> {
        self.spans.iter().find(|span| span.covers(at))
    }
}

/// The first two of different agents that have led at the same time.
pub(crate) fn overlap<'a>(agents: &[(&'a str, &Reigns)]) -> Option<(&'a str, &'a str)> {
    agents.iter().enumerate().find_map(|(index, (one, ones))| {
        let rest = agents.iter().skip(index + 1);
        rest.flat_map(|(other, others)| others.spans.iter().map(move |span| (other, span)))
            .find(|(_, theirs)| {
                ones.spans.iter().any(|ours| ours.from < theirs.end() && theirs.from < ours.end())
            })
            .map(|(other, _)| (*one, *other))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    pub(crate) fn second(second: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(second))
    }

    pub(crate) fn line(event: &str, at: u64, until: Option<u64>) -> Line {
        let micros = |second: u64| second * 1_000_000;
        let line = serde_json::json!({
            "event": event,
            "leading": until.is_some(),
            "leader": null,
            "boottime_us": micros(at),
            "lease_until_boottime_us": until.map(micros),
        });
        Line::parse(&line.to_string()).unwrap()
    }

    pub(crate) fn reigns(lines: &[(&str, u64, Option<u64>)]) -> Reigns {
        let mut reigns = Reigns::default();
        for (event, at, until) in lines {
            reigns.hear(&line(event, *at, *until));
        }
        reigns
    }

    #[test]
    fn a_reign_ends_with_its_lease_or_before() {
        let killed = reigns(&[
            ("follows", 0, None),
            ("leads", 1, Some(5)),
            ("renewed", 2, Some(6)),
            ("note", 3, Some(6)),
        ]);
        assert_eq!(killed.spans, [Span { from: second(1), until: second(6), ended: None }]);
        assert!(killed.at(second(5)).is_some() && killed.at(second(6)).is_none());
        let lost =
            reigns(&[("leads", 1, Some(5)), ("lost", 3, None), ("follows", 4, None), ("leads", 7, Some(9))]);
        let ends: Vec<Timestamp> = lost.spans.iter().map(Span::end).collect();
        assert_eq!(ends, [second(3), second(9)]);
        let late = reigns(&[("leads", 1, Some(5)), ("lost", 8, None)]);
        assert_eq!(late.spans[0].end(), second(5), "what is said late does not make a lease longer");
    }

    #[test]
    fn overlaps_are_found() {
        let old = reigns(&[("leads", 1, Some(5)), ("renewed", 2, Some(6))]);
        let after = reigns(&[("leads", 6, Some(9))]);
        let early = reigns(&[("leads", 5, Some(9))]);
        assert_eq!(overlap(&[("a", &old), ("b", &after)]), None);
        assert_eq!(overlap(&[("a", &old), ("x", &Reigns::default()), ("b", &early)]), Some(("a", "b")));
        assert_eq!(overlap(&[("b", &early), ("a", &old)]), Some(("b", "a")));
    }
}
