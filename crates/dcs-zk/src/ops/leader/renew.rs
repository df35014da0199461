//! Keeping the leader key.

use dcs_model::{Cluster, Failsafe, StatusField, StatusUpdate, json::Object};
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, Timestamp};

use super::{Fence, Guarded};
use crate::{
    dcs::DcsZk,
    error::DcsError,
    lease::Lease,
    ops::{failsafe::failsafe_to_write, status::status_to_write},
    retry::{retry, until},
};

/// What a leader says about itself when it renews its lease.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeaderUpdate {
    /// The last WAL position, in bytes. Without one `status` is not written.
    pub last_lsn: Option<i64>,
    /// Positions of permanent slots by name; `None` or empty leaves them out.
    pub slots: Option<Object>,
    /// Slots of absent members that are to be kept; `None` leaves them out.
    pub retain_slots: Option<Vec<String>>,
    /// The topology for the failsafe mode; `None` leaves it as it is.
    pub failsafe: Option<Failsafe>,
}

impl DcsZk {
    /// Renews the lease with one quorum write, and writes `status` and `failsafe` in the same step if they changed. Answers
    /// to `AbstractDCS.update_leader`.
    ///
    /// `cluster` is the caller's last load: it says who led then. What is written is fenced as by
    /// [`as_leader`](Self::as_leader). If the key belongs to an earlier session of this member (and we have not held it in this
    /// one), it is replaced: that session is ended if it was one of this process, otherwise the key is deleted and created in
    /// one atomic step that cannot hit a key which another member has taken meanwhile.
    ///
    /// Where only `status` or `failsafe` are refused, the lease is renewed without them.
    ///
    /// Tried again until `retry_timeout`. **Better:** Patroni writes nothing here and trusts what it read; a follower that is
    /// cut off from the leader would let it believe. And Patroni deletes whatever key is there, then creates its own.
    ///
    /// # Errors
    ///
    /// `NotOwner` if a server says that the key is not ours: stop leading at once. `Unavailable` if nobody can say: the old
    /// lease still holds until its end.
    ///
    /// # Cancel safety
    ///
    /// Safe: the lease may be renewed or not, and what was to be written may be written.
    pub async fn update_leader(&self, cluster: &Cluster, update: LeaderUpdate) -> Result<Lease, DcsError> {
        let name = self.name()?.clone();
        // A release that is called from now on ends the lease that this renewal gives, whichever is answered first.
        let reign = self.memory().leadership.clone();
        let deadline = self.retry_deadline();
        let client = self.connected("update_leader", deadline).await?;
        self.check_session_is_long_enough(&client)?;

        let Some(leader) = cluster.leader.as_ref() else { return Err(self.not_owner("nobody held it")) };
        if leader.name() != name.as_str() {
            return Err(self.not_owner(format!("{} holds it", leader.name())));
        }
        let optime = update.last_lsn;
        let writes = self.plan(update);
        let renewed = retry("update_leader", self, deadline, |client| {
            let writes = &writes;
            let name = name.as_str();
            async move { self.renew(&client, deadline, name, writes).await }
        });
        match renewed.await? {
            Ok((lease, Written::All)) => {
                self.wrote(writes);
                let lease = lease.within(reign);
                // For members that look there. Late or lost, it does no harm.
                if let Some(optime) = optime
                    && let Err(error) = self.write_optime_for_old_members(Some(&lease), optime).await
                {
                    tracing::info!(%error, "could not write the leader's position for old members");
                }
                Ok(lease)
            }
            // What was to be written beside the renewal comes with the next one.
            Ok((lease, Written::Nothing)) => Ok(lease.within(reign)),
            Err(not_owner) => {
                self.end_leadership();
                Err(not_owner)
            }
        }
    }

    /// One try: the outer result is about the connection, the inner one about the lock.
    async fn renew(
        &self,
        client: &Client,
        deadline: Timestamp,
        name: &str,
        writes: &Writes,
    ) -> Result<Renewed, Error> {
        let mut ops = self.write_ops(writes);
        let mut written = Written::All;
        loop {
            match self.write_guarded(client, deadline, name, None, &ops).await {
                Ok(Guarded::Done(done)) => {
                    return Ok(match done.still()? {
                        Ok(fence) => match self.lease(client, &fence) {
                            Some(lease) => Ok((lease, written)),
                            None => Err(self.not_owner("the session ended right after the renewal")),
                        },
                        Err(held) => Err(self.held_by(held.as_ref())),
                    });
                }
                // By an earlier session of ours, that is; our own session would not have been refused.
                Ok(Guarded::NotOurs(Some(held))) if held.name == name.as_bytes() => {
                    return self.replace(&until(client, deadline), deadline, name, &held).await;
                }
                Ok(Guarded::NotOurs(held)) => return Ok(Err(self.held_by(held.as_ref()))),
                // Not about the lock, but about what was to be written beside it. The lease comes first, status can wait for the
                // next loop.
                Err(Error::Rejected(rejected)) if !ops.is_empty() && Fence::passed(&rejected) => {
                    // A key that was to be set is gone, or one that was to be created is there.
                    if matches!(rejected.code, ErrorCode::NO_NODE | ErrorCode::NODE_EXISTS) {
                        self.look_again(&until(client, deadline)).await?;
                    } else {
                        tracing::warn!(%rejected, "the renewal goes on without what was to be written beside it");
                    }
                    ops.clear();
                    written = Written::Nothing;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What there is to write, compared with what was last read or written.
    fn plan(&self, update: LeaderUpdate) -> Writes {
        let memory = self.memory();
        let status = update.last_lsn.filter(|lsn| *lsn != 0).and_then(|optime| {
            let field = |given: Option<_>| given.map_or(StatusField::Clear, StatusField::Set);
            let retain_slots = update.retain_slots.map_or(StatusField::Clear, StatusField::Set);
            status_to_write(
                StatusUpdate {
                    optime,
                    slots: field(update.slots.filter(|slots| !slots.is_empty())),
                    retain_slots,
                },
                &memory.last_status,
            )
        });
        Writes { status, failsafe: failsafe_to_write(update.failsafe, memory.last_failsafe.as_ref()) }
    }

    fn write_ops(&self, writes: &Writes) -> Vec<MultiOp> {
        let (status_exists, failsafe_exists) = {
            let memory = self.memory();
            (memory.status_exists, memory.failsafe_exists)
        };
        let op = |path: String, value: String, exists: bool| {
            if exists {
                MultiOp::set_data(path, value, None)
            } else {
                MultiOp::create(path, value, CreateMode::PERSISTENT, &self.acl())
            }
        };
        let paths = &self.config.paths;
        let status = writes.status.as_ref().map(|status| op(paths.status(), status.to_json(), status_exists));
        let failsafe = writes
            .failsafe
            .as_ref()
            .map(|failsafe| op(paths.failsafe(), failsafe.to_json(), failsafe_exists));
        status.into_iter().chain(failsafe).collect()
    }

    /// Which of the keys exist, for the next write.
    async fn look_again(&self, client: &Client) -> Result<(), Error> {
        let paths = &self.config.paths;
        let status = client.exists(&paths.status()).await?.is_some();
        let failsafe = client.exists(&paths.failsafe()).await?.is_some();
        let mut memory = self.memory();
        // What they hold is forgotten where that was wrong, and nowhere else: a leader goes by the topology in an outage.
        if std::mem::replace(&mut memory.status_exists, status) != status {
            memory.last_status = Object::new();
        }
        if std::mem::replace(&mut memory.failsafe_exists, failsafe) != failsafe {
            memory.last_failsafe = None;
        }
        Ok(())
    }

    fn wrote(&self, writes: Writes) {
        let mut memory = self.memory();
        if let Some(status) = writes.status {
            memory.last_status = status;
            memory.status_exists = true;
        }
        if let Some(failsafe) = writes.failsafe {
            memory.last_failsafe = Some(failsafe);
            memory.failsafe_exists = true;
        }
    }
}

/// What is to be written beside the renewal.
struct Writes {
    status: Option<Object>,
    failsafe: Option<Failsafe>,
}

/// The lock, as a try found it: ours and renewed, or not ours.
pub(super) type Renewed = Result<(Lease, Written), DcsError>;

/// What a renewal wrote of what was to be written beside it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    All,
    Nothing,
}
