//! Servers that are cut off from each other, and clients from servers.

mod common;

use std::time::Duration;

use zk_testkit::{Direction, Ensemble, Mode};

/// Servers that have lost their quorum say so within a second of silence; a busy machine may need more.
async fn wait_mode(ensemble: &Ensemble, server: usize, mode: Option<Mode>) {
    let start = std::time::Instant::now();
    while ensemble.mode(server).await != mode {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "server {server}: {:?}",
            ensemble.mode(server).await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_leader_that_is_cut_off_is_replaced_and_follows_when_it_is_back() {
    let ensemble = Ensemble::builder().servers(3).quorum_proxies().start().await.unwrap();
    for _ in 0..2 {
        let old = ensemble.wait_all().await.unwrap();
        let others: Vec<usize> = (0..3).filter(|server| *server != old).collect();
        ensemble.partition(&[old], &others);
        wait_mode(&ensemble, old, None).await;
        let new = ensemble.wait_quorum().await.unwrap();
        assert_ne!(new, old);
        assert!(ensemble.proxies_between(old, new).any(|proxy| proxy.counts().held > 0));
        assert_eq!(ensemble.mode(old).await, None, "cut off for as long as it lasts");
        ensemble.heal();
        wait_mode(&ensemble, old, Some(Mode::Follower)).await;
        assert_eq!(ensemble.wait_all().await.unwrap(), new, "it does not take over");
    }
}

#[tokio::test]
async fn three_servers_that_are_all_cut_off_from_each_other_have_no_quorum() {
    let ensemble = Ensemble::builder().servers(3).quorum_proxies().start().await.unwrap();
    ensemble.partition(&[0, 1, 2], &[0, 1, 2]);
    for server in 0..3 {
        wait_mode(&ensemble, server, None).await;
    }
    // No way past the proxies: elections find nobody for as long as it lasts.
    assert!(ensemble.wait_quorum_within(Duration::from_secs(3)).await.is_err());
    ensemble.heal();
    ensemble.wait_all().await.unwrap();
}

#[tokio::test]
async fn servers_that_are_restarted_find_each_other_through_the_proxies_alone() {
    let ensemble = Ensemble::builder().servers(3).quorum_proxies().start().await.unwrap();
    for server in 0..3 {
        ensemble.restart(server).await.unwrap();
    }
    let leader = ensemble.wait_all().await.unwrap();
    let follower = (leader + 1) % 3;
    let open =
        |one, other| ensemble.proxies_between(one, other).map(|proxy| proxy.counts().open).sum::<u64>();
    assert!(open(leader, follower) >= 2, "votes and the log");
    assert!(open(follower, (leader + 2) % 3) >= 1, "votes");
}

#[tokio::test]
async fn clients_come_through_the_proxies_of_their_servers() {
    let ensemble = Ensemble::builder().servers(1).client_proxies().start().await.unwrap();
    let proxy = ensemble.client_proxy(0);
    assert_eq!(ensemble.proxied_connect_string(), proxy.address().to_string());
    let address = proxy.address();
    let opened = tokio::task::spawn_blocking(move || common::open_session(address));
    let (_stream, session) = opened.await.unwrap();
    assert_eq!(ensemble.server_of_session(session).await, Some(0));
    assert_eq!(proxy.counts().open, 1);
    proxy.black_hole(Direction::ToServer, true);
    assert_eq!(ensemble.mode(0).await, Some(Mode::Standalone), "the kit itself asks past the proxies");
}
