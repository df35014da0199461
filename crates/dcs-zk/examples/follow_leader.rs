//! Follows who leads a Patroni cluster, and says so, as a proxy or a DNS updater needs it.
//!
//! ```text
//! cargo run -p dcs-zk --example follow_leader -- --connect zk1:2181,zk2:2181,zk3:2181 --scope demo
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to people")]

mod common;

use std::process::ExitCode;

use clap::Parser;
use common::{Place, exit, stop};
use dcs_zk::{CurrentLeader, DcsZk, LeaderChange, now};

/// Follows who leads a Patroni cluster.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Without a name: it looks, and is no member.
    let dcs = match Args::parse().place.config() {
        Ok(config) => DcsZk::connect(config),
        Err(error) => return exit(Err(format!("{error}; see --help")), 2),
    };
    let ended = tokio::select! {
        () = follow(&dcs) => Ok(()),
        stopped = stop() => stopped,
    };
    dcs.close().await;
    exit(ended, 1)
}

async fn follow(dcs: &DcsZk) {
    let mut changes = dcs.leader_changes();
    while let Some(change) = changes.next().await {
        match change {
            LeaderChange::Leader(CurrentLeader { name, conn_url, fencing_token, .. }) => {
                let at = conn_url.unwrap_or_else(|| "an unknown address".to_owned());
                println!("{name} leads, at {at} (fencing token {fencing_token})");
            }
            LeaderChange::Nobody => println!("nobody leads"),
            // Keep what was told: the leader can still be the same. Only do not take it for certain.
            LeaderChange::Unknown { since } => {
                println!("unknown for {} s: ZooKeeper does not tell", now().since(since).as_secs());
            }
            _ => {}
        }
    }
}
