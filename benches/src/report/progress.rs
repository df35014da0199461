//! Lines on standard error while a program runs.

use std::time::{Duration, Instant};

/// Counts steps, and tells of each when it begins.
#[derive(Debug)]
pub struct Progress {
    steps: usize,
    done: usize,
    start: Instant,
}

impl Progress {
    /// For so many steps of about the same length.
    pub fn new(steps: usize) -> Self {
        Self { steps, done: 0, start: Instant::now() }
    }

    /// The next step begins.
    pub fn step(&mut self, what: &str) {
        let left = match u32::try_from(self.done) {
            Ok(done) if done > 0 => {
                let remaining = u32::try_from(self.steps.saturating_sub(self.done)).unwrap_or(u32::MAX);
                format!(", {} left", seconds(self.start.elapsed() / done * remaining))
            }
            _ => String::new(),
        };
        self.done += 1;
        note(&format!("[{}/{}{left}] {what}", self.done, self.steps));
    }
}

/// Says something that is no result.
#[expect(clippy::print_stderr, reason = "a program tells how far it is")]
pub fn note(what: &str) {
    eprintln!("{what}");
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}
