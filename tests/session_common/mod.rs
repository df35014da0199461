//! What the tests of the session share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod cutter;

use std::time::Duration;

use integration_tests::wait::eventually;
use zk_session::{Client, ClientBuilder, SessionEvent, SessionEvents, State};
use zk_testkit::Ensemble;

/// One server that grants sessions of up to 10 s.
pub(crate) async fn one_server() -> Ensemble {
    Ensemble::builder().max_session_timeout(Duration::from_secs(10)).start().await.unwrap()
}

/// Three servers that grant sessions of up to 10 s.
pub(crate) async fn three_servers() -> Ensemble {
    Ensemble::builder().servers(3).max_session_timeout(Duration::from_secs(10)).start().await.unwrap()
}

/// Settings of a client of all servers, with a session of 10 s.
pub(crate) fn builder(ensemble: &Ensemble) -> ClientBuilder {
    Client::builder(&ensemble.connect_string()).unwrap().session_timeout(Duration::from_secs(10))
}

/// A connected client of all servers, with a session of 10 s.
pub(crate) async fn client(ensemble: &Ensemble) -> Client {
    connected(builder(ensemble)).await
}

/// Builds the client and waits until it is connected.
pub(crate) async fn connected(builder: ClientBuilder) -> Client {
    let client = builder.build();
    client.connected().await.unwrap();
    client
}

/// Waits until the client is in this state.
pub(crate) async fn state(client: &Client, state: State, within: Duration) {
    let mut status = client.watch_status();
    let reached = tokio::time::timeout(within, status.wait_for(|status| status.state == state)).await;
    assert!(reached.is_ok(), "not {state} within {within:?}: {:?}", client.status());
}

/// Waits until a connection was lost and the client is connected again, by events that were asked for before the fault: the
/// state in between may be over before anybody looks at it.
pub(crate) async fn reconnected(events: &mut SessionEvents, within: Duration) {
    let again = async {
        let mut lost = false;
        loop {
            match events.next().await.expect("the client lives") {
                SessionEvent::State(change) if change.to == State::Connected && lost => break,
                SessionEvent::State(change) => lost |= change.to == State::Connecting,
                _ => {}
            }
        }
    };
    assert!(tokio::time::timeout(within, again).await.is_ok(), "not connected again within {within:?}");
}

/// The session id that is held or will be resumed; 0 for none.
pub(crate) fn session_id(client: &Client) -> i64 {
    client.status().session.map_or(0, |session| session.session_id)
}

/// How many sessions the client has had.
pub(crate) fn generation(client: &Client) -> u64 {
    client.status().session.map_or(0, |session| session.generation)
}

/// The server that the client is connected to.
pub(crate) async fn server_of(ensemble: &Ensemble, client: &Client) -> usize {
    let id = session_id(client);
    eventually(Duration::from_secs(3), "a server holds the session", async || {
        ensemble.server_of_session(id).await
    })
    .await
}
