//! Watching, and who may read: against real servers.

mod dcs_common;

use std::sync::Arc;

use dcs_common::{SECOND, by_hand, data, ensemble, joined, timings};
use dcs_zk::{Config, DcsError, DcsZk, LeaderUpdate};
use zk_session::{Acl, ErrorCode, Permissions};

#[tokio::test]
async fn watch_wakes_for_the_leader_key_for_wakeup_and_for_nothing_else() {
    let ensemble = ensemble(1).await;
    let (a, b) = (joined(&ensemble, "a").await, Arc::new(joined(&ensemble, "b").await));
    let follow = |timeout| {
        let b = Arc::clone(&b);
        tokio::spawn(async move {
            let start = std::time::Instant::now();
            (b.watch(None, timeout).await, start.elapsed())
        })
    };
    b.get_cluster().await.unwrap();
    assert!(!follow(SECOND / 5).await.unwrap().0, "nothing happens");

    let absent = follow(10 * SECOND);
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    assert!(absent.await.unwrap().0, "a key that appears");

    let cluster = b.get_cluster().await.unwrap();
    let gone = follow(10 * SECOND);
    assert!(a.delete_leader(cluster.leader.as_ref(), None).await.unwrap());
    assert!(gone.await.unwrap().0, "a key that vanishes");

    b.get_cluster().await.unwrap();
    a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let (woken, took) = follow(10 * SECOND).await.unwrap();
    assert!(woken && took < 5 * SECOND, "a change between the load and the watch is not missed");

    b.get_cluster().await.unwrap();
    b.wakeup();
    assert!(follow(10 * SECOND).await.unwrap().0);
    assert!(!follow(SECOND / 5).await.unwrap().0, "a wake-up counts once");

    // The session is lost: the loop must look again.
    b.get_cluster().await.unwrap();
    let lost = follow(20 * SECOND);
    ensemble.kill(0).await.unwrap();
    assert!(lost.await.unwrap().0);
}

#[tokio::test]
async fn acls_are_on_every_node_and_the_identity_opens_them() {
    let ensemble = ensemble(1).await;
    // The digest of patroni:secret, as ZooKeeper's DigestAuthenticationProvider makes it.
    let acl = vec![Acl::new(Permissions::ALL, "digest", "patroni:4cNoC5zQisxSHJqxXp3EJs5oyRI=")];
    let config =
        |name: &str| Config::new("demo", &ensemble.connect_string()).unwrap().with_name(name).unwrap();
    let mine = config("a").with_acl(acl).unwrap().with_credential("digest", "patroni:secret");
    let mine = DcsZk::connect(mine.with_timings(timings()));
    mine.get_cluster().await.unwrap();
    mine.touch_member(&data("a")).await.unwrap();
    mine.attempt_to_acquire_leader().await.unwrap().unwrap();
    let cluster = mine.get_cluster().await.unwrap();
    mine.update_leader(&cluster, LeaderUpdate { last_lsn: Some(1), ..LeaderUpdate::default() })
        .await
        .unwrap();

    let hand = by_hand(&ensemble);
    for path in ["", "/demo", "/demo/members", "/demo/members/a", "/demo/leader", "/demo/status"] {
        let path = format!("/service{path}");
        assert!(hand.exists(&path).await.unwrap().is_some(), "{path}");
        assert_eq!(hand.get_data(&path).await.unwrap_err().code(), Some(ErrorCode::NO_AUTH), "{path}");
    }
    let stranger = DcsZk::connect(config("b").with_timings(timings()));
    let refused = stranger.get_cluster().await.unwrap_err();
    assert!(matches!(refused, DcsError::Refused { code: ErrorCode::NO_AUTH, .. }), "{refused}");
    assert!(!format!("{:?}", mine.config()).contains("secret"));
}
