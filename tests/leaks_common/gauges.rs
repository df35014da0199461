//! What a process holds: open files, tasks, memory; and whether that goes on growing.

use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard},
};

use super::ledger;

/// Counts what is allocated and not freed, which the resident size of a process only hints at.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The gauges are of the whole process: tests that read them run one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// How long tasks and sockets may take to end that nobody waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Cycles that may leave something behind once and for all: what is made on first use.
const WARM_UP: usize = 3;

/// Waits until no other test of this binary looks at the gauges.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// Bytes that are allocated now.
pub(crate) fn heap() -> usize {
    HEAP.current_usage()
}

/// The most bytes that were allocated at a time while `work` ran, beyond those at its beginning.
pub(crate) async fn growth_during(work: impl Future<Output = ()>) -> usize {
    let before = heap();
    HEAP.reset_peak_usage();
    work.await;
    HEAP.peak_usage().saturating_sub(before)
}

/// A reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) files: usize,
    pub(crate) tasks: usize,
    pub(crate) bytes: usize,
}

impl Held {
    /// What the process holds now. Tasks are those of the current runtime.
    pub(crate) fn now() -> Self {
        Self {
            files: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            bytes: heap(),
        }
    }
}

/// Readings after each of many cycles, each of which ought to end where it began.
pub(crate) struct Cycles {
    what: &'static str,
    began: Instant,
    start: Held,
    readings: Vec<Held>,
}

impl Cycles {
    /// What is held now is what each of so many cycles, and those of the warm-up, has to come back to.
    pub(crate) fn start(what: &'static str, cycles: usize) -> Self {
        // Made here, so that it does not grow with the cycles and count as a leak.
        let readings = Vec::with_capacity(WARM_UP + cycles);
        Self { what, began: Instant::now(), start: Held::now(), readings }
    }

    /// Whether another cycle is to come.
    pub(crate) fn go_on(&self) -> bool {
        self.readings.len() < self.readings.capacity()
    }

    /// Waits until no more files and tasks are left than at the start, and takes a reading.
    ///
    /// # Panics
    /// When some stay.
    pub(crate) async fn ended(&mut self) {
        let waited = Instant::now();
        let held = loop {
            let held = Held::now();
            if held.files <= self.start.files && held.tasks <= self.start.tasks {
                break held;
            }
            let cycle = self.readings.len();
            assert!(
                waited.elapsed() < PATIENCE,
                "{}, cycle {cycle}: {held:?} of {:?}",
                self.what,
                self.start
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        self.readings.push(held);
    }

    /// Compares the memory of the last tenth with that of the first, and adds a line to the ledger.
    ///
    /// # Panics
    /// When the memory grew by more than `per_cycle` bytes a cycle.
    pub(crate) fn assert_level(&self, per_cycle: usize) {
        let readings = &self.readings[WARM_UP..];
        let tenth = readings.len().div_ceil(10);
        // The least of each: what is held at rest, without what is only about to be freed.
        let least = |readings: &[Held]| readings.iter().map(|held| held.bytes).min().unwrap_or_default();
        let (first, last) = (least(&readings[..tenth]), least(&readings[readings.len() - tenth..]));
        let end = Held { bytes: last, ..readings[readings.len() - 1] };
        ledger::add(
            self.what,
            readings.len(),
            self.began.elapsed(),
            Held { bytes: first, ..self.start },
            end,
        );
        let growth = last.saturating_sub(first);
        assert!(
            growth <= per_cycle * (readings.len() - tenth),
            "{}: {growth} bytes more after {} cycles: {first} to {last}",
            self.what,
            readings.len()
        );
    }
}
