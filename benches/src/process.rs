//! What this process has used.

use rustix::time::{ClockId, clock_gettime};

/// Its processor time so far, in seconds.
pub(crate) fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
