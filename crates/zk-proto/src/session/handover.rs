//! Handing a session over: leaving it alive at the servers, and taking one up that was left.

use std::time::Duration;

use crate::{
    handshake::{Granted, Password},
    session::Session,
    state::State,
    time::Timestamp,
};

/// What it takes to resume a session: in another process, say, or after a restart. The password is shown nowhere; whoever
/// has it can take the session over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    pub(crate) session_id: i64,
    pub(crate) password: Password,
}

impl SessionCredentials {
    /// Credentials that were kept somewhere: see [`session_id`](Self::session_id) and
    /// [`expose_password`](Self::expose_password).
    pub fn new(session_id: i64, password: [u8; 16]) -> Self {
        Self { session_id, password: Password(password) }
    }

    /// The session's id.
    pub fn session_id(&self) -> i64 {
        self.session_id
    }

    /// The password, to be kept where only its owner can read it.
    pub fn expose_password(&self) -> [u8; 16] {
        self.password.0
    }
}

impl<T> Session<T> {
    /// The session that is held, as another could resume it.
    pub fn credentials(&self) -> Option<SessionCredentials> {
        let granted = self.granted.as_ref()?;
        Some(SessionCredentials { session_id: granted.session_id, password: granted.password.clone() })
    }

    /// Ends this client but not its session: ephemeral nodes live on until it is resumed or times out. Returns what it takes
    /// to resume it; `None` if there is no session. Requests that are unanswered end as unknown or not sent.
    pub fn detach(&mut self, now: Timestamp) -> Option<SessionCredentials> {
        let credentials = self.credentials().filter(|_| self.state != State::Closed);
        self.finish_close(now);
        credentials
    }

    /// The session to resume first, from the configuration. Its negotiated timeout is not known yet; the one that will be asked
    /// for stands in.
    pub(super) fn to_resume(credentials: SessionCredentials, timeout: Duration) -> Granted {
        Granted {
            session_id: credentials.session_id,
            password: credentials.password,
            negotiated_timeout: timeout,
            read_only: false,
        }
    }
}
