//! The result as Markdown.

use std::fmt::Write;

use crate::{Peer, parent::Row};
use clap::ValueEnum;

/// What is required: an error or an answer within so many milliseconds …
const SOON_MS: u64 = 1_000;

/// … for so much memory …
const RESIDENT_KIB: u64 = 2 << 10;

/// … and so much address space, of which threads and allocators take some without being asked.
const RESERVED_KIB: u64 = 64 << 10;

/// What is counted in the summary.
type Question = (&'static str, fn(&Row) -> bool);

impl Row {
    fn in_time(&self) -> bool {
        self.ms.is_some_and(|ms| ms <= SOON_MS)
    }

    fn is_modest(&self) -> bool {
        self.resident_kib <= RESIDENT_KIB && self.reserved_kib <= RESERVED_KIB
    }

    /// A cell: what stands out in bold.
    fn cell(&self) -> String {
        let mut cell = match (self.outcome.as_str(), self.ms) {
            ("cannot", _) => return "–".to_owned(),
            (outcome, Some(ms)) if ms <= SOON_MS => format!("{outcome}, {ms} ms"),
            (outcome, Some(ms)) => format!("{outcome}, **{ms} ms**"),
            (outcome, None) => format!("**{outcome}**"),
        };
        if self.resident_kib > RESIDENT_KIB {
            let _ = write!(cell, ", **{} MiB**", self.resident_kib >> 10);
        }
        if self.reserved_kib > RESERVED_KIB {
            let _ = write!(cell, ", **{} MiB reserved**", self.reserved_kib >> 10);
        }
        match self.again.as_str() {
            "yes" => {}
            "new client" => cell.push_str(", then **a new client only**"),
            _ if self.outcome == "dies" => {}
            again => {
                let _ = write!(cell, ", then **{again}**");
            }
        }
        cell
    }
}

/// A line for each case, and a summary.
pub(crate) fn render(rows: &[Row]) -> String {
    let clients: Vec<&str> = Peer::value_variants()
        .iter()
        .map(|peer| peer.name())
        .filter(|name| rows.iter().any(|row| row.client == *name))
        .collect();
    let mut text = format!("| case | {} |\n|---|{}\n", clients.join(" | "), "---|".repeat(clients.len()));
    let mut cases: Vec<&str> = rows.iter().map(|row| row.case).collect();
    cases.dedup();
    for case in cases {
        let cell = |client: &&str| {
            rows.iter()
                .find(|row| row.case == case && row.client == *client)
                .map_or_else(String::new, Row::cell)
        };
        let cells: Vec<String> = clients.iter().map(cell).collect();
        let _ = writeln!(text, "| {case} | {} |", cells.join(" | "));
    }
    let count = |client: &str, what: fn(&Row) -> bool| {
        rows.iter().filter(|row| row.client == client && row.outcome != "cannot" && what(row)).count()
    };
    let all: [Question; 8] = [
        ("cases", |_| true),
        ("an error or an answer within 1 s", Row::in_time),
        ("the task panics", |row| row.outcome == "panics"),
        ("hangs for 5 s", |row| row.outcome == "hangs"),
        ("the process dies", |row| row.outcome == "dies" || row.again == "dies"),
        ("more than 2 MiB used, or 64 MiB reserved", |row| !row.is_modest()),
        ("works again with an honest server", |row| row.again == "yes"),
        ("all of it", |row| row.in_time() && row.is_modest() && row.again == "yes"),
    ];
    let _ = write!(text, "\n| | {} |\n|---|{}\n", clients.join(" | "), "---:|".repeat(clients.len()));
    for (name, what) in all {
        let counts: Vec<String> = clients.iter().map(|client| count(client, what).to_string()).collect();
        let _ = writeln!(text, "| {name} | {} |", counts.join(" | "));
    }
    text
}
