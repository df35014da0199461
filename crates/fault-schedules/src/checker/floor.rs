//! The greatest number that was known at a time.

use crate::history::Nanos;

/// Numbers that only grow (zxids, fencing tokens), and when somebody was told of them.
///
/// ```text
///   told    ──●17────●12──────●30────────▶ time
///   floor   0 │  17  │   17   │   30
/// ```
///
/// What is asked for later than a number was told of comes out greater.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// When, the greatest number until then, and the record that told it.
    sorted: Vec<(Nanos, i64, usize)>,
}

impl Floor {
    pub(super) fn new(mut told: Vec<(Nanos, i64, usize)>) -> Self {
        told.sort_unstable();
        let mut greatest: Option<(i64, usize)> = None;
        for (_, number, record) in &mut told {
            match greatest {
                Some(before) if before.0 >= *number => (*number, *record) = before,
                _ => greatest = Some((*number, *record)),
            }
        }
        Self { sorted: told }
    }

    /// The greatest number that somebody was told of before this time, and the record that told it.
    pub(super) fn before(&self, time: Nanos) -> Option<(i64, usize)> {
        let told = self.sorted.partition_point(|(at, _, _)| *at < time);
        told.checked_sub(1).map(|last| (self.sorted[last].1, self.sorted[last].2))
    }
}
