//! Clients whose sessions' ends are told.

use std::{sync::Arc, time::Duration};

use zk_session::{Client, ConnectStringError, SessionEvent};

use super::RoleOptions;
use crate::{history::Event, record::Recorder};

/// How long a call may take: shorter than most faults, so that some end without an answer.
const CALL: Duration = Duration::from_secs(2);

/// A client of all servers, and the end of each session of it recorded.
pub(super) fn client(options: &RoleOptions, recorder: &Arc<Recorder>) -> Result<Client, ConnectStringError> {
    let client =
        Client::builder(&options.hosts)?.session_timeout(options.session()).request_timeout(CALL).build();
    record_ends(&client, Arc::clone(recorder));
    Ok(client)
}

/// The session that a client has now.
pub(super) fn session_of(client: &Client) -> Option<i64> {
    client.status().session.map(|session| session.session_id)
}

/// Records the end of each session of a client, from now on.
fn record_ends(client: &Client, recorder: Arc<Recorder>) {
    let mut events = client.session_events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let SessionEvent::Expired { session, cause } = event {
                let session = session.session_id;
                recorder.record(Event::SessionEnded { session, cause: format!("{cause:?}") });
            }
        }
    });
}

/// Ends the client's session, and tells.
pub(super) async fn close(client: &Client, recorder: &Recorder) {
    let session = session_of(client);
    client.close().await;
    if let Some(session) = session {
        recorder.record(Event::SessionEnded { session, cause: "closed".to_owned() });
    }
}
