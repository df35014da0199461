//! A record of what was measured, for `scripts/leak-soak.sh`.

use std::{fs::OpenOptions, io::Write, time::Duration};

use serde_json::json;

use super::gauges::Held;

/// Adds a line to the file that `LEAK_LEDGER` names, if it names one.
pub(crate) fn add(what: &str, count: usize, took: Duration, start: Held, end: Held) {
    let Some(file) = std::env::var_os("LEAK_LEDGER") else { return };
    let pair = |of: fn(&Held) -> usize| [of(&start), of(&end)];
    let line = json!({
        "what": what, "count": count, "seconds": took.as_secs(), "files": pair(|held| held.files),
        "tasks": pair(|held| held.tasks), "bytes": pair(|held| held.bytes),
    });
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    writeln!(file, "{line}").unwrap();
}
