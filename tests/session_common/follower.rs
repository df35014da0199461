//! Clients of followers. Apart from the rest, because the ensemble in the process does not tell who leads.

use std::time::Duration;

use integration_tests::wait::eventually;
use zk_session::{Client, ClientBuilder};
use zk_testkit::Ensemble;

use crate::session_common::{connected, server_of};

/// A client that is connected to a follower, and which one.
pub(crate) async fn on_a_follower(
    ensemble: &Ensemble,
    builder: impl Fn() -> ClientBuilder,
) -> (Client, usize) {
    eventually(Duration::from_secs(20), "a client on a follower", async || {
        let client = connected(builder()).await;
        let server = server_of(ensemble, &client).await;
        if Some(server) == ensemble.leader().await {
            client.close().await;
            return None;
        }
        Some((client, server))
    })
    .await
}
