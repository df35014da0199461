//! Registers a member of a Patroni cluster and keeps it registered, without ever contending for leadership.
//!
//! The member key is ephemeral. On Ctrl-C the session is closed and the key goes at once; with `--keep` it stays until the session
//! times out, so that an agent that is back by then was never away for others.
//!
//! ```text
//! cargo run -p dcs-zk --example register_member -- --connect zk1:2181 --scope demo --name observer \
//!     --conn-url postgres://10.0.0.9:5432/postgres --api-url http://10.0.0.9:8008/patroni
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to people")]

mod common;

use std::process::ExitCode;

use clap::Parser;
use common::{Place, exit, stop};
use dcs_zk::{DcsError, DcsZk, MemberData, Touched};

/// Registers a member of a Patroni cluster.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
    /// The member's name.
    #[arg(long, env = "PATRONI_NAME")]
    name: String,
    /// Where its PostgreSQL listens.
    #[arg(long)]
    conn_url: String,
    /// Where its REST API listens.
    #[arg(long)]
    api_url: String,
    /// Leave the key to the session's timeout when told to stop.
    #[arg(long)]
    keep: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let dcs = match args.place.config().and_then(|config| config.with_name(&args.name)) {
        Ok(config) => DcsZk::connect(config),
        Err(error) => return exit(Err(format!("{error}; see --help")), 2),
    };
    let data = MemberData::new(&args.conn_url, &args.api_url).state("running").role("replica");
    let ended = tokio::select! {
        error = register(&dcs, &data) => Err(error.to_string()),
        stopped = stop() => stopped,
    };
    if args.keep && ended.is_ok() {
        println!("stops, and leaves the key to the session's timeout of {:?}", dcs.ttl());
        // Without closing the session, which dropping it would do.
        std::process::exit(0);
    }
    dcs.close().await;
    println!("stops, and is no member any more");
    exit(ended, 1)
}

/// Round after round, until something cannot be set right by another one.
async fn register(dcs: &DcsZk, data: &MemberData) -> DcsError {
    loop {
        let touched = match dcs.get_cluster().await {
            Ok(_) => dcs.touch_member(data).await,
            Err(error) => Err(error),
        };
        match touched {
            Ok(Touched::Written) => {
                println!("registered, with a session of {:?}", dcs.ttl());
            }
            Ok(_) => {}
            Err(error @ (DcsError::Invalid(_) | DcsError::Refused { .. })) => return error,
            Err(error) => eprintln!("tries again: {error}"),
        }
        dcs.watch(None, dcs.loop_wait()).await;
    }
}
