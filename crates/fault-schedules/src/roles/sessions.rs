//! Telling when a session has ended.

use std::sync::Arc;

use zk_session::{Client, SessionEvent};

use crate::{history::Event, record::Recorder};

/// The session that a client has now.
pub(super) fn session_of(client: &Client) -> Option<i64> {
    client.status().session.map(|session| session.session_id)
}

/// Records the end of each session of a client, from now on.
pub(super) fn record_ends(client: &Client, recorder: Arc<Recorder>) {
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
