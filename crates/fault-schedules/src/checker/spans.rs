//! Times within which something may have happened.

use crate::history::Nanos;

/// Times within which something may have happened: when it was asked for, and when it was over. What nobody knows the end of
/// is never over.
#[derive(Debug, Default)]
pub(super) struct Spans {
    /// Begin, and the latest end of this and all spans before it. Sorted by begin once [`Spans::ready`] was called.
    sorted: Vec<(Nanos, Nanos)>,
}

impl Spans {
    pub(super) fn add(&mut self, begin: Nanos, end: Nanos) {
        self.sorted.push((begin, end));
    }

    /// To be called once, when all are added and before anything is asked.
    pub(super) fn ready(&mut self) {
        self.sorted.sort_unstable();
        let mut latest = 0;
        for (_, end) in &mut self.sorted {
            latest = latest.max(*end);
            *end = latest;
        }
    }

    /// Whether one of them may have happened between these times.
    pub(super) fn touch(&self, from: Nanos, to: Nanos) -> bool {
        let begun = self.sorted.partition_point(|(begin, _)| *begin <= to);
        begun.checked_sub(1).is_some_and(|last| self.sorted[last].1 >= from)
    }
}
