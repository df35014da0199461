//! Hundreds of requests under way at once: how often their answers wake the client, that each gets its own, that the server has
//! work meanwhile, and that a server which is lost is noticed as soon as with one.
#![allow(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

#[path = "session_common/follower.rs"]
mod follower;
#[path = "tls/harness.rs"]
#[allow(dead_code, reason = "this test binary uses a part of it")]
mod harness;
mod session_common;

use std::{
    io::{self, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use follower::on_a_follower;
use harness::Setup;
use integration_tests::{
    hostile::bytes::{connect_response, data, reply},
    wait::eventually,
};
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

/// Takes the requests out of `received` that are there as a whole; their xids, but for pings.
fn take_requests(received: &mut Vec<u8>) -> Vec<i32> {
    let mut xids = Vec::new();
    while let Some((length, rest)) = received.split_first_chunk::<4>()
        && let Some(request) = rest.get(..i32::from_be_bytes(*length).try_into().unwrap())
        && let Some(xid) = request.first_chunk::<4>()
    {
        xids.push(i32::from_be_bytes(*xid));
        received.drain(..4 + request.len());
    }
    xids.retain(|xid| *xid > 0);
    xids
}

/// A server that answers when so many requests have come, all at once, so many times. How many had come each time with the first
/// bytes.
fn answer_at_once(listener: &TcpListener, requests: usize, times: usize) -> io::Result<Vec<usize>> {
    let (mut stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    let mut bytes = vec![0; 64 * 1024];
    assert!(stream.read(&mut bytes)? > 0, "a connect request");
    stream.write_all(&connect_response(0, 10_000, 0x5eed, &[7; 16]))?;
    let (mut received, mut first) = (Vec::new(), Vec::new());
    for time in 0..times {
        let mut xids = Vec::new();
        while xids.len() < requests {
            let count = stream.read(&mut bytes)?;
            assert!(count > 0, "the client has gone");
            received.extend(&bytes[..count]);
            xids.append(&mut take_requests(&mut received));
            if first.len() == time && !xids.is_empty() {
                first.push(xids.len());
            }
        }
        let answers: Vec<u8> = xids.into_iter().flat_map(|xid| reply(xid, 0, &data())).collect();
        stream.write_all(&answers)?;
    }
    Ok(first)
}

#[tokio::test]
async fn a_server_that_has_answered_all_at_once_has_work_before_all_answers_are_taken_in() {
    const LANES: usize = 128;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let answering = tokio::task::spawn_blocking(move || answer_at_once(&listener, LANES, 300));
    let client = connected(Client::builder(&server).unwrap()).await;
    let mut reading = JoinSet::new();
    for _ in 0..LANES {
        let client = client.clone();
        reading.spawn(async move { while client.get_data("/a").await.is_ok() {} });
    }
    let mut first = answering.await.unwrap().unwrap();
    first.sort_unstable();
    println!("{} of {LANES} requests came before the others (the median)", first[first.len() / 2]);
    // Without halves it is never less than all. A server that gets no processor in time, on a busy machine, finds all of them, too.
    let in_halves = first.iter().filter(|requests| **requests <= LANES * 3 / 4).count();
    assert!(in_halves >= 3, "{first:?}");
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
