//! Sessions that this process has left, and may have to end.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::timeout;
use zk_session::{Client, ClientBuilder, SessionCredentials, now};

use crate::dcs::DcsZk;

/// How many are remembered; the oldest are forgotten. A session that is remembered in vain does no harm: no key is its.
const REMEMBERED: usize = 8;

/// How long one attempt to end a session may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The credentials of sessions that were replaced. They are kept in memory alone, and shown nowhere.
#[derive(Debug, Default)]
pub(crate) struct EarlierSessions {
    credentials: Mutex<Vec<SessionCredentials>>,
    /// Two who take up the same session would take it from each other.
    ending: tokio::sync::Mutex<()>,
}

impl EarlierSessions {
    /// Takes the session from its client and ends it on another connection, so that it is ended although the old connection
    /// may be of no use any more. If that fails, the session is remembered.
    pub(crate) async fn replace(self: Arc<Self>, client: Client, builder: ClientBuilder) {
        let Some(credentials) = client.detach().await else { return };
        let session = credentials.session_id();
        {
            let mut all = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(credentials);
            let forgotten = all.len().saturating_sub(REMEMBERED);
            all.drain(..forgotten);
        }
        self.end(session, builder, PATIENCE).await;
    }

    fn find(&self, session: i64) -> Option<SessionCredentials> {
        let all = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|credentials| credentials.session_id() == session).cloned()
    }

    /// Ends a session of ours. `true` if it was taken up and closed, or is over anyhow; `false` if it is none of ours, or was
    /// not reached within `limit`.
    async fn end(&self, session: i64, builder: ClientBuilder, limit: Duration) -> bool {
        let Some(credentials) = self.find(session) else { return false };
        let deadline = now().after(limit);
        let left = || deadline.since(now());
        let Ok(_one_at_a_time) = timeout(limit, self.ending.lock()).await else { return false };
        let client = builder.resume(credentials).request_timeout(left()).build();
        if client.connected().await.is_err() {
            // Left as it is, to be ended another time: a client that is dropped would go on trying.
            client.detach().await;
            return false;
        }
        let resumed = client.status().session.is_some_and(|held| held.session_id == session);
        tracing::info!(session = format_args!("{session:#x}"), resumed, "ending an earlier session");
        // If the session was over already, this ends the one that was begun in its place.
        timeout(left(), client.close()).await.is_ok()
    }
}

impl DcsZk {
    /// Ends a session of this process that was replaced, if `session` is one, within `limit` and 2 s. Tells whether it is
    /// over.
    pub(crate) async fn end_earlier_session(&self, session: i64, limit: Duration) -> bool {
        self.earlier.end(session, self.settings().client_builder(), limit.min(PATIENCE)).await
    }
}
