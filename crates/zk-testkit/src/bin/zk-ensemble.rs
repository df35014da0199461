//! Runs a ZooKeeper ensemble in the foreground, for a person or a script.

#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks on standard output and error"
)]

use std::{io::Read, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use zk_testkit::{Ensemble, TestkitError};

/// Run a ZooKeeper ensemble in the foreground.
///
/// Prints the connect string when all servers serve, and stays until standard input ends or a SIGINT or SIGTERM
/// comes. Then the servers are killed and their data is removed.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// How many servers; 1 is a standalone server
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    servers: u8,

    /// ZooKeeper's tickTime in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    tick_time_ms: u64,

    /// The longest session timeout granted, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 40_000)]
    max_session_timeout_ms: u64,

    /// Client port of the first server; the others follow. Free ports by default
    #[arg(long, value_name = "PORT")]
    first_client_port: Option<u16>,

    /// A line of every zoo.cfg; can be given again
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    property: Vec<(String, String)>,

    /// Print one line of JSON, {"connect_string":…,"servers":[{"host":…,"pid":…,"log":…},…]}
    #[arg(long)]
    json: bool,

    /// Stay until a signal comes, even when standard input ends
    #[arg(long)]
    ignore_stdin: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zk-ensemble: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), TestkitError> {
    let mut builder = Ensemble::builder()
        .servers(options.servers.into())
        .tick_time(Duration::from_millis(options.tick_time_ms))
        .max_session_timeout(Duration::from_millis(options.max_session_timeout_ms));
    if let Some(port) = options.first_client_port {
        builder = builder.first_client_port(port);
    }
    for (key, value) in options.property {
        builder = builder.property(key, value);
    }
    // A signal during the start drops the start, and with it whatever runs already.
    let end = end_of_foreground(options.ignore_stdin);
    tokio::pin!(end);
    let ensemble = tokio::select! {
        ensemble = builder.start() => ensemble?,
        () = &mut end => return Ok(()),
    };
    if options.json {
        println!("{}", describe(&ensemble));
    } else {
        println!("{}", ensemble.connect_string());
        let until = if options.ignore_stdin { "Ctrl-C" } else { "Ctrl-C or the end of standard input" };
        eprintln!("{} server(s) run until {until}", ensemble.servers().len());
    }
    end.await;
    Ok(())
}

/// The line of `--json`.
fn describe(ensemble: &Ensemble) -> serde_json::Value {
    let servers: Vec<_> = ensemble
        .servers()
        .iter()
        .map(|server| {
            serde_json::json!({
                "host": server.addr().to_string(),
                "pid": server.pid(),
                "log": server.log_path().display().to_string(),
            })
        })
        .collect();
    serde_json::json!({ "connect_string": ensemble.connect_string(), "servers": servers })
}

/// Resolves when the person or script wants an end.
async fn end_of_foreground(ignore_stdin: bool) {
    let (sender, stdin_ended) = oneshot::channel::<()>();
    // A thread of its own, because a read of a terminal cannot be cancelled: it ends with the process.
    let reader = std::thread::Builder::new().spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink());
        drop(sender);
    });
    let watch_stdin = !ignore_stdin && reader.is_ok();
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        eprintln!("zk-ensemble: cannot listen for signals");
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = stdin_ended, if watch_stdin => {}
    }
}
