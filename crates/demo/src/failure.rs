//! How the demonstration fails: one line that says what is wrong, and an exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Why it ends without having shown what it is to show.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The options contradict each other.
    Usage(String),
    /// It went otherwise than it must, or could not be set up.
    Failed(String),
    /// A signal asked for the end.
    Stopped(u8),
}

impl Failure {
    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// Says it on standard error, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (why, code) = match self {
            Self::Usage(why) => (why, 2),
            Self::Failed(why) => (why, 1),
            Self::Stopped(signal) => ("stopped; nothing stays behind".to_owned(), 128 + signal),
        };
        // Nobody may be listening.
        let _ = writeln!(io::stderr().lock(), "demo: {why}");
        ExitCode::from(code)
    }
}

impl From<io::Error> for Failure {
    /// A failed write to standard output.
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("cannot write the output: {error}"))
    }
}
