//! The only place that writes to standard output and standard error.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use jiff::{Timestamp, Zoned};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Writes text as it is, at once.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(&format!("{text}\n"))
}

/// Says on standard error what is wrong, in one line. Nobody may be listening.
pub(crate) fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "dcsctl: {}", printable(message));
}

/// Whether somebody watches the output on a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The text with control characters escaped: what is stored in ZooKeeper must not drive a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // The second range are the marks that reorder what is displayed.
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The time of day, for people.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    at.to_zoned(Zoned::now().time_zone().clone()).strftime("%H:%M:%S%.3f").to_string()
}

/// A time in RFC 3339 and UTC, to the millisecond, for programs.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Logs to standard error: errors alone, or as much as the flags ask for. `RUST_LOG` goes before.
pub(crate) fn start_tracing(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::OFF,
        (false, 0) => LevelFilter::ERROR,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}é\u{202e}"), "a\\u{1b}[2Jb\\nc\\u{9b}é\\u{202e}");
    }

    #[test]
    fn times() {
        let at: Timestamp = "2026-01-02T03:04:05.678912Z".parse().unwrap();
        assert_eq!(rfc3339(at), "2026-01-02T03:04:05.678Z");
    }
}
