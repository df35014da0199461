//! What a load promises, against real servers.

mod dcs_common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use dcs_common::{SECOND, by_hand, data, ensemble, member, member_at};
use dcs_zk::{Cluster, Config, DcsZk, Groups, LeaderUpdate};
use zk_jute::OpCode;
use zk_session::{Acl, Client, CreateMode, MultiOp};
use zk_testkit::FaultProxy;

#[tokio::test]
async fn a_first_load_costs_two_round_trips_and_three_with_groups_and_the_next_one() {
    let ensemble = ensemble(1).await;
    let hand = by_hand(&ensemble);
    let groups = ["", "/0", "/1", "/2", "/07", "/x"];
    for (scope, groups) in [("plain", &groups[..1]), ("citus", &groups[1..])] {
        for group in groups {
            for n in 0..20 {
                let path = format!("/service/{scope}{group}/members/m{n}");
                let value = data(&format!("m{n}")).to_json();
                hand.create_with_parents(&path, value, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
            }
        }
    }
    let one_way = Duration::from_millis(60);
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    proxy.set_latency(one_way);
    let config = |scope| Config::new(scope, &proxy.address().to_string()).unwrap();
    let round_trips = |took: Duration| took.as_millis() / (2 * one_way.as_millis());
    for (config, first, workers) in [
        (config("plain"), 2, 0),
        (config("citus").with_group(0), 3, 2),
        (config("citus").with_group(1), 2, 0),
    ] {
        // The quickest of a few: a busy machine adds to a load, but nothing takes round trips away.
        let mut took = [Duration::MAX; 3];
        for _ in 0..6 {
            let dcs = DcsZk::connect(config.clone());
            dcs.scope_children().await.unwrap();
            for (n, took) in took.iter_mut().enumerate() {
                let start = Instant::now();
                let cluster = match n {
                    2 => dcs.get_cluster_synced().await.unwrap(),
                    _ => dcs.get_cluster().await.unwrap(),
                };
                *took = start.elapsed().min(*took);
                assert_eq!(cluster.members.len(), 20);
                assert_eq!(cluster.workers.len(), workers, "only names that Patroni takes for groups");
            }
        }
        let [first_load, next_load, synced] = took.map(round_trips);
        assert_eq!(first_load, first, "{took:?} with a round trip of {:?}", 2 * one_way);
        assert_eq!(next_load, 1, "the same members as before: {took:?}");
        assert_eq!(synced, 1, "a sync goes ahead and is not waited for: {took:?}");
    }
}

#[tokio::test]
async fn garbage_in_every_key_is_the_lenient_value_and_nothing_is_written() {
    let ensemble = ensemble(1).await;
    let hand = by_hand(&ensemble);
    for key in
        ["initialize", "config", "leader", "members/a", "failover", "history", "status", "sync", "failsafe"]
    {
        let garbage: &[u8] = b"\xff\x00{\"garb";
        let path = format!("/service/demo/{key}");
        hand.create_with_parents(&path, garbage, CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
    let dcs = member(&ensemble, "b");
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!(cluster.members.len(), 1);
    assert!(cluster.members[0].data.is_empty());
    assert!(cluster.sync.is_empty() && cluster.sync.version == Some(0));
    assert!(!cluster.is_unlocked());
    assert!(dcs.attempt_to_acquire_leader().await.unwrap().is_none());
}

/// Moves the leader, its status, the sync state and a member of every group, all in one transaction, again and again.
struct Mover {
    hand: Client,
    directories: Vec<String>,
    step: i64,
}

impl Mover {
    async fn start(hand: Client, directories: &[&str]) -> Self {
        for directory in directories {
            for key in ["leader", "status", "sync", "members/m0", "members/m1", "members/x0"] {
                let path = format!("/service/{directory}/{key}");
                hand.create_with_parents(&path, "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
            }
        }
        let directories = directories.iter().map(|directory| format!("/service/{directory}")).collect();
        let mut mover = Self { hand, directories, step: 0 };
        mover.step(false).await;
        mover
    }

    async fn step(&mut self, moves_a_member: bool) {
        self.step += 1;
        let step = self.step;
        let mut ops = Vec::new();
        for directory in &self.directories {
            let set = |key: &str, value: String| MultiOp::set_data(format!("{directory}/{key}"), value, None);
            let leader = format!("m{}", step % 2);
            ops.push(set("sync", format!(r#"{{"leader":"{leader}","sync_standby":null}}"#)));
            ops.push(set("status", format!(r#"{{"optime":{step}}}"#)));
            ops.push(set("leader", leader));
            if moves_a_member {
                let members = self.hand.get_children(&format!("{directory}/members")).await.unwrap().0;
                let old = members.iter().find(|name| name.starts_with('x')).unwrap();
                let new = format!("{directory}/members/x{step}");
                ops.push(MultiOp::create(new, "{}", CreateMode::PERSISTENT, &Acl::open()));
                ops.push(MultiOp::delete(format!("{directory}/members/{old}"), None));
            }
        }
        self.hand.multi(ops).await.unwrap();
    }
}

/// Whether the cluster is as some step has left it: all keys are of the same step.
fn step_of(cluster: &Cluster) -> i64 {
    let step = cluster.last_lsn();
    let leader = cluster.leader.as_ref().unwrap();
    let versions = (i64::from(leader.version), cluster.sync.version.map(i64::from));
    assert_eq!(versions, (step, Some(step)), "torn: {cluster:?}");
    assert_eq!(Some(leader.name()), cluster.sync.leader.as_deref(), "torn: {cluster:?}");
    assert_eq!(leader.name(), format!("m{}", step % 2), "torn: {cluster:?}");
    assert_eq!(cluster.members.len(), 3, "torn: {cluster:?}");
    step
}

/// Loads `loads` times while the mover goes on; returns how many different clusters were seen, and how many there were.
async fn loads_while_moving(dcs: &DcsZk, mut mover: Mover, pause: Duration, loads: usize) -> (usize, i64) {
    let done = Arc::new(AtomicBool::new(false));
    let moving = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            while !done.load(Ordering::Relaxed) {
                mover.step(mover.step % 200 == 0).await;
                tokio::time::sleep(pause).await;
            }
            mover.step
        }
    });
    let mut steps = Vec::new();
    for _ in 0..loads {
        let cluster = dcs.get_cluster().await.unwrap();
        let step = step_of(&cluster);
        assert!(cluster.workers.values().all(|worker| step_of(worker) == step), "torn: {cluster:?}");
        assert!(steps.last().is_none_or(|last| *last <= step), "back in time");
        steps.push(step);
    }
    done.store(true, Ordering::Relaxed);
    let moved = moving.await.unwrap();
    steps.dedup();
    (steps.len(), moved)
}

/// Every load is a cluster that existed. With `at_one_moment` made of one `pipelined` read alone, or with Patroni's reads one by
/// one, this fails within the first loads.
#[tokio::test(flavor = "multi_thread")]
async fn no_load_is_torn_by_a_writer_at_full_speed() {
    for (servers, loads) in [(1, 3000), (3, 1000)] {
        let ensemble = ensemble(servers).await;
        let config = |scope: &str| Config::new(scope, &ensemble.connect_string()).unwrap();
        let plain = DcsZk::connect(config("demo"));
        let mover = Mover::start(by_hand(&ensemble), &["demo"]).await;
        let (seen, moved) = loads_while_moving(&plain, mover, Duration::ZERO, loads).await;
        println!("{servers} servers: {loads} loads saw {seen} of {moved} clusters");
        assert!(seen > loads / 20, "{seen}: nothing moved");

        let groups = DcsZk::connect(config("citus").with_group(0));
        let mover = Mover::start(by_hand(&ensemble), &["citus/0", "citus/1", "citus/2"]).await;
        let (seen, moved) = loads_while_moving(&groups, mover, Duration::ZERO, loads / 2).await;
        println!("{servers} servers: {} loads of three groups saw {seen} of {moved} clusters", loads / 2);
        assert!(seen > loads / 40, "{seen}: nothing moved");
    }
}

/// A server that does not know `multiRead`, as ZooKeeper before 3.6: a real one that is asked for an operation of no server.
#[tokio::test(flavor = "multi_thread")]
async fn servers_without_multi_read_are_read_twice() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let refused = proxy.replace_op(OpCode::MULTI_READ, OpCode::new(4242));
    let dcs = DcsZk::connect(Config::new("demo", &proxy.address().to_string()).unwrap());
    let mover = Mover::start(by_hand(&ensemble), &["demo"]).await;
    // Something must hold still for two reads: a writer at full speed would not let it.
    let (seen, _) = loads_while_moving(&dcs, mover, SECOND / 20, 500).await;
    assert!(seen > 10, "{seen}: nothing moved");
    // Once, unless the answer is lost with the connection that the server closes behind it.
    assert!((1..10).contains(&refused.count()), "asked for {} times in 500 loads", refused.count());
}

/// Each member of hundreds writes about itself in every round: that must not keep anybody from loading.
#[tokio::test(flavor = "multi_thread")]
async fn members_that_never_stand_still_do_not_starve_a_load_of_servers_without_multi_read() {
    let ensemble = ensemble(1).await;
    let proxy = FaultProxy::start(ensemble.addr(0)).await.unwrap();
    let _refused = proxy.replace_op(OpCode::MULTI_READ, OpCode::new(4242));
    let hand = by_hand(&ensemble);
    let paths: Vec<String> = (0..200).map(|n| format!("/service/demo/members/m{n}")).collect();
    for path in &paths {
        hand.create_with_parents(path, &b"{}"[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
    let writing = tokio::spawn(async move {
        for path in paths.iter().cycle() {
            hand.set_data(path, &b"{}"[..], None).await.unwrap();
        }
    });
    let dcs = DcsZk::connect(Config::new("demo", &proxy.address().to_string()).unwrap());
    for _ in 0..5 {
        assert_eq!(dcs.get_cluster().await.unwrap().members.len(), 200);
    }
    writing.abort();
}

#[tokio::test]
async fn a_synced_load_sees_what_another_server_has_committed() {
    let ensemble = ensemble(3).await;
    let leader = ensemble.leader().await.unwrap();
    let follower = (0..3).find(|server| *server != leader).unwrap();
    let writer = Client::builder(&ensemble.addr(leader).to_string()).unwrap().build();
    let dcs = member_at(&ensemble.addr(follower).to_string(), "a");
    let mut mover = Mover::start(writer, &["demo"]).await;
    let (mut late, rounds) = (0, 300);
    for _ in 0..rounds {
        mover.step(false).await;
        late += usize::from(step_of(&dcs.get_cluster().await.unwrap()) < mover.step);
        mover.step(false).await;
        assert_eq!(step_of(&dcs.get_cluster_synced().await.unwrap()), mover.step);
    }
    println!("{late} of {rounds} loads without a sync were late");
}

#[tokio::test]
async fn a_scope_may_be_larger_than_a_znode() {
    let ensemble = ensemble(1).await;
    let hand = by_hand(&ensemble);
    let long = "x".repeat(900_000);
    for key in ["config", "history", "members/a", "members/b"] {
        let path = format!("/service/demo/{key}");
        hand.create_with_parents(&path, long.clone(), CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    }
    let dcs = member(&ensemble, "a");
    for _ in 0..2 {
        let cluster = dcs.get_cluster().await.unwrap();
        assert_eq!((cluster.members.len(), cluster.history.as_ref().unwrap().value.len()), (2, 900_000));
    }
}

#[tokio::test]
async fn a_load_of_another_group_does_not_pass_for_our_own() {
    let ensemble = ensemble(1).await;
    let config = |group, name: &str| {
        let config = Config::new("citus", &ensemble.connect_string()).unwrap().with_group(group);
        DcsZk::connect(config.with_name(name).unwrap())
    };
    let (coordinator, worker) = (config(0, "c"), config(1, "w"));
    coordinator.get_cluster().await.unwrap();
    coordinator.write_leader_optime(100).await.unwrap();
    worker.attempt_to_acquire_leader().await.unwrap().unwrap();
    let own = worker.get_cluster().await.unwrap();
    assert_eq!(worker.get_groups(Groups::All).await.unwrap().last_lsn(), 100);
    assert_eq!(worker.cluster().unwrap().leader_name(), Some("w"));
    let update = LeaderUpdate { last_lsn: Some(100), ..LeaderUpdate::default() };
    worker.update_leader(&own, update).await.unwrap();
    assert_eq!(
        worker.get_cluster().await.unwrap().last_lsn(),
        100,
        "written, although the other group has it already"
    );
}
