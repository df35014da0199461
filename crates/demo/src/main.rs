//! The demonstration: three agents contend for the leader key of a Patroni scope. The server that the leader is connected to is
//! lost, then the leader itself is killed. It ends with a timeline, and fails if two have led at a time.
//!
//! `story.rs` is what happens, in order; everything else lets it happen, or shows it.
#![forbid(unsafe_code)]

mod agent;
mod agents;
mod belief;
mod cli;
mod clock;
mod failure;
mod line;
mod observer;
mod picture;
mod screen;
mod servers;
mod signals;
mod stage;
mod story;
mod table;
mod timeline;

use std::process::ExitCode;

use clap::Parser;
use cli::{Hidden, Options};
use failure::Failure;
use screen::Screen;
use signals::Stop;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    match options.hidden {
        Some(Hidden::Agent { arguments }) => agent::run(arguments).await,
        None => demonstrate(&options).await.map_or_else(Failure::report, |()| ExitCode::SUCCESS),
    }
}

async fn demonstrate(options: &Options) -> Result<(), Failure> {
    let timings = options.timings()?;
    let screen = Screen::new(options.json);
    let mut stop = Stop::listen()?;
    // Who asks us to end drops the story, and with it the servers and the agents.
    tokio::select! {
        told = story::tell(options.ensemble, timings, screen) => told,
        stopped = stop.requested() => Err(stopped),
    }
}
