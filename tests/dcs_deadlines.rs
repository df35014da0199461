//! Every call ends by its deadline, whatever ZooKeeper does; and while one server of three can be reached, it succeeds.

use std::{
    collections::BTreeSet,
    path::Path,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use dcs_zk::{
    Cluster, Config, DcsError, DcsZk, Failsafe, Groups, LeaderUpdate, Lease, MemberData, StatusUpdate,
    Timings,
};
use futures_util::future::join_all;
use integration_tests::{deaf_port::DeafPort, wait::eventually};
use zk_testkit::{Direction, Ensemble, FaultProxy};

const SECOND: Duration = Duration::from_secs(1);
/// What a busy machine may add to a call that ends on the clock.
const SLACK: Duration = Duration::from_millis(1_200);

fn timings() -> Timings {
    Timings::new(6 * SECOND, SECOND, 2 * SECOND).unwrap()
}

async fn ensemble() -> Ensemble {
    Ensemble::builder().servers(1).max_session_timeout(60 * SECOND).start().await.unwrap()
}

fn data(name: &str) -> MemberData {
    MemberData::new(&format!("postgres://{name}:5432/postgres"), &format!("http://{name}:8008/patroni"))
}

/// How an operation is to end when nobody answers.
#[derive(Debug, PartialEq)]
enum End {
    /// As `Unavailable`.
    Unavailable,
    /// With what can be told without ZooKeeper.
    Local,
    /// As `Unavailable`, or at once if there is no connection that could be lost.
    Either,
}

/// How an operation ended: `None` if it told something.
type Ended = Option<DcsError>;
type Call = fn(Arc<DcsZk>, Arc<Cluster>, Lease) -> Pin<Box<dyn Future<Output = Ended> + Send>>;

struct Operation {
    name: &'static str,
    end: End,
    within: Duration,
    call: Call,
}

macro_rules! operation {
    ($name:ident, $end:expr, $within:expr, |$dcs:ident, $cluster:ident, $lease:ident| $call:expr) => {
        Operation {
            name: stringify!($name),
            end: $end,
            within: $within,
            call: |$dcs, $cluster, $lease| {
                Box::pin(async move {
                    let _ = (&$cluster, &$lease);
                    $call
                })
            },
        }
    };
}

fn error<R>(result: Result<R, DcsError>) -> Ended {
    result.err()
}

/// All of them: a test compares the names with the sources.
fn operations() -> Vec<Operation> {
    use End::{Either, Local, Unavailable};
    let retried = timings().retry_timeout();
    let once = SECOND;
    // A session that cannot be closed is given up after two seconds.
    let closing = 2 * SECOND;
    vec![
        operation!(get_cluster, Unavailable, retried, |dcs, c, l| error(dcs.get_cluster().await)),
        operation!(get_groups, Unavailable, retried, |dcs, c, l| error(dcs.get_groups(Groups::All).await)),
        operation!(get_mpp_coordinator, Local, retried, |dcs, c, l| {
            assert_eq!(dcs.get_mpp_coordinator().await, None);
            None
        }),
        operation!(scope_children, Unavailable, retried, |dcs, c, l| error(dcs.scope_children().await)),
        operation!(close, Local, closing, |dcs, c, l| {
            dcs.close().await;
            None
        }),
        operation!(attempt_to_acquire_leader, Unavailable, retried, |dcs, c, l| {
            error(dcs.attempt_to_acquire_leader().await)
        }),
        operation!(take_leader, Unavailable, retried, |dcs, c, l| error(dcs.take_leader().await)),
        operation!(update_leader, Unavailable, retried, |dcs, c, l| {
            error(dcs.update_leader(&c, LeaderUpdate { last_lsn: Some(5), ..LeaderUpdate::default() }).await)
        }),
        // The lock is given up by giving up the session.
        operation!(delete_leader, Local, once + closing, |dcs, c, l| {
            assert!(dcs.delete_leader(c.leader.as_ref(), Some(7)).await.unwrap());
            None
        }),
        operation!(touch_member, Unavailable, once, |dcs, c, l| error(
            dcs.touch_member(&data("other")).await
        )),
        operation!(initialize, Unavailable, retried, |dcs, c, l| error(dcs.initialize("7").await)),
        operation!(set_initialize_value, Unavailable, retried, |dcs, c, l| {
            error(dcs.set_initialize_value("7").await)
        }),
        operation!(cancel_initialization, Unavailable, retried, |dcs, c, l| {
            error(dcs.cancel_initialization().await)
        }),
        operation!(set_failover_value, Unavailable, once, |dcs, c, l| {
            error(dcs.set_failover_value("{}", None).await)
        }),
        operation!(manual_failover, Unavailable, once, |dcs, c, l| {
            error(dcs.manual_failover(Some("a"), None, None, None).await)
        }),
        operation!(set_config_value, Unavailable, retried, |dcs, c, l| {
            error(dcs.set_config_value("{}", None).await)
        }),
        operation!(set_sync_state_value, Unavailable, retried, |dcs, c, l| {
            error(dcs.set_sync_state_value("{}", None).await)
        }),
        operation!(write_sync_state, Unavailable, retried, |dcs, c, l| {
            error(dcs.write_sync_state(Some("a"), &["b"], None, None).await)
        }),
        operation!(delete_sync_state, Unavailable, retried, |dcs, c, l| error(
            dcs.delete_sync_state(None).await
        )),
        operation!(set_history_value, Unavailable, once, |dcs, c, l| error(
            dcs.set_history_value("[]").await
        )),
        operation!(write_status, Unavailable, once, |dcs, c, l| {
            error(dcs.write_status(StatusUpdate::optime(9)).await)
        }),
        operation!(write_leader_optime, Unavailable, once, |dcs, c, l| error(
            dcs.write_leader_optime(9).await
        )),
        operation!(write_failsafe, Unavailable, once, |dcs, c, l| {
            let topology: Failsafe = [("a".to_owned(), "http://a".to_owned())].into_iter().collect();
            error(dcs.write_failsafe(topology).await)
        }),
        operation!(delete_cluster, Unavailable, retried, |dcs, c, l| error(dcs.delete_cluster().await)),
        operation!(watch, Local, once, |dcs, c, l| {
            dcs.watch(None, SECOND).await;
            None
        }),
        operation!(fenced_set_config_value, Unavailable, retried, |dcs, c, l| error(
            dcs.as_leader(&l).set_config_value("{}", None).await
        )),
        operation!(fenced_set_failover_value, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l).set_failover_value("{}", None).await
        )),
        operation!(fenced_manual_failover, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l).manual_failover(Some("a"), None, None, None).await
        )),
        operation!(fenced_set_initialize_value, Unavailable, retried, |dcs, c, l| error(
            dcs.as_leader(&l).set_initialize_value("7").await
        )),
        operation!(fenced_set_sync_state_value, Unavailable, retried, |dcs, c, l| error(
            dcs.as_leader(&l).set_sync_state_value("{}", None).await
        )),
        operation!(fenced_write_sync_state, Unavailable, retried, |dcs, c, l| error(
            dcs.as_leader(&l).write_sync_state(Some("a"), &["b"], None, None).await
        )),
        operation!(fenced_delete_sync_state, Unavailable, retried, |dcs, c, l| error(
            dcs.as_leader(&l).delete_sync_state(None).await
        )),
        operation!(fenced_set_history_value, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l).set_history_value("[]").await
        )),
        operation!(fenced_write_status, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l).write_status(StatusUpdate::optime(9)).await
        )),
        operation!(fenced_write_leader_optime, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l).write_leader_optime(9).await
        )),
        operation!(fenced_write_failsafe, Unavailable, once, |dcs, c, l| error(
            dcs.as_leader(&l)
                .write_failsafe([("a".to_owned(), "http://a".to_owned())].into_iter().collect())
                .await
        )),
        operation!(get_cluster_synced, Unavailable, retried, |dcs, c, l| error(
            dcs.get_cluster_synced().await
        )),
        // Nobody needs to be asked for it.
        operation!(reload_config, Local, once, |dcs, c, l| {
            let config = (*dcs.config()).clone().with_credential("digest", "a:b");
            assert_eq!(dcs.reload_config(config).await.unwrap(), dcs_zk::Reloaded::Live);
            None
        }),
        operation!(set_retry_timeout, Local, once, |dcs, c, l| error(dcs.set_retry_timeout(SECOND).await)),
        operation!(set_ttl, Either, retried + closing, |dcs, c, l| error(dcs.set_ttl(9 * SECOND).await)),
    ]
}

/// The names of the public async functions of `DcsZk` and `Fenced`, as the sources have them.
fn in_the_sources(directory: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            in_the_sources(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // The operations of a leader in their fenced form have the names of the others.
            let mut inside = None;
            for line in text.lines() {
                inside = match line {
                    "impl DcsZk {" => Some(""),
                    "impl Fenced<'_> {" => Some("fenced_"),
                    "}" => None,
                    _ => inside,
                };
                if let (Some(prefix), Some(rest)) = (inside, line.strip_prefix("    pub async fn ")) {
                    names.insert(format!("{prefix}{}", rest.split(['(', '<']).next().unwrap()));
                }
            }
        }
    }
}

#[test]
fn no_operation_is_left_out() {
    let mut sources = BTreeSet::new();
    in_the_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/dcs-zk/src"), &mut sources);
    let table: BTreeSet<String> = operations().iter().map(|operation| operation.name.to_owned()).collect();
    assert_eq!(table, sources);
}

/// Every operation, each on a leader of a scope of its own, after `fails` was done to the only server.
async fn every_operation_ends(fails: impl AsyncFnOnce(&Ensemble)) {
    let ensemble = ensemble().await;
    let prepared = join_all(operations().into_iter().map(async |operation| {
        let config = Config::new(operation.name, &ensemble.connect_string()).unwrap();
        let dcs = DcsZk::connect(config.with_name("a").unwrap().with_timings(timings()));
        dcs.get_cluster().await.unwrap();
        dcs.touch_member(&data("a")).await.unwrap();
        let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
        let cluster = dcs.get_cluster().await.unwrap();
        (operation, Arc::new(dcs), cluster, lease)
    }))
    .await;
    fails(&ensemble).await;
    let failed = Instant::now();
    let leases = join_all(prepared.into_iter().map(async |(operation, dcs, cluster, lease)| {
        let Operation { name, end, within, call } = operation;
        let start = Instant::now();
        let ended = call(Arc::clone(&dcs), cluster, lease.clone()).await;
        let took = start.elapsed();
        assert!(took < within + SLACK, "{name} took {took:?}, not {within:?}");
        match (&ended, &end) {
            (Some(DcsError::Unavailable { .. }), End::Unavailable | End::Either)
            | (None, End::Local | End::Either) => {}
            other => panic!("{name}: {other:?}"),
        }
        // The task that keeps the session lives as long as the DCS does.
        (name, dcs, lease)
    }))
    .await;
    for (name, _dcs, lease) in leases {
        eventually(10 * SECOND, name, async || (!lease.is_valid()).then_some(())).await;
    }
    assert!(failed.elapsed() < timings().ttl(), "no lease outlives its session: {:?}", failed.elapsed());
}

#[tokio::test]
async fn with_all_servers_dead_every_call_ends_in_time_as_unavailable() {
    every_operation_ends(async |ensemble| ensemble.kill(0).await.unwrap()).await;
}

#[tokio::test]
async fn with_all_servers_frozen_every_call_ends_in_time_as_unavailable() {
    every_operation_ends(async |ensemble| ensemble.freeze(0).unwrap()).await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the runtime is to stand still")]
async fn a_lease_ends_on_the_clock_while_nothing_runs_that_could_tell() {
    let ensemble = ensemble().await;
    let config = Config::new("demo", &ensemble.connect_string()).unwrap().with_name("a").unwrap();
    let dcs = DcsZk::connect(config.with_timings(timings()));
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().unwrap();
    let left = lease.remaining();
    assert!(lease.is_valid() && left > SECOND && left < timings().ttl());
    // This thread is the runtime: no task runs, and no event of the network is seen.
    std::thread::sleep(left);
    assert!(!lease.is_valid());
}

#[tokio::test]
async fn an_operation_of_several_requests_has_one_deadline() {
    let ensemble = ensemble().await;
    let other =
        DcsZk::connect(Config::new("demo", &ensemble.connect_string()).unwrap().with_name("b").unwrap());
    eventually(5 * SECOND, "another member", async || other.touch_member(&data("b")).await.ok()).await;
    // A load is two round trips, which together take longer than there is time for.
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    proxy.set_latency(SECOND * 6 / 10);
    let config = Config::new("demo", &proxy.address().to_string()).unwrap().with_name("a").unwrap();
    let timings = Timings::new(20 * SECOND, SECOND, 2 * SECOND).unwrap();
    let dcs = DcsZk::connect(config.with_timings(timings));
    eventually(10 * SECOND, "the session", async || dcs.session()).await;
    for round in 0..3 {
        let start = Instant::now();
        let loaded = dcs.get_cluster().await;
        assert!(start.elapsed() < 2 * SECOND + SLACK, "{round}: {:?}", start.elapsed());
        assert!(matches!(loaded, Err(DcsError::Unavailable { .. })), "{round}: {loaded:?}");
        let start = Instant::now();
        // Set, create, and parents before it.
        let written = dcs.set_config_value("{}", None).await;
        assert!(start.elapsed() < 2 * SECOND + SLACK, "{round}: {:?} {written:?}", start.elapsed());
        let start = Instant::now();
        let touched = dcs.touch_member(&data("a")).await;
        assert!(start.elapsed() < SECOND + SLACK, "{round}: {:?} {touched:?}", start.elapsed());
    }
}

#[tokio::test]
async fn what_is_tried_once_may_take_half_of_what_is_left_of_the_round() {
    let ensemble = ensemble().await;
    let config = Config::new("demo", &ensemble.connect_string()).unwrap().with_name("a").unwrap();
    let dcs = DcsZk::connect(config);
    dcs.get_cluster().await.unwrap();
    dcs.touch_member(&data("a")).await.unwrap();
    dcs.watch(None, Duration::ZERO).await;
    ensemble.freeze(0).unwrap();
    let round = Instant::now();
    let timed = async |wrote: &str| {
        let start = Instant::now();
        let error = dcs.touch_member(&data(wrote)).await.unwrap_err();
        assert!(matches!(error, DcsError::Unavailable { .. }), "{error}");
        start.elapsed()
    };
    let near = |took: Duration, expected: Duration| took + SLACK > expected && took < expected + SLACK;
    let (first, second) = (timed("b").await, timed("c").await);
    assert!(near(first, 5 * SECOND) && near(second, SECOND * 5 / 2), "{first:?} {second:?}");
    // Until the link is known to be dead, after the read timeout of 8 s; then it fails at once.
    let third = timed("d").await;
    assert!(third < SECOND * 5 / 4 + SLACK && round.elapsed() < 10 * SECOND, "{third:?}");
}

/// Eight members, each with three servers of which one can be reached: a load has `retry_timeout`, with Patroni's times.
const RUNS: usize = 8;

/// Takes connections and bytes from now on, and gives none.
fn swallow(proxy: &FaultProxy) {
    proxy.black_hole(Direction::ToServer, true);
    proxy.black_hole(Direction::ToClient, true);
}

fn member(run: usize, hosts: &[String]) -> DcsZk {
    let config = Config::new(&format!("demo{run}"), &hosts.join(",")).unwrap();
    DcsZk::connect(config.with_name("a").unwrap())
}

/// Loads, and tells how long it took. Panics if it fails or takes longer than `retry_timeout`.
async fn load(dcs: &DcsZk) -> f64 {
    let start = Instant::now();
    dcs.get_cluster().await.unwrap();
    let took = start.elapsed();
    assert!(took < Timings::default().retry_timeout(), "{took:?}");
    took.as_secs_f64()
}

#[tokio::test]
async fn the_first_call_succeeds_with_two_of_three_servers_unreachable() {
    let ensemble = ensemble().await;
    let (deaf, other_deaf) = (DeafPort::open().await.unwrap(), DeafPort::open().await.unwrap());
    // Takes connections and never answers, like a process that hangs.
    let silent = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    swallow(&silent);
    let other_silent = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    swallow(&other_silent);
    let (deaf, other_deaf) = (deaf.address(), other_deaf.address());
    for pair in [[deaf, other_deaf], [deaf, silent.address()], [silent.address(), other_silent.address()]] {
        let took = join_all((0..RUNS).map(async |run| {
            let hosts = [pair[0], pair[1], ensemble.addr(0)].map(|host| host.to_string());
            load(&member(run, &hosts)).await
        }))
        .await;
        println!("first calls, in seconds: {took:.2?}");
    }
}

#[tokio::test]
async fn a_call_succeeds_when_the_connected_server_goes_dark_and_the_next_one_is() {
    let ensemble = ensemble().await;
    let deaf = DeafPort::open().await.unwrap();
    let took = join_all((0..RUNS).map(async |run| {
        let ways = [
            FaultProxy::start(ensemble.addr(0)).await.unwrap(),
            FaultProxy::start(ensemble.addr(0)).await.unwrap(),
        ];
        let hosts = [ways[0].address(), ways[1].address(), deaf.address()].map(|host| host.to_string());
        let dcs = member(run, &hosts);
        dcs.get_cluster().await.unwrap();
        let session = dcs.session().unwrap().session_id;
        let port = dcs.session_status().server.expect("connected").port;
        let connected = ways.iter().find(|way| way.address().port() == port).unwrap();
        swallow(connected);
        let took = load(&dcs).await;
        assert_eq!(dcs.session().unwrap().session_id, session, "moved, not expired");
        took
    }))
    .await;
    println!("calls after the connected server went dark, in seconds: {took:.2?}");
}

#[tokio::test]
async fn a_call_succeeds_while_the_only_reachable_server_restarts() {
    let ensemble = ensemble().await;
    let deaf = DeafPort::open().await.unwrap();
    let silent = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    swallow(&silent);
    let hosts = [deaf.address(), silent.address(), ensemble.addr(0)].map(|host| host.to_string());
    let members: Vec<DcsZk> = (0..RUNS).map(|run| member(run, &hosts)).collect();
    join_all(members.iter().map(load)).await;
    ensemble.kill(0).await.unwrap();
    let restart = async {
        ensemble.start_server(0).unwrap();
        ensemble.wait_ready(0).await.unwrap();
    };
    let (took, ()) = futures_util::future::join(join_all(members.iter().map(load)), restart).await;
    println!("calls during a restart, in seconds: {took:.2?}");
}
