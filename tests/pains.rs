//! What hurts users of other clients, where no other test shows it gone. The whole list is `pains.md`.

mod session_common;

use std::time::Duration;

use dcs_zk::{Config, DcsZk, MemberData, Timings};
use futures_util::future::join_all;
use integration_tests::{
    hostile::{
        Bad,
        Step::{ReadConnect, ReadRequest, Write},
        bytes::granted,
    },
    wait::eventually,
};
use session_common::{
    builder, client, connected, cutter::Cutter, generation, one_server, reconnected, server_of, session_id,
    state, three_servers,
};
use zk_session::{Acl, Client, CreateMode, Error, Sasl, State};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

/// B1. The lock was created, the reply was lost, a retry says "node exists": whose is it?
#[tokio::test]
async fn a_lock_that_was_created_although_its_reply_was_lost_is_acquired_in_the_same_call() {
    let ensemble = Ensemble::builder().max_session_timeout(60 * SECOND).start().await.unwrap();
    let cutter = Cutter::to(ensemble.addr(0), b"/service/demo/leader").await;
    let config = Config::new("demo", &cutter.addr().to_string()).unwrap();
    // Room for a retry within the call: retry_timeout is 4 s.
    let timings = Timings::new(20 * SECOND, 4 * SECOND, 4 * SECOND).unwrap();
    let dcs = DcsZk::connect(config.with_name("a").unwrap().with_timings(timings));
    dcs.get_cluster().await.unwrap();
    dcs.touch_member(&MemberData::new("postgres://a:5432/postgres", "http://a:8008/patroni")).await.unwrap();
    let session = dcs.session().unwrap().session_id;
    cutter.arm();
    let lease = dcs.attempt_to_acquire_leader().await.unwrap().expect("the key is ours");
    assert!(cutter.has_cut(), "or nothing was tested");
    assert_eq!(lease.session_id(), session, "in the same session");
    let cluster = dcs.get_cluster().await.unwrap();
    assert_eq!((cluster.leader_name(), cluster.leader.as_ref().unwrap().session), (Some("a"), session));
}

/// B1, B5. Without a recipe on top: the outcome is unknown, not failed, and the owner of the node tells.
#[tokio::test]
async fn a_create_whose_reply_was_lost_is_unknown_and_the_owner_of_the_node_tells() {
    let ensemble = one_server().await;
    let cutter = Cutter::to(ensemble.addr(0), b"/lock").await;
    let client = connected(Client::builder(&cutter.addr().to_string()).unwrap()).await;
    cutter.arm();
    let create = || client.create("/lock", "", CreateMode::EPHEMERAL, &Acl::open());
    let error = create().await.unwrap_err();
    assert!(cutter.has_cut());
    assert!(matches!(error, Error::Unknown(_)) && error.is_ambiguous() && !error.is_retriable(), "{error:?}");
    let again = create().await.unwrap_err();
    assert!(!again.is_ambiguous(), "a refusal is a refusal: {again:?}");
    let lock = client.exists("/lock").await.unwrap().expect("it was carried out");
    assert_eq!(lock.ephemeral_owner, session_id(&client));
}

/// A8. A leader dies, and hundreds of sessions go somewhere else at once: none expires.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_sessions_outlive_the_death_of_the_leader() {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let clients = join_all((0..300).map(|_| client(&ensemble))).await;
    let before: Vec<i64> = clients.iter().map(session_id).collect();
    ensemble.kill(leader).await.unwrap();
    let write = |client: Client| async move {
        client.with_timeout(30 * SECOND).sync("/").await.or_else(|error| {
            // It was under way when its server died.
            if error.is_ambiguous() { Ok(()) } else { Err(error) }
        })
    };
    for written in join_all(clients.iter().cloned().map(write)).await {
        written.unwrap();
    }
    for client in &clients {
        state(client, State::Connected, 10 * SECOND).await;
    }
    let after: Vec<i64> = clients.iter().map(session_id).collect();
    assert_eq!(before, after);
    assert!(clients.iter().all(|client| generation(client) == 1));
}

/// A9. A name that does not resolve is a host that is down, at the start and later.
#[tokio::test]
async fn a_name_that_does_not_resolve_keeps_nobody_from_the_hosts_that_do() {
    let ensemble = three_servers().await;
    let hosts = format!("no-such-host.invalid:2181,{},nor-this-one.invalid", ensemble.connect_string());
    for _ in 0..4 {
        let client = Client::builder(&hosts).unwrap().session_timeout(10 * SECOND).build();
        client.with_timeout(5 * SECOND).connected().await.unwrap();
        client.close().await;
    }
    let client = connected(Client::builder(&hosts).unwrap().session_timeout(10 * SECOND)).await;
    let id = session_id(&client);
    let server = server_of(&ensemble, &client).await;
    let mut events = client.session_events();
    ensemble.kill(server).await.unwrap();
    reconnected(&mut events, 10 * SECOND).await;
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

/// B10. What another client has been told is committed is seen by a read behind a `sync`, whichever server it goes to.
#[tokio::test]
async fn a_read_behind_a_sync_is_never_stale() {
    let ensemble = three_servers().await;
    let leader = ensemble.wait_quorum().await.unwrap();
    let at = |server: usize| connected(Client::builder(&ensemble.addr(server).to_string()).unwrap());
    let (writer, reader) = (at(leader).await, at((leader + 1) % 3).await);
    writer.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    for n in 0..300 {
        let written = writer.set_data("/a", n.to_string(), None).await.unwrap();
        // Sent together: the order of the calls is the order on the wire.
        let (sync, read) = (reader.sync("/a"), reader.get_data("/a"));
        sync.await.unwrap();
        let (data, stat) = read.await.unwrap();
        assert_eq!((stat.mzxid, data.as_ref()), (written.mzxid, n.to_string().as_bytes()));
    }
}

/// D7. A connection that breaks during the SASL exchange is a connection that broke, and no refusal: the next server is asked.
#[tokio::test]
async fn a_drop_during_sasl_is_not_taken_for_a_refusal() {
    let jaas =
        "Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_patroni=\"secret\"; };\n";
    let ensemble = Ensemble::builder()
        .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
        .file("jaas.conf", jaas)
        .system_property("java.security.auth.login.config", "{dir}/jaas.conf")
        .start()
        .await
        .unwrap();
    let dropping = Bad::start(vec![ReadConnect, Write(granted()), ReadRequest]).await;
    let hosts = format!("{},{}", dropping.addr, ensemble.connect_string());
    for _ in 0..4 {
        let client = Client::builder(&hosts).unwrap().sasl(Sasl::digest_md5("patroni", "secret")).build();
        let mut events = client.session_events();
        client.with_timeout(5 * SECOND).connected().await.unwrap();
        assert!(client.exists("/").await.unwrap().is_some());
        client.close().await;
        while let Some(event) = events.next().await {
            assert!(!format!("{event:?}").contains("AuthFailed"), "{event:?}");
        }
    }
}

/// A15. A process that was killed comes back within seconds with what its session held, and not after the timeout.
#[tokio::test]
async fn a_session_that_was_kept_is_ended_or_taken_up_by_the_next_process_at_once() {
    let ensemble = one_server().await;
    let before = connected(builder(&ensemble)).await;
    before.create("/lock", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    // What a process would have written to a file; nothing tells the server that it is gone.
    let kept = before.detach().await.unwrap();
    let started = std::time::Instant::now();
    let after = connected(builder(&ensemble).resume(kept)).await;
    after.close().await;
    let next = client(&ensemble).await;
    eventually(2 * SECOND, "the lock is free", async || {
        next.create("/lock", "", CreateMode::EPHEMERAL, &Acl::open()).await.ok()
    })
    .await;
    assert!(started.elapsed() < 2 * SECOND, "the session timeout is 10 s");
}
