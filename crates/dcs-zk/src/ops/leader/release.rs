//! Giving up the leader key.

use dcs_model::{Leader, StatusUpdate};
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, Timestamp, WhenDisconnected, now};

use super::Guarded;
use crate::{dcs::DcsZk, error::DcsError, ops::status::status_to_write};

impl DcsZk {
    /// Writes the last WAL position and gives up the leader key, in one step and only if it is ours (fenced as by
    /// [`as_leader`](Self::as_leader)). Answers to
    /// `AbstractDCS.delete_leader`; `leader` is the leader of the caller's last load. Tells whether the key was ours to give.
    ///
    /// **Better:** Patroni restarts its session, so that the member key vanishes with the lock. Here only the lock goes; the
    /// session is restarted only if that is not confirmed within the time of an operation that is tried once.
    ///
    /// # Errors
    ///
    /// `Invalid` without a name.
    ///
    /// # Cancel safety
    ///
    /// Not safe: the key may be gone or not. It is gone at the latest when the session ends.
    pub async fn delete_leader(
        &self,
        leader: Option<&Leader>,
        last_lsn: Option<i64>,
    ) -> Result<bool, DcsError> {
        let name = self.name()?.clone();
        if leader.is_none_or(|leader| leader.name() != name.as_str()) {
            return Ok(false);
        }
        let deadline = self.once_deadline();
        let client = self.client().with_when_disconnected(WhenDisconnected::Fail);
        // Before the server is told: from then on another may lead. Until it has answered no renewal beside this gives a lease.
        let _no_lease = self.giving_up();
        match self.release(&client, deadline, name.as_str(), last_lsn).await {
            Ok(released) => Ok(released),
            Err(error) => {
                tracing::warn!(%error, "the release of the leader key is not confirmed: restarting the session");
                self.restart_session(&client).await;
                Ok(true)
            }
        }
    }

    /// Guarded, so that a key that another member has taken meanwhile is not hit.
    async fn release(
        &self,
        client: &Client,
        deadline: Timestamp,
        name: &str,
        last_lsn: Option<i64>,
    ) -> Result<bool, Error> {
        let delete = MultiOp::delete(self.config.paths.leader(), None);
        let mut ops = self.last_words(last_lsn);
        let writes_status = !ops.is_empty();
        ops.push(delete.clone());
        let released = match self.write_guarded(client, deadline, name, None, &ops).await {
            Err(error)
                if writes_status
                    && matches!(error.code(), Some(ErrorCode::NO_NODE | ErrorCode::NODE_EXISTS)) =>
            {
                // What is known of the status key is out of date. The lock matters more than the position.
                self.write_guarded(client, deadline, name, None, &[delete]).await
            }
            released => released,
        };
        // What was ours is gone: nothing is left to be guarded.
        self.memory().fence = None;
        match released? {
            Guarded::Done(_) => Ok(true),
            // It was ours in a session that was replaced, and could not be ended then.
            Guarded::NotOurs(Some(held)) if held.name == name.as_bytes() => {
                Ok(self.end_earlier_session(held.owner(), deadline.since(now())).await)
            }
            Guarded::NotOurs(_) => Ok(false),
        }
    }

    /// The last position, if there is one to write.
    fn last_words(&self, last_lsn: Option<i64>) -> Vec<MultiOp> {
        let Some(lsn) = last_lsn.filter(|lsn| *lsn != 0) else { return Vec::new() };
        let memory = self.memory();
        let Some(status) = status_to_write(StatusUpdate::optime(lsn), &memory.last_status) else {
            return Vec::new();
        };
        let path = self.config.paths.status();
        vec![if memory.status_exists {
            MultiOp::set_data(path, status.to_json(), None)
        } else {
            MultiOp::create(path, status.to_json(), CreateMode::PERSISTENT, &self.acl())
        }]
    }
}
