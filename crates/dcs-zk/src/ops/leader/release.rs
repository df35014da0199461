//! Giving up the leader key.

use dcs_model::{Leader, StatusUpdate};
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, WhenDisconnected, now};

use crate::{dcs::DcsZk, error::DcsError, ops::status::status_to_write};

impl DcsZk {
    /// Writes the last WAL position and gives up the leader key, in one step and only if it is ours. Answers to
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
        let timeout = self.once_deadline().since(now());
        let client = self.client().with_timeout(timeout).with_when_disconnected(WhenDisconnected::Fail);
        // Before the server is told: from then on another may lead.
        self.end_leadership();
        match self.release(&client, name.as_str(), last_lsn).await {
            Ok(released) => Ok(released),
            Err(error) => {
                tracing::warn!(%error, "the release of the leader key is not confirmed: restarting the session");
                self.restart_session(&client).await;
                Ok(true)
            }
        }
    }

    async fn release(&self, client: &Client, name: &str, last_lsn: Option<i64>) -> Result<bool, Error> {
        let Some(held) = self.read_leader(client).await? else { return Ok(false) };
        let ours =
            client.status().session.is_some_and(|session| session.session_id == held.stat.ephemeral_owner);
        if !ours || held.name != name.as_bytes() {
            return Ok(false);
        }
        let path = self.config.paths.leader();
        let delete = MultiOp::delete(path, Some(held.stat.version));
        let mut ops = Vec::new();
        {
            let memory = self.memory();
            let optime = last_lsn.filter(|lsn| *lsn != 0).map(StatusUpdate::optime);
            if let Some(status) = optime.and_then(|update| status_to_write(update, &memory.last_status)) {
                let path = self.config.paths.status();
                ops.push(if memory.status_exists {
                    MultiOp::set_data(path, status.to_json(), None)
                } else {
                    MultiOp::create(path, status.to_json(), CreateMode::PERSISTENT, self.acl())
                });
            }
        }
        let writes_status = !ops.is_empty();
        ops.push(delete.clone());
        match client.multi(ops).await {
            Ok(_) => Ok(true),
            Err(error)
                if writes_status
                    && matches!(error.code(), Some(ErrorCode::NO_NODE | ErrorCode::NODE_EXISTS)) =>
            {
                // What is known of the status key is out of date. The lock matters more than the position.
                client.multi(vec![delete]).await.map(|_| true)
            }
            Err(error) => Err(error),
        }
    }
}
