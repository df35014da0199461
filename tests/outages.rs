//! All servers down for longer than the session timeout, and back: the session is announced as lost, and then it is what the
//! ensemble says it is.

mod session_common;

use std::time::{Duration, Instant};

use integration_tests::{gate::Gate, wait::eventually};
use session_common::{builder, connected, generation, session_id, state};
use zk_session::{
    Acl, Client, CreateMode, Error, SessionEvent, SessionEvents, State, WatchEvent, WhenDisconnected,
};
use zk_testkit::Ensemble;

const SESSION: Duration = Duration::from_secs(6);
const SOON: Duration = Duration::from_secs(10);
/// Three JVMs start slowly on a busy machine.
const LONG: Duration = Duration::from_secs(120);

async fn three_servers() -> Ensemble {
    Ensemble::builder().servers(3).max_session_timeout(Duration::from_secs(10)).start().await.unwrap()
}

/// The next change of state, and what else happened before it.
async fn next_state(events: &mut SessionEvents) -> (Vec<SessionEvent>, State) {
    let mut others = Vec::new();
    loop {
        match tokio::time::timeout(SOON, events.next()).await.expect("in time").expect("the client lives") {
            SessionEvent::State(change) => return (others, change.to),
            event => others.push(event),
        }
    }
}

/// Kills every server and waits until the client takes its session for lost; checks what calls say meanwhile.
async fn kill_all_until_lost(ensemble: &Ensemble, client: &Client) {
    for server in 0..3 {
        ensemble.kill(server).await.unwrap();
    }
    let killed = Instant::now();
    state(client, State::Lost, SESSION + Duration::from_secs(3)).await;
    let lost_after = killed.elapsed();
    // The last word of a server came at most a few pings before the kill.
    assert!(lost_after > SESSION / 2, "{lost_after:?}");
    let failing = client.with_when_disconnected(WhenDisconnected::Fail);
    assert!(matches!(failing.exists("/a").await, Err(Error::NotSent(_))));
}

#[tokio::test]
async fn an_outage_longer_than_the_session_is_lost_but_goes_on_if_the_ensemble_has_kept_it() {
    let ensemble = three_servers().await;
    let client = connected(builder(&ensemble).session_timeout(SESSION)).await;
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, watcher) = client.get_data_and_watch("/a").await.unwrap();
    let id = session_id(&client);
    let mut events = client.session_events();
    kill_all_until_lost(&ensemble, &client).await;
    // Servers that start give every session they find in their logs its whole timeout again.
    for server in 0..3 {
        ensemble.start_server(server).unwrap();
    }
    let waiting = client.with_timeout(LONG).get_data("/a");
    ensemble.wait_all().await.unwrap();
    assert_eq!(waiting.await.unwrap().0, "", "what waited is answered in the same session");
    let (_, first) = next_state(&mut events).await;
    let (_, second) = next_state(&mut events).await;
    let (others, third) = next_state(&mut events).await;
    assert_eq!([first, second, third], [State::Connecting, State::Lost, State::Connected]);
    assert_eq!(others, [], "no expiry, no new session");
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert_eq!(client.exists("/mine").await.unwrap().unwrap().ephemeral_owner, id);
    client.set_data("/a", "new", None).await.unwrap();
    let told = tokio::time::timeout(SOON, watcher).await.unwrap();
    assert!(matches!(told, WatchEvent::Changed { .. }), "the watch was restored: {told:?}");
}

#[tokio::test]
async fn an_outage_longer_than_the_session_ends_it_if_the_ensemble_has_counted_it_out() {
    let ensemble = three_servers().await;
    // Behind gates, so that the ensemble can be back for a while before the client is let in.
    let gates = [
        Gate::to(ensemble.addr(0), true).await,
        Gate::to(ensemble.addr(1), true).await,
        Gate::to(ensemble.addr(2), true).await,
    ];
    let hosts = gates.iter().map(|gate| gate.addr().to_string()).collect::<Vec<_>>().join(",");
    let client = connected(Client::builder(&hosts).unwrap().session_timeout(SESSION)).await;
    client.create("/a", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    let (_, _, watcher) = client.get_data_and_watch("/a").await.unwrap();
    let id = session_id(&client);
    let mut events = client.session_events();
    kill_all_until_lost(&ensemble, &client).await;
    gates.iter().for_each(Gate::shut);
    for server in 0..3 {
        ensemble.start_server(server).unwrap();
    }
    ensemble.wait_all().await.unwrap();
    let witness = connected(builder(&ensemble)).await;
    eventually(2 * SOON, "the ensemble ends the session", async || {
        witness.exists("/mine").await.ok()?.is_none().then_some(())
    })
    .await;
    assert_eq!(client.status().state, State::Lost, "a guess until a server says so");
    let waiting = client.with_timeout(LONG).exists("/a");
    gates.iter().for_each(Gate::open);
    assert_eq!(waiting.await, Err(Error::SessionExpired), "not sent in a session it was not meant for");
    let (_, first) = next_state(&mut events).await;
    let (_, second) = next_state(&mut events).await;
    let (expired, third) = next_state(&mut events).await;
    assert_eq!([first, second, third], [State::Connecting, State::Lost, State::Connecting]);
    assert!(
        matches!(&expired[..], [SessionEvent::Expired { session, .. }] if session.session_id == id),
        "{expired:?}"
    );
    let told = tokio::time::timeout(SOON, watcher).await.unwrap();
    assert_eq!(told, WatchEvent::SessionLost);
    assert!(client.exists("/a").await.unwrap().is_some(), "usable again by itself");
    assert_ne!(session_id(&client), id);
    assert_eq!(generation(&client), 2);
}
