//! The lock, contended for by both.

use std::{
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use dcs_zk::{Config, DcsZk, LeaderUpdate, Timings, now};
use integration_tests::patroni::Patroni;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{sleep, timeout},
};
use zk_session::Timestamp;
use zk_testkit::Ensemble;

use crate::{SECOND, ensemble, ensemble_of, rust_member};

const EACH_WAY: usize = 20;

/// One reign by the belief of who reigned, in nanoseconds of `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reign {
    begin: u64,
    end: u64,
    ours: bool,
}

fn nanos(time: Timestamp) -> u64 {
    time.since_epoch().as_nanos().try_into().unwrap()
}

fn theirs(answer: &Value) -> Vec<Reign> {
    let reigns = answer["reigns"].as_array().unwrap().iter();
    let time = |reign: &Value, at: usize| reign[at].as_u64().unwrap();
    reigns.map(|reign| Reign { begin: time(reign, 0), end: time(reign, 1), ours: false }).collect()
}

/// In the order of time: two that overlap, if there are any, and how often the lock went from Patroni to us, and back.
fn judge(mut reigns: Vec<Reign>) -> (Option<[Reign; 2]>, [usize; 2]) {
    reigns.sort_by_key(|reign| reign.begin);
    let pairs = || reigns.windows(2).map(|pair| [pair[0], pair[1]]);
    let overlap = pairs().find(|[before, after]| before.end >= after.begin);
    let went =
        |to_us: bool| pairs().filter(|[before, after]| before.ours != to_us && after.ours == to_us).count();
    (overlap, [went(true), went(false)])
}

/// Some renewals of the lease, so that Patroni's new session is there to contend, and the lock is given up. The belief ends no later than the call that gives it up begins.
async fn reign(dcs: &DcsZk, begin: u64) -> Reign {
    for lsn in 1..20 {
        let cluster = dcs.get_cluster().await.unwrap();
        let update = LeaderUpdate { last_lsn: Some(lsn), ..LeaderUpdate::default() };
        assert!(dcs.update_leader(&cluster, update).await.unwrap().is_valid());
    }
    let leader = dcs.get_cluster().await.unwrap().leader.clone();
    let end = nanos(now());
    assert!(dcs.delete_leader(leader.as_ref(), None).await.unwrap());
    Reign { begin, end, ours: true }
}

/// What the contender on our side has been through.
#[derive(Debug, Default)]
struct Contended {
    reigns: Vec<Reign>,
    refusals: usize,
}

/// Tries all the time until it is told to stop.
async fn contend(dcs: DcsZk, stop: &AtomicBool, contended: &Mutex<Contended>) {
    while !stop.load(Ordering::SeqCst) {
        let Some(lease) = dcs.attempt_to_acquire_leader().await.unwrap() else {
            contended.lock().unwrap().refusals += 1;
            continue;
        };
        let begin = nanos(now());
        assert!(lease.is_valid());
        let reign = reign(&dcs, begin).await;
        contended.lock().unwrap().reigns.push(reign);
        // As after every demotion: the others first.
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_handovers_each_way_and_never_two_leaders() {
    let ensemble = ensemble_of(3).await;
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "py", json!({})).await;
    patroni.call("get_cluster", json!([])).await;
    let dcs = rust_member(&ensemble, "rs");
    dcs.get_cluster().await.unwrap();
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(Contended::default())));
    let contender = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move { contend(dcs, &shared.0, &shared.1).await }
    });
    let all = |seen: &Value| {
        let mut reigns = theirs(seen);
        reigns.extend(&shared.1.lock().unwrap().reigns);
        reigns
    };
    patroni.call("contend", json!([])).await;
    let started = Instant::now();
    loop {
        let seen = patroni.call("reigns", json!([])).await;
        assert_eq!(seen["failure"], Value::Null);
        assert!(!contender.is_finished(), "our side failed");
        if judge(all(&seen)).1.iter().all(|went| *went >= EACH_WAY) {
            break;
        }
        assert!(started.elapsed() < 60 * SECOND, "{seen} {:?}", shared.1.lock().unwrap());
        sleep(Duration::from_millis(20)).await;
    }
    let seen = patroni.call("stop_contending", json!([])).await;
    shared.0.store(true, Ordering::SeqCst);
    contender.await.unwrap();
    let (overlap, went) = judge(all(&seen));
    assert_eq!(overlap, None, "two believed that they lead");
    assert!(went.iter().all(|went| *went >= EACH_WAY), "{went:?}");
    let refusals = (shared.1.lock().unwrap().refusals, seen["refusals"].as_u64().unwrap());
    assert!(refusals.0 > 20 && refusals.1 > 20, "both tried while the other led: {refusals:?}");
}

#[test]
fn two_leaders_would_be_found_out() {
    let reign = |begin, end, ours| Reign { begin, end, ours };
    let (first, second, third) = (reign(1, 3, true), reign(4, 6, false), reign(7, 9, true));
    assert_eq!(judge(vec![third, first, second]), (None, [1, 1]));
    assert_eq!(judge(vec![first, reign(3, 5, false)]).0, Some([first, reign(3, 5, false)]));
    assert_eq!(judge(vec![reign(1, 9, true), second]).0, Some([reign(1, 9, true), second]));
}

/// Sessions of 4 s on both sides.
async fn short_lived() -> (Ensemble, Patroni) {
    let ensemble = ensemble().await;
    let times = json!({"ttl": 4, "loop_wait": 1, "retry_timeout": 1});
    let mut patroni = Patroni::start(&ensemble.connect_string(), "demo", "py", times).await;
    patroni.call("get_cluster", json!([])).await;
    (ensemble, patroni)
}

/// From the death of the leader to the next one: no longer than its session, the servers' clock and a busy machine need.
const SOON: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn when_our_leader_is_killed_patroni_leads() {
    let (ensemble, mut patroni) = short_lived().await;
    let mut leader = Command::new(env!("CARGO_BIN_EXE_contender"))
        .args([&ensemble.connect_string(), "rs"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut leases = BufReader::new(leader.stdout.take().unwrap()).lines();
    let line = timeout(10 * SECOND, leases.next_line()).await.expect("it leads").unwrap();
    let mut lease: Value = serde_json::from_str(&line.expect("it leads")).unwrap();
    let (acquired, killed) = tokio::join!(patroni.call("acquire_within", json!([30])), async {
        // It goes on to lead although Patroni tries all the time.
        for _ in 0..10 {
            let line = leases.next_line().await.unwrap().expect("it still leads");
            lease = serde_json::from_str(&line).unwrap();
        }
        leader.kill().await.unwrap();
        let killed = nanos(now());
        // What it believed last.
        while let Some(line) = leases.next_line().await.unwrap() {
            lease = serde_json::from_str(&line).unwrap();
        }
        killed
    });
    let at = acquired["at"].as_u64().expect("Patroni gets the lock");
    let until = lease["until"].as_u64().unwrap();
    assert!(killed < until, "it died as the leader");
    assert!(at > until, "the lease would have ended {} ns after Patroni led", until.saturating_sub(at));
    assert!(Duration::from_nanos(at - killed) < SOON, "{:?}", Duration::from_nanos(at - killed));
    assert!(acquired["refusals"].as_u64().unwrap() > 20, "{acquired}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_patronis_leader_is_killed_we_lead() {
    let (ensemble, mut patroni) = short_lived().await;
    let timings = Timings::new(4 * SECOND, SECOND, SECOND).unwrap();
    let config = Config::new("demo", &ensemble.connect_string()).unwrap().with_name("rs").unwrap();
    let dcs = DcsZk::connect(config.with_timings(timings));
    dcs.get_cluster().await.unwrap();
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    for lsn in 1..10 {
        assert_eq!(patroni.call("update_leader", json!([lsn])).await, json!(true));
        assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none());
    }
    patroni.kill().await;
    let killed = nanos(now());
    let mut refusals = 0;
    let lease = timeout(SOON, async {
        loop {
            if let Some(lease) = dcs.attempt_to_acquire_leader().await.unwrap() {
                return lease;
            }
            refusals += 1;
        }
    });
    let lease = lease.await.expect("its session ends");
    assert!(lease.is_valid() && refusals > 20, "{refusals}");
    let after = Duration::from_nanos(nanos(now()) - killed);
    assert!(after > SECOND, "the lock outlives the process: {after:?}");
    assert_eq!(dcs.get_cluster().await.unwrap().leader_name(), Some("rs"));
}
