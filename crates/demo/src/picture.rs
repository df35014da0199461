//! The timeline as a picture: a bar for each agent, as long as it believed to lead.

use std::time::Duration;

use dcs_zk::Timestamp;

use crate::belief::Span;

/// It leads, and it lives.
const LEADS: char = '█';
/// It is dead, and its lease has not ended: until then it could have acted.
const DEAD_WITH_LEASE: char = '▒';
const LEADS_NOT: char = '·';

/// Cells of a bar.
const WIDTH: u32 = 68;

/// The section of time that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    from: Timestamp,
    cell: Duration,
}

impl Frame {
    pub(crate) fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, cell: (to.since(from) / WIDTH).max(Duration::from_millis(1)) }
    }

    /// A bar: each cell tells what was true in its middle, so that two bars share a cell only if both led then.
    pub(crate) fn bar(&self, spans: &[Span], killed: Option<Timestamp>) -> String {
        let cell = |index| {
            let middle = self.from.after(self.cell * index + self.cell / 2);
            match spans.iter().any(|span| span.covers(middle)) {
                false => LEADS_NOT,
                true if killed.is_some_and(|killed| killed <= middle) => DEAD_WITH_LEASE,
                true => LEADS,
            }
        };
        (0..WIDTH).map(cell).collect()
    }

    /// Letters over the bars where something happened; the next free cell if two meet.
    pub(crate) fn letters(&self, events: impl Iterator<Item = (Timestamp, char)>) -> String {
        let mut row: Vec<char> = Vec::new();
        for (at, letter) in events {
            let cell = at.since(self.from).as_nanos() / self.cell.as_nanos().max(1);
            let cell = usize::try_from(cell).unwrap_or(usize::MAX).min(WIDTH as usize).max(row.len());
            row.resize(cell, ' ');
            row.push(letter);
        }
        row.into_iter().collect()
    }

    /// A scale with a number each `step` seconds.
    pub(crate) fn scale(&self) -> String {
        let whole = (self.cell * WIDTH).as_secs();
        let step = usize::try_from(whole / 8 + 1).unwrap_or(1);
        let mut row = String::new();
        for second in (0..=whole).step_by(step) {
            let cell = Duration::from_secs(second).as_nanos() / self.cell.as_nanos().max(1);
            let cell = usize::try_from(cell).unwrap_or(usize::MAX).min(WIDTH as usize);
            row.push_str(&" ".repeat(cell.saturating_sub(row.len())));
            row.push_str(&format!("{second} s"));
        }
        row
    }

    /// What the cells mean.
    pub(crate) fn legend() -> String {
        format!(
            "{LEADS} believes that it leads   {DEAD_WITH_LEASE} dead, its lease has not ended   {LEADS_NOT} does not lead"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::belief::tests::{reigns, second};

    #[test]
    fn bars() {
        // A cell a second.
        let frame = Frame::new(second(100), second(100 + u64::from(WIDTH)));
        let old = reigns(&[("leads", 101, Some(110))]);
        let bar = frame.bar(&old.spans, Some(second(105)));
        assert_eq!(bar.chars().count(), WIDTH as usize);
        assert!(bar.starts_with("·████▒▒▒▒▒···"), "{bar}");
        let new = reigns(&[("leads", 110, Some(300))]);
        let bar = frame.bar(&new.spans, None);
        assert!(bar.starts_with("··········███") && bar.ends_with('█'), "{bar}");
    }

    #[test]
    fn letters_and_scale() {
        let frame = Frame::new(second(100), second(100 + u64::from(WIDTH)));
        let at = [(second(100), 'E'), (second(103), 'S'), (second(103), 'M'), (second(1000), 'K')];
        let letters = frame.letters(at.into_iter());
        assert!(letters.starts_with("E  SM  ") && letters.ends_with('K'), "{letters}");
        assert_eq!(letters.chars().count(), WIDTH as usize + 1);
        assert!(frame.scale().starts_with("0 s      9 s "), "{}", frame.scale());
    }
}
