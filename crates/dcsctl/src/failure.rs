//! How the program fails: one line that says what is wrong and what to do, and an exit code.

use std::{io, process::ExitCode};

use crate::output;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line or the configuration cannot be used.
    Usage(String),
    /// It could not do its job.
    Failed(String),
    /// Nobody reads what it prints any more.
    NoReader,
}

impl Failure {
    /// Says it on standard error and gives the exit code: 2 for usage and configuration, 1 for the rest, 0 when the reader
    /// of the output has had enough.
    pub(crate) fn report(self) -> ExitCode {
        let (message, code) = match self {
            Self::Usage(message) => (message, ExitCode::from(2)),
            Self::Failed(message) => (message, ExitCode::from(1)),
            Self::NoReader => return ExitCode::SUCCESS,
        };
        output::complain(&message);
        code
    }
}

impl From<io::Error> for Failure {
    /// A failed write to standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NoReader,
            _ => Self::Failed(format!("cannot write the output: {error}")),
        }
    }
}
