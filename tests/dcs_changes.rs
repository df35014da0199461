//! What an agent that only follows is told, while servers, sessions and leaders come and go.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use dcs_zk::{
    Cluster, ClusterChange, ClusterChanges, Config, CurrentLeader, DcsZk, LeaderChange, LeaderChanges,
    MemberData, StatusUpdate, Timings, Touched,
};
use futures_util::{FutureExt, StreamExt};
use integration_tests::{gate::Gate, patroni::Patroni, wait::eventually};
use serde_json::json;
use tokio::time::timeout;
use zk_session::Client;
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

fn timings() -> Timings {
    Timings::new(4 * SECOND, SECOND, SECOND).unwrap()
}

async fn ensemble(servers: usize) -> Ensemble {
    Ensemble::builder().servers(servers).max_session_timeout(60 * SECOND).start().await.unwrap()
}

fn dcs(hosts: &str, name: &str) -> DcsZk {
    let config = Config::new("demo", hosts).unwrap().with_name(name).unwrap();
    DcsZk::connect(config.with_timings(timings()))
}

/// A DCS that is nobody's member.
fn follower(hosts: &str) -> DcsZk {
    DcsZk::connect(Config::new("demo", hosts).unwrap().with_timings(timings()))
}

fn data(name: &str) -> MemberData {
    MemberData::new(&format!("postgres://{name}:5432/postgres"), &format!("http://{name}:8008/patroni"))
}

async fn joined(hosts: &str, name: &str) -> DcsZk {
    let dcs = dcs(hosts, name);
    // A server that has just started on a busy machine takes longer than the times of these tests allow.
    eventually(20 * SECOND, "the cluster", async || dcs.get_cluster().await.ok()).await;
    assert_eq!(dcs.touch_member(&data(name)).await.unwrap(), Touched::Written);
    dcs
}

async fn soon<R>(what: &str, next: impl Future<Output = Option<R>>) -> R {
    let told = timeout(20 * SECOND, next).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    told.unwrap_or_else(|| panic!("the stream ended instead of {what}"))
}

/// The next that is told must be this leader.
async fn leads(changes: &mut LeaderChanges, name: &str) -> CurrentLeader {
    match soon(name, changes.next()).await {
        LeaderChange::Leader(leader) if leader.name == name => leader,
        other => panic!("instead of {name}: {other:?}"),
    }
}

/// Reads until a cluster is told that looks like this; states in between are skipped.
async fn until(
    what: &str,
    changes: &mut ClusterChanges,
    looks: impl Fn(&Cluster) -> bool,
) -> std::sync::Arc<Cluster> {
    loop {
        if let ClusterChange::Known(cluster) = soon(what, changes.next()).await
            && looks(&cluster)
        {
            return cluster;
        }
    }
}

#[tokio::test]
async fn leaders_come_and_go_and_each_is_told_once() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let mut changes = follower(&hosts).leader_changes();
    assert_eq!(changes.next().now_or_never(), None, "nothing is known yet");
    drop(changes);
    let watching = follower(&hosts);
    let mut changes = watching.leader_changes();
    assert_eq!(soon("nobody", changes.next()).await, LeaderChange::Nobody);

    let a = joined(&hosts, "a").await;
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let leader = leads(&mut changes, "a").await;
    assert_eq!(leader.conn_url.as_deref(), Some("postgres://a:5432/postgres"));
    assert_eq!(leader.api_url.as_deref(), Some("http://a:8008/patroni"));
    assert_eq!((leader.session_id, leader.fencing_token), (lease.session_id(), lease.fencing_token()));
    // What does not concern who leads is not told: status, other members, the rest of the leader's data.
    let b = joined(&hosts, "b").await;
    a.write_status(StatusUpdate::optime(7)).await.unwrap();
    let busy = data("a").xlog_location(8);
    a.get_cluster().await.unwrap();
    assert_eq!(a.touch_member(&busy).await.unwrap(), Touched::Written);
    assert!(timeout(SECOND, changes.next()).await.is_err());
    // Where it listens is.
    let moved = MemberData::new("postgres://elsewhere:5432/postgres", "http://a:8008/patroni");
    a.touch_member(&moved).await.unwrap();
    let leader = leads(&mut changes, "a").await;
    assert_eq!(leader.conn_url.as_deref(), Some("postgres://elsewhere:5432/postgres"));

    a.close().await;
    // "Nobody" may be too short to be seen; b must be.
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    let next = loop {
        match soon("b", changes.next()).await {
            LeaderChange::Nobody => {}
            LeaderChange::Leader(leader) => break leader,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next.name, "b");
    assert!(next.fencing_token > leader.fencing_token);
    watching.close().await;
    assert_eq!(timeout(5 * SECOND, changes.next()).await.unwrap(), None, "the end of the DCS");
}

#[tokio::test]
async fn a_patroni_that_is_killed_is_followed_by_the_next_leader() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let short = json!({"ttl": 4, "loop_wait": 1, "retry_timeout": 1});
    let mut patroni = Patroni::start(&hosts, "demo", "py", short).await;
    assert_eq!(patroni.call("attempt_to_acquire_leader", json!([])).await, json!(true));
    let watching = follower(&hosts);
    let mut changes = watching.leader_changes();
    let leader = leads(&mut changes, "py").await;
    assert_eq!((leader.conn_url, leader.api_url), (None, None), "it has not registered");
    patroni.kill().await;
    let killed = Instant::now();
    assert_eq!(soon("nobody", changes.next()).await, LeaderChange::Nobody);
    assert!(killed.elapsed() < 8 * SECOND, "{:?}", killed.elapsed());
    let b = joined(&hosts, "b").await;
    b.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(leads(&mut changes, "b").await.fencing_token > leader.fencing_token);
}

#[tokio::test]
async fn members_come_and_go() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let watching = follower(&hosts);
    let mut changes = watching.cluster_changes();
    assert!(until("the beginning", &mut changes, |_| true).await.is_empty());
    let a = joined(&hosts, "a").await;
    until("a", &mut changes, |cluster| cluster.has_member("a")).await;
    let b = joined(&hosts, "b").await;
    until("both", &mut changes, |cluster| cluster.has_member("a") && cluster.has_member("b")).await;
    a.close().await;
    until("b alone", &mut changes, |cluster| !cluster.has_member("a") && cluster.has_member("b")).await;
    b.delete_cluster().await.unwrap();
    until("nothing", &mut changes, Cluster::is_empty).await;
    b.set_config_value("{}", None).await.unwrap();
    until("a new beginning", &mut changes, |cluster| cluster.config.is_some()).await;
}

#[tokio::test]
async fn groups_are_followed_with_their_coordinator() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let of = |name: &str, group| {
        let config = Config::new("citus", &hosts).unwrap().with_group(group).with_name(name).unwrap();
        DcsZk::connect(config.with_timings(timings()))
    };
    let (coordinator, worker) = (of("c", 0), of("w", 1));
    let (mut all, mut own) = (coordinator.cluster_changes(), worker.leader_changes());
    assert_eq!(soon("nobody", own.next()).await, LeaderChange::Nobody);
    coordinator.attempt_to_acquire_leader().await.unwrap().unwrap();
    worker.attempt_to_acquire_leader().await.unwrap().unwrap();
    leads(&mut own, "w").await;
    until("both leaders", &mut all, |cluster| {
        cluster.leader_name() == Some("c")
            && cluster.workers.get(&1).is_some_and(|worker| worker.leader_name() == Some("w"))
    })
    .await;
}

#[tokio::test]
async fn a_storm_of_changes_is_few_loads_and_the_last_state_is_told() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let watching = follower(&hosts);
    let mut changes = watching.cluster_changes();
    let writer = joined(&hosts, "a").await;
    writer.set_config_value(r#"{"round":0}"#, None).await.unwrap();
    let start = Instant::now();
    let storm = async {
        for round in 1..=2_000 {
            writer.set_config_value(&format!(r#"{{"round":{round}}}"#), None).await.unwrap();
        }
        start.elapsed()
    };
    let reader = async {
        let mut told = 0;
        loop {
            let ClusterChange::Known(cluster) = soon("the last round", changes.next()).await else {
                continue;
            };
            told += 1;
            if cluster.config.as_ref().is_some_and(|config| config.version == 2_000) {
                return told;
            }
        }
    };
    let (storm, told) = tokio::join!(storm, reader);
    println!("2000 changes in {storm:?}: {told} states told");
    let most = start.elapsed().as_millis() / 100 + 3;
    assert!(told > 1 && told <= most, "{told} states in {:?}", start.elapsed());

    // Nobody reads for a while: only the newest is kept.
    for round in 0..50 {
        writer.set_failover_value(&format!(r#"{{"leader":"{round}"}}"#), None).await.unwrap();
    }
    let last = |cluster: &Cluster| {
        cluster.failover.as_ref().is_some_and(|failover| failover.leader.as_deref() == Some("49"))
    };
    until("the last request", &mut changes, last).await;
    assert!(timeout(SECOND * 3 / 2, changes.next()).await.is_err(), "and nothing is told twice");
}

#[tokio::test]
async fn a_frozen_ensemble_is_unknown_since_its_last_answer_and_then_known_again() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let a = joined(&hosts, "a").await;
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let watching = follower(&hosts);
    let mut changes = watching.leader_changes();
    leads(&mut changes, "a").await;
    let before = zk_session::now();
    ensemble.freeze(0).unwrap();
    let frozen = zk_session::now();
    let LeaderChange::Unknown { since } = soon("unknown", changes.next()).await else {
        panic!("nothing is known of a frozen server")
    };
    assert!(since <= frozen && since >= before.before(2 * SECOND), "{since:?}, frozen at {frozen:?}");
    // A read timeout and the grace, with a third of the session and a second here.
    let took = zk_session::now().since(frozen);
    assert!(took < 5 * SECOND, "{took:?}");
    assert!(timeout(2 * SECOND, changes.next()).await.is_err(), "told once");
    ensemble.thaw(0).unwrap();
    // The leader's session may have ended with the freeze or not; either is told.
    let next = soon("something known", changes.next()).await;
    assert!(!matches!(next, LeaderChange::Unknown { .. }), "{next:?}");
}

#[tokio::test]
async fn nothing_is_told_when_the_session_moves_to_another_server() {
    let ensemble = ensemble(3).await;
    let hosts = ensemble.connect_string();
    let a = joined(&hosts, "a").await;
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    // Followers of the ensemble, so that there is no election.
    let quorum_leader = ensemble.leader().await.expect("a leader");
    let followers: Vec<String> = (0..3)
        .filter(|server| *server != quorum_leader)
        .map(|server| ensemble.addr(server).to_string())
        .collect();
    let watching = follower(&followers.join(","));
    let mut changes = watching.leader_changes();
    let leader = leads(&mut changes, "a").await;
    let session = watching.session().unwrap().session_id;
    let server = ensemble.server_of_session(session).await.expect("connected");
    ensemble.kill(server).await.unwrap();
    eventually(10 * SECOND, "another server", async || {
        watching.get_cluster().await.ok()?;
        let now_at = ensemble.server_of_session(session).await?;
        (now_at != server).then_some(())
    })
    .await;
    assert!(timeout(3 * SECOND, changes.next()).await.is_err(), "the same leader");
    // The watch is there again.
    a.close().await;
    let mut next = soon("the end of a", changes.next()).await;
    while let LeaderChange::Unknown { .. } = next {
        next = soon("the end of a", changes.next()).await;
    }
    assert_eq!(next, LeaderChange::Nobody, "after {leader:?}");
}

#[tokio::test]
async fn a_restart_of_the_only_server_is_outlived_and_what_changed_meanwhile_is_told() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let hand = Client::builder(&hosts).unwrap().build();
    let writer = joined(&hosts, "a").await;
    writer.set_config_value("{}", None).await.unwrap();
    let gate = Gate::to(ensemble.addr(0), true).await;
    let watching = follower(&gate.addr().to_string());
    let mut changes = watching.cluster_changes();
    until("the config", &mut changes, |cluster| cluster.config.is_some()).await;
    // Cut off, and a change behind our back.
    gate.shut();
    let ClusterChange::Unknown { .. } = soon("unknown", changes.next()).await else { panic!("cut off") };
    hand.set_data("/service/demo/config", r#"{"ttl":31}"#, None).await.unwrap();
    gate.open();
    until("what changed", &mut changes, |cluster| {
        cluster.config.as_ref().is_some_and(|config| config.version == 1)
    })
    .await;
    ensemble.restart(0).await.unwrap();
    eventually(10 * SECOND, "the server", async || {
        hand.set_data("/service/demo/config", r#"{"ttl":32}"#, None).await.ok()
    })
    .await;
    until("what changed then", &mut changes, |cluster| {
        cluster.config.as_ref().is_some_and(|config| config.version >= 2)
    })
    .await;
}

#[tokio::test]
async fn an_expired_session_is_followed_by_another_and_so_is_one_that_is_replaced() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let gate = Gate::to(ensemble.addr(0), true).await;
    let watching = follower(&gate.addr().to_string());
    let mut changes = watching.cluster_changes();
    until("the beginning", &mut changes, |_| true).await;
    let session = watching.session().unwrap().session_id;
    gate.shut();
    eventually(20 * SECOND, "the expiry", async || {
        let sessions = ensemble.four_letter_word(0, "dump").await.ok()?;
        (!sessions.contains(&format!("0x{session:x}"))).then_some(())
    })
    .await;
    gate.open();
    let writer = joined(&hosts, "a").await;
    writer.set_config_value("{}", None).await.unwrap();
    until("a change in the next session", &mut changes, |cluster| cluster.config.is_some()).await;
    let second = watching.session().unwrap().session_id;
    assert_ne!(second, session);

    assert!(watching.set_ttl(8 * SECOND).await.unwrap());
    writer.set_failover_value("{}", None).await.unwrap();
    until("a change in the third", &mut changes, |cluster| cluster.failover.is_some()).await;
    assert_ne!(watching.session().unwrap().session_id, second);
    // Several on one DCS, each with its own watch; one that goes takes nothing along.
    let mut other = watching.cluster_changes();
    until("the other", &mut other, |cluster| cluster.failover.is_some()).await;
    drop(changes);
    writer.set_history_value("[]").await.unwrap();
    until("a change for the other", &mut other, |cluster| cluster.history.is_some()).await;
    drop(watching);
    assert_eq!(timeout(5 * SECOND, other.next()).await.unwrap(), None, "the end of the DCS");
}

#[tokio::test]
async fn a_loop_on_the_same_dcs_is_not_disturbed() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let (a, b) = (joined(&hosts, "a").await, joined(&hosts, "b").await);
    // The streams come and go around the load and the watch of the loop.
    let first = b.cluster_changes();
    let seen = b.get_cluster().await.unwrap();
    let mut second = b.leader_changes();
    assert_eq!(soon("nobody", second.next()).await, LeaderChange::Nobody);
    drop(first);
    let mut third = b.cluster_changes();
    a.write_status(StatusUpdate::optime(5)).await.unwrap();
    until("the status", &mut third, |cluster| cluster.last_lsn() == 5).await;
    assert_eq!(b.cluster(), Some(seen), "what the loop has loaded is what it goes by");
    assert!(!b.watch(None, SECOND / 2).await, "the loop does not watch the status");

    let (woken, took) = {
        let start = Instant::now();
        let watch = b.watch(None, 10 * SECOND);
        let (woken, taken) = tokio::join!(watch, a.attempt_to_acquire_leader());
        taken.unwrap().unwrap();
        (woken, start.elapsed())
    };
    assert!(woken && took < 5 * SECOND, "{took:?}");
    leads(&mut second, "a").await;
    // The loop's one-shot watches have fired; the stream's goes on.
    a.close().await;
    assert_eq!(soon("nobody", second.next()).await, LeaderChange::Nobody);
}

#[tokio::test]
async fn a_scope_that_may_not_be_read_is_unknown_until_it_may() {
    let ensemble = ensemble(1).await;
    let hosts = ensemble.connect_string();
    let acl = vec![zk_session::Acl::new(zk_session::Permissions::ALL, "auth", "")];
    let config = Config::new("demo", &hosts).unwrap().with_timings(timings());
    let mine = config.clone().with_credential("digest", "patroni:secret");
    let owner = DcsZk::connect(mine.clone().with_acl(acl).unwrap());
    owner.set_config_value("{}", None).await.unwrap();
    let stranger = DcsZk::connect(config);
    let changes = stranger.cluster_changes();
    // As a stream, too.
    let mut changes = changes.map(|change| matches!(change, ClusterChange::Known(_)));
    assert!(!soon("a refusal", changes.next()).await);
    stranger.reload_config(mine).await.unwrap();
    assert!(soon("the cluster", changes.next()).await);
}
