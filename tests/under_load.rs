//! Hundreds of requests under way at once: how often their answers wake the client, that each gets its own, and that a server
//! which is lost is noticed as soon as with one.
#![allow(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

#[path = "session_common/follower.rs"]
mod follower;
#[path = "tls/harness.rs"]
#[allow(dead_code, reason = "this test binary uses a part of it")]
mod harness;
mod session_common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use follower::on_a_follower;
use harness::Setup;
use integration_tests::wait::eventually;
use session_common::{builder, client, connected, one_server, session_id};
use tokio::{runtime::Handle, task::JoinSet};
use zk_session::{Acl, Client, CreateMode};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

fn path(lane: usize) -> String {
    format!("/lane-{lane:04}")
}

/// Every lane has a node, and its path is in it.
async fn prepare(client: &Client, lanes: usize) {
    for lane in 0..lanes {
        let path = path(lane);
        client.create(&path, path.clone(), CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
}

/// Each lane reads its node again and again for so long; how many answers came, each the one to its question.
async fn read_all(client: &Client, lanes: usize, time: Duration) -> usize {
    let end = Instant::now() + time;
    let mut reading = JoinSet::new();
    for lane in 0..lanes {
        let client = client.clone();
        reading.spawn(async move {
            let (path, mut answers) = (path(lane), 0);
            while Instant::now() < end {
                assert_eq!(client.get_data(&path).await.unwrap().0, path.as_bytes());
                answers += 1;
            }
            answers
        });
    }
    reading.join_all().await.into_iter().sum()
}

/// How often the runtime went to sleep for an answer, and was woken.
async fn sleeps_per_answer(client: &Client, lanes: usize) -> f64 {
    let sleeps = || Handle::current().metrics().worker_park_count(0);
    // The mean time of an answer is known after that.
    read_all(client, lanes, SECOND / 5).await;
    let before = sleeps();
    let answers = read_all(client, lanes, SECOND).await;
    (sleeps() - before) as f64 / answers as f64
}

async fn answers_are_collected(client: &Client) {
    const MANY: usize = 256;
    prepare(client, MANY).await;
    // Other work on the machine batches answers, too, and TLS in a debug build is such work: one quiet moment in five is enough.
    // Were they not collected, there would be as many sleeps with many as with few.
    let mut seen = Vec::new();
    for _ in 0..5 {
        // So few are not worth it: the same server and machine, for comparison.
        let few = sleeps_per_answer(client, 32).await;
        let many = sleeps_per_answer(client, MANY).await;
        println!("sleeps per answer: {few:.2} with 32 requests under way, {many:.2} with {MANY}");
        if many < 0.8 * few {
            return;
        }
        seen.push((few, many));
    }
    panic!("never much less often: {seen:?}");
}

#[tokio::test]
async fn the_answers_of_a_busy_server_are_collected() {
    let ensemble = one_server().await;
    answers_are_collected(&client(&ensemble).await).await;
}

#[tokio::test]
async fn the_answers_of_a_busy_server_that_speaks_tls_are_collected() {
    let setup = Setup::new().await;
    answers_are_collected(&connected(setup.builder(setup.options())).await).await;
}

/// Writes for as long as there is a server; how many were acknowledged.
async fn keep_writing(client: Client, lane: usize, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        if client.set_data(&path(lane), "", None).await.is_ok() {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        tokio::task::yield_now().await;
    }
}

/// How long nothing is answered after the server of a busy client is lost; on a machine with much other work, seconds.
async fn lost_under_load(lose: impl AsyncFn(&Ensemble, usize)) -> Duration {
    const LANES: usize = 256;
    let ensemble = Ensemble::builder().servers(3).max_session_timeout(10 * SECOND).start().await.unwrap();
    let patient = || builder(&ensemble).read_timeout(8 * SECOND);
    let (client, server) = on_a_follower(&ensemble, patient).await;
    prepare(&client, LANES).await;
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut writing = JoinSet::new();
    for lane in 0..LANES {
        writing.spawn(keep_writing(client.clone(), lane, Arc::clone(&stop), Arc::clone(&acknowledged)));
    }
    let progress = async |what: &str| {
        let before = acknowledged.load(Ordering::Relaxed);
        eventually(10 * SECOND, what, async || {
            (acknowledged.load(Ordering::Relaxed) > before + 4 * LANES).then_some(())
        })
        .await;
    };
    progress("a busy client").await;
    let session = session_id(&client);
    lose(&ensemble, server).await;
    let lost = Instant::now();
    let before = acknowledged.load(Ordering::Relaxed);
    eventually(10 * SECOND, "an answer of another server", async || {
        (acknowledged.load(Ordering::Relaxed) > before + LANES).then_some(())
    })
    .await;
    let without = lost.elapsed();
    progress("a client that is as busy as before").await;
    assert_eq!(session_id(&client), session, "moved, not expired");
    stop.store(true, Ordering::Relaxed);
    writing.join_all().await;
    without
}

#[tokio::test]
async fn a_server_that_is_killed_under_load_is_left_at_once() {
    let without = lost_under_load(async |ensemble, server| ensemble.kill(server).await.unwrap()).await;
    println!("answers again after {} ms", without.as_millis());
    assert!(without < 5 * SECOND, "not by its read timeout: {without:?}");
}

#[tokio::test]
async fn a_server_that_freezes_under_load_is_left_on_suspicion() {
    let without = lost_under_load(async |ensemble, server| ensemble.freeze(server).unwrap()).await;
    println!("answers again after {} ms", without.as_millis());
    assert!(without < 5 * SECOND, "not by its read timeout: {without:?}");
}
