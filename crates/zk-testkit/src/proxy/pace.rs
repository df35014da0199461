//! How fast bytes are passed on, and how many at a time.

use std::time::Duration;

/// Between two slices: the kernel joins what is written at once.
const BETWEEN_SLICES: Duration = Duration::from_millis(1);
/// How much of a second's bandwidth is spent at once.
const SHARES: u32 = 50;

/// Without a limit all goes at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) slice: Option<usize>,
    pub(super) bandwidth: Option<u32>,
}

impl Pace {
    /// How many of so many bytes go next.
    pub(super) fn next(self, there_are: usize) -> usize {
        let share = self.bandwidth.map(|bandwidth| (bandwidth / SHARES).max(1) as usize);
        let slice = self.slice.map(|slice| slice.max(1));
        there_are.min(share.unwrap_or(there_are)).min(slice.unwrap_or(there_are))
    }

    /// How long to wait after so many bytes.
    pub(super) fn pause(self, sent: usize) -> Option<Duration> {
        let bandwidth = self.bandwidth.map(|bandwidth| {
            let bytes = u32::try_from(sent).unwrap_or(u32::MAX);
            Duration::from_secs(1) * bytes / bandwidth.max(1)
        });
        bandwidth.max(self.slice.map(|_| BETWEEN_SLICES))
    }
}
