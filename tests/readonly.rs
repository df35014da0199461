//! Servers without a quorum that still answer reads, for clients that say they will do.

mod session_common;

use std::time::Duration;

use integration_tests::wait::eventually;
use session_common::{builder, connected, generation, session_id, state};
use zk_session::{Acl, Cause, Client, CreateMode, ErrorCode, SessionEvent, State};
use zk_testkit::{Ensemble, Mode};

const SECOND: Duration = Duration::from_secs(1);

fn read_only_ensemble(servers: usize) -> zk_testkit::EnsembleBuilder {
    Ensemble::builder()
        .servers(servers)
        .max_session_timeout(20 * SECOND)
        .system_property("readonlymode.enabled", "true")
        // All sessions are local then, until they create an ephemeral node.
        .property("localSessionsEnabled", "true")
        .property("localSessionsUpgradingEnabled", "true")
}

async fn three_servers() -> Ensemble {
    read_only_ensemble(3).start().await.unwrap()
}

/// Stops all servers but one, and waits until that one offers reads.
async fn leave_one(ensemble: &Ensemble) -> usize {
    let leader = ensemble.leader().await.unwrap();
    let left = (0..3).find(|server| *server != leader).unwrap();
    for server in (0..3).filter(|server| *server != left) {
        ensemble.kill(server).await.unwrap();
    }
    eventually(20 * SECOND, "a read-only server", async || {
        (ensemble.mode(left).await == Some(Mode::ReadOnly)).then_some(())
    })
    .await;
    left
}

async fn bring_back(ensemble: &Ensemble, left: usize) {
    for server in (0..3).filter(|server| *server != left) {
        ensemble.start_server(server).unwrap();
    }
    ensemble.wait_quorum().await.unwrap();
}

#[tokio::test]
async fn a_read_only_server_is_refused_unless_asked_for() {
    let ensemble = three_servers().await;
    leave_one(&ensemble).await;
    let client = builder(&ensemble).request_timeout(3 * SECOND).build();
    let error = client.connected().await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(client.status().session.is_none());
    // A 3.8 server closes the connection on a client that does not offer to read only.
    let refused = eventually(3 * SECOND, "a refusal", async || {
        client.status().cause.filter(|cause| {
            matches!(cause, Cause::ClosedUnanswered | Cause::ReadOnlyServer | Cause::NoServer(_))
        })
    })
    .await;
    println!("refused as: {refused}");
}

#[tokio::test]
async fn reads_are_answered_writes_are_refused_and_the_quorum_is_taken_up_when_it_is_back() {
    let ensemble = three_servers().await;
    let writer = connected(builder(&ensemble)).await;
    writer.create("/seen", &b"before"[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    writer.sync("/").await.unwrap();
    writer.close().await;
    let left = leave_one(&ensemble).await;

    let client = connected(builder(&ensemble).read_only(true)).await;
    assert!(client.status().read_only);
    let (value, _, watcher) = client.get_data_and_watch("/seen").await.unwrap();
    assert_eq!(&value[..], b"before");
    let error = client.set_data("/seen", &b"no"[..], None).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NOT_READ_ONLY), "{error}");
    assert!(error.is_retriable() && !error.is_ambiguous());
    assert_eq!(client.status().lease_until(Duration::ZERO), None, "nothing without a quorum proves anything");
    let mut events = client.session_events();

    bring_back(&ensemble, left).await;
    eventually(20 * SECOND, "a server with a quorum", async || {
        let status = client.status();
        (status.state == State::Connected && !status.read_only).then_some(())
    })
    .await;
    assert_eq!(generation(&client), 2, "the session of the read-only server was local to it");
    client.set_data("/seen", &b"after"[..], None).await.unwrap();
    let fired = tokio::time::timeout(5 * SECOND, watcher).await;
    assert!(matches!(fired, Ok(zk_session::WatchEvent::Changed { .. })), "the watch moved along: {fired:?}");
    client.close().await;
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(event);
    }
    assert!(!told.iter().any(|event| matches!(event, SessionEvent::Expired { .. })), "{told:?}");
}

/// A server of 3.8 refuses to resume a session of the quorum while it can only read. The client must not give it up for that.
#[tokio::test]
async fn a_session_of_the_quorum_survives_a_time_without() {
    let ensemble = three_servers().await;
    let client = connected(builder(&ensemble).session_timeout(20 * SECOND).read_only(true)).await;
    client.create("/mine", &b""[..], CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    client.sync("/").await.unwrap();
    let session = session_id(&client);

    let left = leave_one(&ensemble).await;
    eventually(10 * SECOND, "the refusal", async || {
        ensemble.logs(left).contains("Refusing global session reconnection in RO mode").then_some(())
    })
    .await;
    assert_eq!(session_id(&client), session);

    bring_back(&ensemble, left).await;
    eventually(20 * SECOND, "the client writes again", async || {
        (client.status().state == State::Connected && !client.status().read_only).then_some(())
    })
    .await;
    assert_eq!(session_id(&client), session, "resumed, not begun anew");
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, session);
}

/// The connected server stays cut off; another one, which has a quorum, is found by asking.
#[tokio::test]
async fn a_server_with_a_quorum_is_looked_for_while_connected_to_one_without() {
    let ensemble = three_servers().await;
    let left = leave_one(&ensemble).await;
    let other = read_only_ensemble(1).start().await.unwrap();
    let cut_off = ensemble.addr(left);
    let client =
        Client::builder(&cut_off.to_string()).unwrap().session_timeout(10 * SECOND).read_only(true).build();
    client.connected().await.unwrap();
    assert!(client.status().read_only);
    client.set_hosts(&format!("{cut_off},{}", other.addr(0))).unwrap();
    eventually(20 * SECOND, "moved to the server with a quorum", async || {
        (!client.status().read_only).then_some(())
    })
    .await;
    state(&client, State::Connected, 5 * SECOND).await;
    let server = client.status().server.unwrap();
    assert_eq!(server.port, other.addr(0).port());
    client.create("/written", &b""[..], CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
}
