//! The read timeout can be changed while connected; the connection and the session stay.

mod session_common;

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use session_common::{builder, connected, one_server, server_of, session_id, state, three_servers};
use zk_session::{Cause, State};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_shorter_read_timeout_holds_at_once_and_keeps_the_connection() {
    let ensemble = three_servers().await;
    let client = connected(builder(&ensemble).suspicion(false).read_timeout(60 * SECOND)).await;
    let session = session_id(&client);
    let server = server_of(&ensemble, &client).await;
    let mut events = client.session_events();

    client.set_read_timeout(Some(SECOND)).unwrap();
    client.exists("/").await.unwrap();
    assert_eq!(client.status().state, State::Connected, "changing it costs no connection");
    assert!(events.next().now_or_never().is_none(), "nothing happened to the session");

    ensemble.freeze(server).unwrap();
    let frozen = Instant::now();
    state(&client, State::Connecting, 3 * SECOND).await;
    assert!(matches!(client.status().cause, Some(Cause::ReadTimeout { .. })), "{:?}", client.status());
    let noticed = frozen.elapsed();
    assert!(noticed >= SECOND / 2, "half of it is the least that a ping has: {noticed:?}");
    state(&client, State::Connected, 5 * SECOND).await;
    assert_eq!(session_id(&client), session);
}

#[tokio::test]
async fn a_longer_read_timeout_spares_a_slow_server() {
    // One server: a frozen one of three is dropped by the others, and drops its clients once it can see that.
    let ensemble = one_server().await;
    let client = connected(builder(&ensemble).suspicion(false).read_timeout(SECOND)).await;
    client.set_read_timeout(Some(6 * SECOND)).unwrap();
    let mut events = client.session_events();
    ensemble.freeze(0).unwrap();
    let asked = tokio::spawn({
        let client = client.clone();
        async move { client.exists("/").await.map(drop) }
    });
    // The length of the fault: twice the old read timeout.
    tokio::time::sleep(2 * SECOND).await;
    ensemble.thaw(0).unwrap();
    asked.await.unwrap().expect("the answer comes when the server goes on");
    assert!(events.next().now_or_never().is_none(), "the connection was kept");
}
