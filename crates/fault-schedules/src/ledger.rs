//! The ledger: one JSON line for each soak.

use std::{
    fs::OpenOptions,
    io,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Serialize;

#[derive(Serialize)]
struct Entry<'a, F> {
    date: String,
    commit: &'a str,
    what: &'a str,
    #[serde(flatten)]
    figures: &'a F,
}

/// A file of entries.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
    commit: String,
}

impl Ledger {
    /// The ledger of a soak that begins now: of the commit that is checked out. At its end there may be another one.
    pub fn begin(path: &Path) -> Self {
        Self { path: path.to_owned(), commit: commit() }
    }

    /// Adds what a soak has shown.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn add(&self, what: &str, figures: &impl Serialize) -> io::Result<()> {
        let entry = Entry {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            commit: &self.commit,
            what,
            figures,
        };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(&line)
    }
}

/// The commit of the checkout. Ends with `-dirty` if what is tested is not what was committed.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(mut commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let sources = [":/crates", ":/Cargo.lock", ":(exclude,top,glob)**/LEDGER.jsonl"];
    let changed = git(&[&["status", "--porcelain", "--"][..], &sources].concat());
    if changed.is_none_or(|changed| !changed.is_empty()) {
        commit.push_str("-dirty");
    }
    commit
}
