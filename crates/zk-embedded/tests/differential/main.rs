//! The embedded server beside a real one: random histories of several sessions run on both, and everything a client can see
//! has to be the same, but for times, session ids, the zxid a history begins at, and the order in sets.

#![expect(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

#[path = "../common/mod.rs"]
mod common;
mod fixed;
mod history;
mod observe;
mod run;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use history::history;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use run::run;
use tokio::time::Instant;

/// Much longer than any history takes.
const HANGS: Duration = Duration::from_secs(10);

/// How many histories; another number by the environment.
fn histories() -> u32 {
    std::env::var("ZK_EMBEDDED_HISTORIES").map_or(2_000, |number| number.parse().expect("a number"))
}

/// What the histories are drawn from. The same ones each time, so that a change is to blame for what is found; others by the
/// environment.
fn random(extended: bool) -> TestRng {
    let seed: u64 = std::env::var("ZK_EMBEDDED_SEED").map_or(0, |seed| seed.parse().expect("a number"));
    let mut bytes = [u8::from(extended); 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn compare(extended: bool, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let real = zk_testkit::Ensemble::builder()
        .tick_time(Duration::from_secs(2))
        .system_property("zookeeper.extendedTypesEnabled", extended.to_string())
        // Containers that earlier histories have left go at any time otherwise, and take zxids.
        .system_property("znode.container.checkIntervalMs", "100000000");
    let real = runtime.block_on(real.start()).unwrap();
    let embedded = zk_embedded::Server::builder()
        .ttl_nodes(extended)
        .container_check_interval(Duration::from_secs(100_000));
    let embedded = runtime.block_on(embedded.start()).unwrap();
    let number = AtomicU64::new(0);
    let steps = AtomicU64::new(0);
    let started = Instant::now();
    let config = Config { cases, max_shrink_iters: 3_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, random(extended));
    let outcome = runner.run(&history(), |history| {
        let root = format!("/h{}", number.fetch_add(1, Ordering::Relaxed));
        steps.fetch_add(history.len() as u64, Ordering::Relaxed);
        // A server that does not answer where the other does is one that differs.
        let on = async |address: SocketAddr| tokio::time::timeout(HANGS, run(address, &root, &history)).await;
        let (real, embedded) =
            runtime.block_on(async { tokio::join!(on(real.addr(0)), on(embedded.addr())) });
        let (Ok(real), Ok(embedded)) = (&real, &embedded) else {
            let (real, embedded) = (real.is_err(), embedded.is_err());
            return Err(TestCaseError::fail(format!("hangs: real {real}, embedded {embedded}")));
        };
        for (index, (real, embedded)) in real.iter().zip(embedded).enumerate() {
            if real != embedded {
                let what = match index.checked_sub(1) {
                    Some(step) => format!("{:?}", history[step]),
                    None => "the start".to_owned(),
                };
                return Err(TestCaseError::fail(format!(
                    "after {what}\nreal:     {real:?}\nembedded: {embedded:?}"
                )));
            }
        }
        Ok(())
    });
    println!("{cases} histories of {} steps in {:?}", steps.load(Ordering::Relaxed), started.elapsed());
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => {
            let steps: Vec<String> = history.iter().map(|step| format!("{step:?}")).collect();
            panic!("{reason}\nthe shortest such history:\n{}", steps.join("\n"));
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn histories_look_the_same_on_both() {
    compare(false, histories());
}

#[test]
fn histories_with_times_to_live_look_the_same_on_both() {
    compare(true, histories() / 4);
}
