//! `dcsctl`: looks at Patroni clusters on ZooKeeper, and plays a member of one.
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

use std::process::ExitCode;

use cli::{Cli, Command};
use failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run() -> Result<(), Failure> {
    let Some(cli) = Cli::read()? else { return Ok(()) };
    output::start_tracing(cli.verbose, cli.quiet);
    match cli.command {
        Command::List(args) => list::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Agent(args) => agent::run(args).await,
        Command::Completions { shell } => completions::run(shell),
    }
}
