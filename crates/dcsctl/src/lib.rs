//! `dcsctl`: looks at Patroni clusters on ZooKeeper, and plays a member of one.
//!
//! A library so that another program can be a member in the same way: the demonstration runs `dcsctl agent` in processes of its
//! own. There is one entrance, the command line.
#![forbid(unsafe_code)]

mod agent;
mod cli;
mod completions;
mod failure;
mod list;
mod output;
mod reader;
mod settings;
mod signals;
mod table;
mod view;
mod watch;

use std::{ffi::OsString, process::ExitCode};

use cli::{Cli, Command};
use failure::Failure;

/// Runs a command line, the program's name first, as the program `dcsctl` does: it speaks on standard output and error, logs on
/// standard error, and takes SIGINT and SIGTERM for a wish to end. Gives the exit code: 0 done, 1 could not do it, 2 wrong
/// usage or configuration.
///
/// To be called once in a process, within a tokio runtime with time and I/O.
///
/// # Cancel safety
///
/// Dropping the future ends the work at once: an agent then leaves its session to expire.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match execute(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn execute(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let Some(cli) = Cli::read(arguments)? else { return Ok(()) };
    output::start_tracing(cli.verbose, cli.quiet);
    match cli.command {
        Command::List(args) => list::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Agent(args) => agent::run(args).await,
        Command::Completions { shell } => completions::run(shell),
    }
}
