//! What hostile servers do to ZooKeeper clients: each case of `integration_tests::hostile` against this workspace's client,
//! `zookeeper-client` 0.11 and kazoo 2.11, each client in a process of its own. Run by hand; `tests/hostile.md` has a result.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod child;
mod measure;
mod parent;
mod table;

use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use clap::{Parser, ValueEnum};
use futures_util::{StreamExt, stream};
use integration_tests::hostile::{cases, ours::Honest};

/// Plays hostile servers to ZooKeeper clients and prints how each fares.
///
/// For the Rust peer build with `--features peers`; for kazoo run `scripts/install-deps.sh python`, or name a Python that has it
/// in DCS_ZK_PYTHON. A peer that is missing is left out, and said so.
#[derive(Debug, Parser)]
struct Args {
    /// Only cases whose name contains this.
    #[arg(long, value_name = "CASE")]
    only: Option<String>,
    /// Only these clients.
    #[arg(long, value_name = "CLIENT", value_enum, value_delimiter = ',')]
    clients: Vec<Peer>,
    /// One JSON document a line for each case and client, instead of the table.
    #[arg(long)]
    json: bool,
    /// How many cases are played at the same time, but for those in which the server sends without end.
    #[arg(long, default_value_t = 3)]
    jobs: usize,
    /// Names the cases and ends.
    #[arg(long)]
    list: bool,
    /// Plays the part of a client; the program starts itself with it.
    #[arg(long, hide = true)]
    child: Option<String>,
}

/// The clients that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Peer {
    /// zk-session, of this workspace.
    Ours,
    /// zookeeper-client 0.11 of crates.io.
    ZookeeperClient,
    /// kazoo 2.11 of PyPI.
    Kazoo,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::ZookeeperClient => "zookeeper-client",
            Self::Kazoo => "kazoo",
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    if let Some(client) = &args.child {
        return child::run(client).await;
    }
    let mut cases = cases();
    cases.retain(|case| args.only.as_ref().is_none_or(|only| case.name.contains(only.as_str())));
    if args.list {
        cases.iter().for_each(|case| println!("{}", case.name));
        return Ok(());
    }
    let wanted = if args.clients.is_empty() { Peer::value_variants().to_vec() } else { args.clients.clone() };
    let mut peers = Vec::new();
    for peer in wanted {
        match parent::missing(peer).await {
            Some(how) => eprintln!("{} is missing: {how}", peer.name()),
            None => peers.push(peer),
        }
    }

    let honest = Honest::start().await;
    let total = cases.len() * peers.len();
    let done = AtomicUsize::new(0);
    let mut rows = Vec::new();
    // Loud servers take the processors from everybody else: one after another, and after the others.
    for (loud, jobs) in [(false, args.jobs.max(1)), (true, 1)] {
        let chosen = cases.iter().enumerate().filter(|(_, case)| case.is_loud() == loud);
        let trials = chosen.flat_map(|(at, case)| peers.iter().map(move |peer| (at, case, *peer)));
        let played = stream::iter(trials).map(|(at, case, peer)| {
            let (honest, done) = (&honest, &done);
            async move {
                let row = parent::play(case, peer, honest).await;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                eprintln!("{done}/{total} {}: {}: {}", peer.name(), case.name, row.outcome);
                (at, peer, row)
            }
        });
        rows.extend(played.buffer_unordered(jobs).collect::<Vec<_>>().await);
    }
    rows.sort_by_key(|(at, peer, _)| (*at, *peer));
    let rows: Vec<_> = rows.into_iter().map(|(_, _, row)| row).collect();
    if args.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        println!("{}", table::render(&rows));
    }
    Ok(())
}
