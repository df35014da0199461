//! Sessions against a model ensemble, in virtual time, with faults drawn from a seed.
//!
//! ```text
//!   plan ─▶ world: the clock and what happens next ─▶ invariants (a table of all checks)
//!             │                        ▲
//!    client ──┼── network ── server ───┤
//!   (drives   │  (latency,  (reads,   │
//!   Session)  │   slices,    pings)   │
//!      ▲      │   held up)     │      │
//!     work    │            ensemble: leader, log, elections ── tracker: sessions counted out
//!  (leader    └── faults ────┘
//!   key, …)
//! ```
//!
//! What is under test is [`zk_proto::Session`], five clients or so, each on a clock of its own that drifts. The ensemble is a
//! model of what ZooKeeper does where it matters to a session: expiry in buckets of a tick, touches that followers tell the
//! leader half a tick later, commits that followers learn late, servers that go on answering when they are cut off.
//! A run is a few virtual seconds of work and faults, then peace, in which everything must recover, then the close of all
//! sessions.
//!
//! | variable | meaning |
//! |---|---|
//! | `ZK_SIM_SEEDS` | how many seeds (20,000), from `ZK_SIM_FIRST` (0) on |
//! | `ZK_SIM_ALL` | go on after a violation, and report all |
//! | `ZK_SIM_SEED` | the seed for `replay`, which tells what happens |
//! | `ZK_SIM_SECONDS` | for `soak`: how long to run (60), from `ZK_SIM_FIRST` (20,000) on |
//!
//! `scripts/planted.sh` shows that the checks can fail: mistakes in `planted/` are built in, one at a time.

mod client;
mod elections;
mod end_checks;
mod ensemble;
mod faults;
mod handshake;
mod invariants;
mod ledger;
mod network;
mod plan;
mod requests;
mod run;
mod server;
mod server_watches;
mod totals;
mod tracker;
mod tree;
mod work;
mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use run::{Failed, run, run_many};
use totals::Totals;

/// The seeds of a run in CI.
const SEEDS: u64 = 20_000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().expect("a number"))
}

/// What failed, and how to see it again.
fn report(totals: &Totals, failed: &Failed) -> String {
    let mut checks: BTreeMap<&str, u64> = BTreeMap::new();
    for violation in failed.values() {
        *checks.entry(violation.check).or_default() += 1;
    }
    let mut text = format!("\nviolations in {} of {} seeds: {checks:?}\n", failed.len(), totals.seeds);
    for (seed, violation) in failed.iter().take(10) {
        text += &format!(
            "seed {seed}: {violation}\n  \
             ZK_SIM_SEED={seed} cargo test -p zk-proto --test simulation replay -- --ignored --nocapture\n"
        );
    }
    text
}

#[test]
fn every_seed_keeps_the_invariants() {
    let seeds = setting("ZK_SIM_SEEDS").unwrap_or(SEEDS);
    let first = setting("ZK_SIM_FIRST").unwrap_or(0);
    let all = std::env::var_os("ZK_SIM_ALL").is_some();
    let (totals, failed) = run_many(first, all, |seed| seed < first + seeds);
    println!("{totals}");
    assert!(failed.is_empty(), "{}", report(&totals, &failed));
    totals.assert_not_vacuous();
}

#[test]
#[ignore = "runs for ZK_SIM_SECONDS"]
#[expect(clippy::disallowed_methods, reason = "real time limits the soak; the runs know nothing of it")]
fn soak() {
    let limit = Duration::from_secs(setting("ZK_SIM_SECONDS").unwrap_or(60));
    let first = setting("ZK_SIM_FIRST").unwrap_or(SEEDS);
    let began = Instant::now();
    let more = |seed: u64| {
        if (seed - first).is_multiple_of(10_000) {
            eprintln!("after {} s: seed {seed}", began.elapsed().as_secs());
        }
        began.elapsed() < limit
    };
    let (totals, failed) = run_many(first, true, more);
    println!("{totals}");
    assert!(failed.is_empty(), "{}", report(&totals, &failed));
    totals.assert_not_vacuous();
}

#[test]
#[ignore = "replays the seed in ZK_SIM_SEED and tells what happens"]
fn replay() {
    let seed = setting("ZK_SIM_SEED").expect("ZK_SIM_SEED");
    let outcome = run(seed, true);
    println!("{}", outcome.totals);
    assert_eq!(outcome.violation, None);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let (one, other) = (run(seed, false), run(seed, false));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.totals.to_string(), other.totals.to_string(), "seed {seed}");
        assert_ne!(one.trace, run(seed + 1, false).trace, "the trace tells runs apart");
    }
}
