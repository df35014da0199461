//! A quorum: elections, freezes and restarts.

mod common;

use std::time::{Duration, Instant};

use zk_testkit::{Ensemble, Mode, TestkitError};

async fn three() -> Ensemble {
    Ensemble::builder().servers(3).start().await.unwrap()
}

#[tokio::test]
async fn the_leader_is_replaced_when_it_is_killed() {
    let ensemble = three().await;
    assert_eq!(ensemble.hosts().len(), 3);
    assert_eq!(ensemble.connect_string().split(',').count(), 3);
    let old = ensemble.leader().await.unwrap();
    for server in 0..3 {
        let expected = if server == old { Mode::Leader } else { Mode::Follower };
        assert_eq!(ensemble.mode(server).await, Some(expected));
    }

    ensemble.kill(old).await.unwrap();
    let start = Instant::now();
    let new = ensemble.wait_quorum().await.unwrap();
    assert_ne!(new, old);
    assert!(start.elapsed() < Duration::from_secs(3), "the election took {:?}", start.elapsed());

    ensemble.start_server(old).unwrap();
    ensemble.wait_ready(old).await.unwrap();
    assert_eq!(ensemble.mode(old).await, Some(Mode::Follower));
    assert_eq!(ensemble.wait_all().await.unwrap(), new, "a server that comes back does not take over");

    let pids: Vec<u32> = (0..3).map(|server| ensemble.pid(server).unwrap()).collect();
    drop(ensemble);
    assert!(pids.into_iter().all(|pid| !common::is_running(pid)));
}

#[tokio::test]
async fn the_leader_is_replaced_when_it_is_frozen() {
    let ensemble = three().await;
    let old = ensemble.wait_quorum().await.unwrap();
    let pid = ensemble.pid(old).unwrap();

    ensemble.freeze(old).unwrap();
    assert!(common::wait_until(|| common::is_stopped(pid)));
    assert_eq!(ensemble.mode(old).await, None, "a frozen server does not answer");
    let new = ensemble.wait_quorum().await.unwrap();
    assert_ne!(new, old);

    ensemble.thaw(old).unwrap();
    ensemble.wait_ready(old).await.unwrap();
    assert_eq!(ensemble.wait_quorum().await.unwrap(), new, "of two leaders the later epoch is believed");

    // A frozen server can be stopped, and one more leaves no quorum.
    ensemble.freeze(old).unwrap();
    ensemble.stop(old).await.unwrap();
    assert!(!common::is_running(pid));
    ensemble.kill(new).await.unwrap();
    let error = ensemble.wait_quorum_within(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, TestkitError::NoQuorum { .. }), "{error}");
    assert!(error.to_string().contains("no answer"), "{error}");
    assert_eq!(ensemble.leader().await, None);
    let last = 3 - old - new;

    // Frozen servers die with the ensemble too.
    let pid = ensemble.pid(last).unwrap();
    ensemble.freeze(last).unwrap();
    drop(ensemble);
    assert!(!common::is_running(pid));
}

#[tokio::test]
async fn a_session_is_found_at_its_server_and_survives_a_restart_of_another() {
    // Nobody pings here, and a busy machine may take seconds to restart a server.
    let builder = Ensemble::builder().servers(3).min_session_timeout(Duration::from_secs(60));
    let ensemble = builder.max_session_timeout(Duration::from_secs(60)).start().await.unwrap();
    let leader = ensemble.wait_quorum().await.unwrap();
    let (home, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let (_stream, session) = common::open_session(ensemble.addr(home));
    assert_eq!(ensemble.server_of_session(session).await, Some(home));
    let before = ensemble.status(other).await.unwrap().zxid;
    let files =
        || std::fs::read_dir(ensemble.server(other).directory().join("data/version-2")).unwrap().count();
    assert!(files() > 0);

    ensemble.restart(other).await.unwrap();
    assert!(ensemble.status(other).await.unwrap().zxid >= before);
    assert!(files() > 0);
    assert_eq!(ensemble.server_of_session(session).await, Some(home));
}

#[tokio::test]
async fn a_leader_says_what_it_has_proposed_and_what_is_committed() {
    // So long that followers are not given up while they stand still.
    let ensemble = Ensemble::builder().servers(3).property("syncLimit", "200").start().await.unwrap();
    let leader = ensemble.wait_all().await.unwrap();
    let followers = [(leader + 1) % 3, (leader + 2) % 3];
    assert_eq!(ensemble.leader_progress(followers[0]).await, None, "it does not lead");
    let before = ensemble.leader_progress(leader).await.unwrap();
    assert_eq!((before.proposals, before.synced_followers), (before.commits, 2));

    for follower in followers {
        ensemble.freeze(follower).unwrap();
    }
    let addr = ensemble.addr(leader);
    let opening = tokio::task::spawn_blocking(move || common::open_session(addr));
    let proposed = async {
        loop {
            let now = ensemble.leader_progress(leader).await.unwrap();
            if now.proposals > before.proposals {
                break now;
            }
        }
    };
    let now = tokio::time::timeout(Duration::from_secs(5), proposed).await.unwrap();
    assert_eq!(now.commits, before.commits, "nobody is there to acknowledge it");

    for follower in followers {
        ensemble.thaw(follower).unwrap();
    }
    let _session = opening.await.unwrap();
    assert!(ensemble.leader_progress(leader).await.unwrap().commits > before.commits);
}
