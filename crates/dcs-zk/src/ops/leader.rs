//! The leader key: taking it, keeping it, giving it up.

mod acquire;
mod fence;
mod guarded;
mod release;
mod renew;
mod replace;

use zk_session::Client;

use crate::{dcs::DcsZk, error::DcsError, lease::Lease};

pub(crate) use fence::Fence;
pub(crate) use guarded::Guarded;
pub use renew::LeaderUpdate;

/// The leader key as it was read: its value, and what binds a write to it.
pub(crate) struct Held {
    name: Vec<u8>,
    fence: Fence,
}

impl Held {
    /// The session that owns it.
    fn owner(&self) -> i64 {
        self.fence.leader.ephemeral_owner
    }

    fn is_of(&self, session: Option<i64>, name: &str) -> bool {
        Some(self.owner()) == session && self.name == name.as_bytes()
    }
}

impl DcsZk {
    /// A lease on a leader key that `client`'s session owns, if the session's own proof is long enough.
    ///
    /// The proof must come from the session that owns the key: after an expiry it is gone, and so is the lease.
    fn lease(&self, client: &Client, fence: &Fence) -> Option<Lease> {
        let stat = fence.leader;
        let status = client.status();
        let session = status.session.filter(|session| session.session_id == stat.ephemeral_owner)?;
        let until = status.lease_until(self.settings().lease_margin(session.negotiated_timeout))?;
        let leadership = {
            let mut memory = self.memory();
            memory.held_in_session = Some(session.session_id);
            memory.leadership.clone()
        };
        Some(Lease {
            leadership,
            until,
            fencing_token: stat.czxid,
            session_id: session.session_id,
            version: stat.version,
        })
    }

    /// Refuses to lead in a session that is too short for the loop: the lease would end while we wait for an answer that we
    /// are entitled to wait for.
    fn check_session_is_long_enough(&self, client: &Client) -> Result<(), DcsError> {
        let Some(session) = client.status().session else { return Ok(()) };
        let timings = self.settings().timings;
        let needed = timings.loop_wait() + timings.retry_timeout() * 2;
        if session.negotiated_timeout < needed {
            return Err(DcsError::Invalid(format!(
                "ttl: the server granted a session of {:?}, but loop_wait + 2 × retry_timeout is {needed:?}; raise \
                 maxSessionTimeout on the servers, or lower loop_wait and retry_timeout",
                session.negotiated_timeout
            )));
        }
        Ok(())
    }

    pub(crate) fn not_owner(&self, holder: impl Into<String>) -> DcsError {
        let member = self.config.name.as_ref().map(ToString::to_string).unwrap_or_default();
        DcsError::NotOwner { member, holder: holder.into() }
    }

    pub(crate) fn held_by(&self, held: Option<&Held>) -> DcsError {
        match held {
            None => self.not_owner("nobody holds it"),
            Some(held) => self.not_owner(format!(
                "{} holds it in session {:#x}",
                String::from_utf8_lossy(&held.name),
                held.owner()
            )),
        }
    }
}
