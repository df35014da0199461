//! Where the session stands, for those who watch it.

use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};
use zk_proto::{Cause, ExpiryCause, Host, SessionInfo, State, StateChange, Timestamp};

/// A picture of the session, kept up to date by its task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The state.
    pub state: State,
    /// The session that is held, or will be resumed.
    pub session: Option<SessionInfo>,
    /// The server of the current connection.
    pub server: Option<Host>,
    /// Connected to a server without a quorum: what it tells may be old, and it refuses writes. Only with
    /// [`ClientBuilder::read_only`](crate::ClientBuilder::read_only).
    pub read_only: bool,
    /// What went wrong last, while there is no connection.
    pub cause: Option<Cause>,
    /// The ensemble's leader has last heard of the session no earlier than when this was sent; known from committed writes, and
    /// older than they are, because followers pass on late whom they have heard. Changes of this field alone wake nobody.
    pub quorum_proof: Option<Timestamp>,
}

impl Status {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Connecting,
            session: None,
            server: None,
            read_only: false,
            cause: None,
            quorum_proof: None,
        }
    }

    /// Until when no other session can own this session's ephemeral nodes: [`quorum_proof`](Self::quorum_proof) plus the
    /// negotiated timeout, less `margin`. `None` without a committed write in the session.
    ///
    /// The margin is for clocks that drift and for stalls; what followers pass on late is allowed for already.
    pub fn lease_until(&self, margin: Duration) -> Option<Timestamp> {
        let session = self.session?;
        Some(self.quorum_proof?.after(session.negotiated_timeout).before(margin))
    }
}

/// Something that happened to the session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The state changed; with the cause, the server and the time the state before has lasted.
    State(StateChange),
    /// A new session began, or one was taken up from another client.
    Established(SessionInfo),
    /// A session is over for certain.
    Expired {
        /// The session.
        session: SessionInfo,
        /// How it is known.
        cause: ExpiryCause,
    },
    /// The reader was more than a thousand events behind, and this many are lost to it.
    Missed(u64),
}

/// Every event of a session, in order; from [`Client::session_events`](crate::Client::session_events).
#[derive(Debug)]
pub struct SessionEvents(pub(crate) broadcast::Receiver<SessionEvent>);

impl SessionEvents {
    /// The next event; `None` after the end of the client.
    ///
    /// # Cancel safety
    ///
    /// Safe: no event is lost.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(missed)) => Some(SessionEvent::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}
