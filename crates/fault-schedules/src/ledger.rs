//! The ledger: one JSON line for each soak.

use std::{fs::OpenOptions, io, io::Write, path::Path, process::Command};

use serde::Serialize;

#[derive(Serialize)]
struct Entry<'a, F> {
    date: String,
    commit: String,
    what: &'a str,
    #[serde(flatten)]
    figures: &'a F,
}

/// Adds what a soak has shown.
///
/// # Errors
///
/// The file cannot be written.
pub fn add(ledger: &Path, what: &str, figures: &impl Serialize) -> io::Result<()> {
    let entry = Entry {
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        commit: commit(),
        what,
        figures,
    };
    let mut line = serde_json::to_vec(&entry)?;
    line.push(b'\n');
    OpenOptions::new().create(true).append(true).open(ledger)?.write_all(&line)
}

/// What the checkout says that it is.
fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let described = described.ok().filter(|output| output.status.success());
    described.map_or_else(
        || "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
