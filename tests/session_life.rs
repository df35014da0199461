//! A session from its beginning to its end.
#![allow(clippy::print_stdout, reason = "figures for whoever runs the tests by hand")]

mod session_common;

use std::time::{Duration, Instant};

use integration_tests::{gate::Gate, wait::eventually};
use session_common::{builder, client, connected, generation, one_server, session_id, state, three_servers};
use zk_session::{Acl, Client, CreateMode, Error, SessionEvent, State, now};
use zk_testkit::Ensemble;

const SOON: Duration = Duration::from_secs(3);
const MARGIN: Duration = Duration::from_millis(200);

/// A client behind a gate, so that its session can expire while the server lives.
async fn behind(gate: &Gate, session_timeout: Duration) -> Client {
    let builder = Client::builder(&gate.addr().to_string()).unwrap();
    connected(builder.session_timeout(session_timeout)).await
}

/// Waits until there is no such node, and tells how long that took.
async fn gone(client: &Client, path: &str, within: Duration) -> Duration {
    let started = Instant::now();
    eventually(within, "the node goes", async || client.exists(path).await.unwrap().is_none().then_some(()))
        .await;
    started.elapsed()
}

async fn create_mine(client: &Client) {
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
}

#[tokio::test]
async fn the_timeout_that_was_granted_is_visible() {
    // Ticks of 100 ms: 200 ms to 2 s are granted.
    let ensemble = Ensemble::builder().start().await.unwrap();
    for (asked, granted) in [(60_000, 2_000), (1, 200), (1_234, 1_234)] {
        let client = connected(builder(&ensemble).session_timeout(Duration::from_millis(asked))).await;
        let session = client.status().session.unwrap();
        assert_eq!(session.negotiated_timeout, Duration::from_millis(granted));
        assert_eq!(session.generation, 1);
        assert_ne!(session.session_id, 0);
        assert_eq!(client.status().server.unwrap().to_string(), ensemble.addr(0).to_string());
        client.close().await;
        assert_eq!(client.status().state, State::Closed);
        assert_eq!(client.status().session, None);
    }
}

#[tokio::test]
async fn an_expired_session_is_followed_by_the_next_generation() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = behind(&gate, Duration::from_millis(400)).await;
    let other = session_common::client(&ensemble).await;
    for expected in 1..=3 {
        assert_eq!(generation(&client), expected);
        let old = session_id(&client);
        create_mine(&client).await;
        assert_eq!(other.exists("/mine").await.unwrap().unwrap().ephemeral_owner, old);
        gate.shut();
        state(&client, State::Connecting, SOON).await;
        // Given to the session that is about to expire; it must not be carried out by the next one.
        let waiting = tokio::spawn(client.set_data("/", "by the next session", None));
        state(&client, State::Lost, SOON).await;
        assert_eq!(session_id(&client), old, "still to be resumed if it can be");
        gone(&other, "/mine", SOON).await;
        let mut statuses = client.watch_status();
        gate.open();
        let expired =
            statuses.wait_for(|status| status.session.is_none_or(|session| session.session_id != old));
        tokio::time::timeout(SOON, expired).await.expect("the expiry is announced").unwrap();
        assert_eq!(waiting.await.unwrap(), Err(Error::SessionExpired));
        state(&client, State::Connected, SOON).await;
        assert_ne!(session_id(&client), old);
        assert_eq!(client.exists("/mine").await.unwrap(), None);
    }
    assert_ne!(client.get_data("/").await.unwrap().0, "by the next session");
}

#[tokio::test]
async fn the_lease_comes_from_committed_writes_and_ends_with_the_session() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let before = now();
    let client = behind(&gate, Duration::from_secs(1)).await;
    let lease = |client: &Client| client.status().lease_until(MARGIN);
    let negotiated = client.status().session.unwrap().negotiated_timeout;
    client.get_data("/").await.unwrap();
    client.sync("/").await.unwrap();
    assert!(client.set_data("/none", "", None).await.is_err());
    assert_eq!(lease(&client), None, "reads and refusals prove nothing");

    let written = now();
    create_mine(&client).await;
    let first = lease(&client).unwrap();
    let term = negotiated - MARGIN;
    assert!(first >= before.after(term), "the connect request was passed on");
    assert!(first <= written.after(term), "the write itself may not have been");
    client.get_data("/").await.unwrap();
    assert_eq!(lease(&client), Some(first), "a read does not extend it");
    let second = eventually(SOON, "what was said meanwhile is passed on", async || {
        client.set_data("/mine", "x", None).await.unwrap();
        lease(&client).filter(|lease| *lease > first)
    })
    .await;

    // A reconnect leaves it as it was; an expiry ends it.
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    gate.open();
    state(&client, State::Connected, SOON).await;
    assert_eq!((generation(&client), lease(&client)), (1, Some(second)));
    gate.shut();
    let other = session_common::client(&ensemble).await;
    let mut ended_at = None;
    eventually(SOON, "the ephemeral node goes", async || {
        if ended_at.is_none() && now() > second {
            ended_at = Some(other.exists("/mine").await.unwrap());
        }
        other.exists("/mine").await.unwrap().is_none().then_some(())
    })
    .await;
    assert!(ended_at.unwrap().is_some(), "the lease ended while the server still had the node");
    gate.open();
    eventually(SOON, "the next session", async || (generation(&client) == 2).then_some(())).await;
    assert_eq!(lease(&client), None);
    client.get_data("/").await.unwrap();
    assert_eq!(lease(&client), None);
    create_mine(&client).await;
    assert!(lease(&client).unwrap() > second);
}

#[tokio::test]
async fn closing_ends_the_session_at_the_server_at_once() {
    let ensemble = one_server().await;
    let other = client(&ensemble).await;

    let closed = client(&ensemble).await;
    create_mine(&closed).await;
    let clone = closed.clone();
    // What was called before the close is still done.
    let write = closed.set_data("/mine", "last words", None);
    let started = Instant::now();
    closed.close().await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(other.exists("/mine").await.unwrap(), None, "not after a session timeout of 10 s");
    assert!(write.await.is_ok());
    closed.close().await;
    clone.close().await;
    assert_eq!(clone.status().state, State::Closed);
    assert_eq!(clone.get_data("/").await.unwrap_err(), Error::Closed);
    assert_eq!(clone.connected().await.unwrap_err(), Error::Closed);

    // Two tasks close at the same time.
    let closed = client(&ensemble).await;
    tokio::join!(closed.close(), closed.close());

    // Dropping every handle is a close; dropping one of them is not.
    let dropped = client(&ensemble).await;
    create_mine(&dropped).await;
    let clone = dropped.clone();
    drop(dropped);
    clone.sync("/").await.unwrap();
    assert!(other.exists("/mine").await.unwrap().is_some());
    drop(clone);
    let took = gone(&other, "/mine", SOON).await;
    println!("gone {took:?} after the last handle");
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn closing_is_bounded_whatever_the_server_does() {
    let ensemble = one_server().await;
    let frozen = builder(&ensemble).read_timeout(Duration::from_secs(10)).build();
    frozen.connected().await.unwrap();
    let stopped = client(&ensemble).await;
    ensemble.freeze(0).unwrap();
    let write = frozen.set_data("/", "", None);
    let started = Instant::now();
    frozen.close().await;
    let took = started.elapsed();
    assert!(took > Duration::from_millis(1_900) && took < Duration::from_millis(2_300), "{took:?}");
    assert!(write.await.unwrap_err().is_ambiguous());
    ensemble.kill(0).await.unwrap();
    state(&stopped, State::Connecting, SOON).await;
    let waiting = stopped.set_data("/", "", None);
    let started = Instant::now();
    stopped.close().await;
    assert!(started.elapsed() < Duration::from_millis(2_300));
    assert_eq!(waiting.await.unwrap_err(), Error::Closed);
    // One that never was connected.
    let started = Instant::now();
    builder(&ensemble).build().close().await;
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn closing_during_a_short_outage_still_ends_the_session_at_the_server() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let client = behind(&gate, Duration::from_secs(10)).await;
    let other = session_common::client(&ensemble).await;
    create_mine(&client).await;
    gate.shut();
    state(&client, State::Connecting, SOON).await;
    let reopening = async {
        // The length of the outage.
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.open();
    };
    let started = Instant::now();
    tokio::join!(client.close(), reopening);
    assert!(started.elapsed() < Duration::from_millis(2_300));
    assert_eq!(other.exists("/mine").await.unwrap(), None);
}

/// The processor time of this thread, in hundredths of a second; `None` where it cannot be told.
fn busy() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[tokio::test]
async fn a_client_that_nobody_holds_waits_for_its_end_without_spinning() {
    let ensemble = one_server().await;
    let client = builder(&ensemble).read_timeout(Duration::from_secs(10)).build();
    client.connected().await.unwrap();
    ensemble.freeze(0).unwrap();
    let mut status = client.watch_status();
    let before = busy();
    drop(client);
    let started = Instant::now();
    status.wait_for(|status| status.state == State::Closed).await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(1_900), "the server had its chance");
    if let (Some(before), Some(after)) = (before, busy()) {
        assert!(after - before < 50, "{} ms of processor time", (after - before) * 10);
    }
}

#[tokio::test]
async fn the_session_outlives_a_restart_of_its_server() {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    create_mine(&client).await;
    let id = session_id(&client);
    ensemble.restart(0).await.unwrap();
    state(&client, State::Connected, SOON).await;
    assert!(client.exists("/mine").await.unwrap().is_some());
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

#[tokio::test]
async fn an_ensemble_that_was_wiped_begins_a_new_session() {
    let ensemble = one_server().await;
    let client = connected(builder(&ensemble).session_timeout(Duration::from_secs(1))).await;
    for _ in 0..20 {
        client.set_data("/", "many transactions", None).await.unwrap();
    }
    let id = session_id(&client);
    ensemble.stop(0).await.unwrap();
    std::fs::remove_dir_all(ensemble.server(0).directory().join("data/version-2")).unwrap();
    ensemble.start_server(0).unwrap();
    eventually(Duration::from_secs(6), "the next session", async || {
        client.with_timeout(Duration::from_secs(1)).exists("/").await.is_ok().then_some(())
    })
    .await;
    assert_ne!(session_id(&client), id);
    assert_eq!(generation(&client), 2);
    assert_eq!(client.get_data("/").await.unwrap().0, "");
}

#[tokio::test]
async fn the_session_outlives_a_freeze_of_everything_shorter_than_itself() {
    let ensemble = three_servers().await;
    let client = client(&ensemble).await;
    create_mine(&client).await;
    let id = session_id(&client);
    for server in 0..3 {
        ensemble.freeze(server).unwrap();
    }
    let error =
        client.with_timeout(Duration::from_millis(500)).set_data("/mine", "x", None).await.unwrap_err();
    assert!(error.is_ambiguous());
    for server in 0..3 {
        ensemble.thaw(server).unwrap();
    }
    assert!(client.exists("/mine").await.unwrap().is_some());
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

#[tokio::test]
async fn every_event_of_a_session_is_told_in_order_with_its_cause() {
    let ensemble = one_server().await;
    let gate = Gate::to(ensemble.addr(0), true).await;
    let builder = Client::builder(&gate.addr().to_string()).unwrap();
    let client = builder.session_timeout(Duration::from_millis(400)).build();
    let mut events = client.session_events();
    let plain = connected(Client::builder(&ensemble.connect_string()).unwrap()).await;
    client.connected().await.unwrap();
    create_mine(&client).await;
    let first = client.status().session.unwrap();
    gate.shut();
    gone(&plain, "/mine", SOON).await;
    gate.open();
    state(&client, State::Connected, SOON).await;
    let second = client.status().session.unwrap();
    client.close().await;
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        told.push(event);
    }
    let position = |wanted: &SessionEvent| told.iter().position(|event| event == wanted);
    let established = position(&SessionEvent::Established(first)).expect("the first session");
    let expired = told
        .iter()
        .position(|event| matches!(event, SessionEvent::Expired { session, .. } if *session == first));
    let again = position(&SessionEvent::Established(second));
    assert!(Some(established) < expired && expired < again, "{told:?}");
    let states: Vec<State> = told
        .iter()
        .filter_map(|event| match event {
            SessionEvent::State(change) => Some(change.to),
            _ => None,
        })
        .collect();
    assert!(states.starts_with(&[State::Connected, State::Connecting]), "{states:?}");
    assert!(states.ends_with(&[State::Connected, State::Closed]), "{states:?}");
    let lost = told.iter().find_map(|event| match event {
        SessionEvent::State(change) if change.to == State::Connecting => Some(change),
        _ => None,
    });
    assert!(lost.is_some_and(|change| change.cause.is_some() && change.server.is_some()), "{lost:?}");
}
