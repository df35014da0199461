//! Keeping the leader key.

use dcs_model::{Cluster, Failsafe, StatusField, StatusUpdate, json::Object};
use futures_util::future::join;
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, Stat, WhenDisconnected};

use super::Held;
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
    /// `cluster` is the caller's last load: it says who led then. If the key belongs to an earlier session of this member
    /// (and we have not held it in this one), it is replaced in one atomic step, guarded by the member key of that session:
    /// that one vanishes together with the leader key, so that a key which another member has taken meanwhile is not hit.
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
        let client = self.client().with_when_disconnected(WhenDisconnected::Wait);
        let connected = until(&client, deadline).connected().await;
        connected.map_err(|error| DcsError::from_session("update_leader", error))?;
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
            async move { self.renew(&client, name, writes).await }
        });
        match renewed.await? {
            Ok((lease, Written::All)) => {
                self.wrote(writes);
                // For members that look there. Late or lost, it does no harm.
                if let Some(optime) = optime
                    && let Err(error) = self.write_optime_for_old_members(optime).await
                {
                    tracing::info!(%error, "could not write the leader's position for old members");
                }
                Ok(lease.within(reign))
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
    async fn renew(&self, client: &Client, name: &str, writes: &Writes) -> Result<Renewed, Error> {
        let session = client.status().session.map(|session| session.session_id);
        // The last load has seen the key as a rule. Should it be out of date, the check fails or the read after it tells.
        let known = self.memory().leader.filter(|stat| Some(stat.ephemeral_owner) == session);
        let version = match known {
            Some(stat) => stat.version,
            None => {
                let Some(held) = self.read_leader(client).await? else { return Ok(Err(self.held_by(None))) };
                if held.name != name.as_bytes() {
                    return Ok(Err(self.held_by(Some(&held))));
                }
                if session != Some(held.stat.ephemeral_owner) {
                    return self.replace(client, name, &held).await;
                }
                held.stat.version
            }
        };
        let check = MultiOp::check(self.config.paths.leader(), Some(version));
        let mut ops = vec![check];
        ops.extend(self.write_ops(writes));
        // The read that follows on the same connection sees the key as it was when the writes were made, or later: a key
        // that another member has taken can have the same version, but not our session.
        let (written, after) = join(client.multi(ops), self.read_leader(client)).await;
        match written {
            Ok(_) => {}
            Err(Error::Rejected(rejected)) if rejected.op_index == Some(0) => {
                let after = after?;
                let ours = after.as_ref().filter(|held| {
                    session == Some(held.stat.ephemeral_owner) && held.name == name.as_bytes()
                });
                return match ours {
                    // Somebody has written to our key: it is still ours, with another version.
                    Some(held) => self.renew_alone(client, held.stat.version).await,
                    None => Ok(Err(self.held_by(after.as_ref()))),
                };
            }
            // A key that was to be set is gone, or one that was to be created is there: the next try finds out.
            Err(Error::Rejected(rejected))
                if matches!(rejected.code, ErrorCode::NO_NODE | ErrorCode::NODE_EXISTS) =>
            {
                self.look_again(client).await?;
                return self.renew_alone(client, version).await;
            }
            Err(error) => return Err(error),
        }
        Ok(self.confirm(client, after?).map(|lease| (lease, Written::All)))
    }

    /// The check alone: the lease comes first, status can wait for the next loop.
    async fn renew_alone(&self, client: &Client, version: i32) -> Result<Renewed, Error> {
        let check = MultiOp::check(self.config.paths.leader(), Some(version));
        let (written, after) = join(client.multi(vec![check]), self.read_leader(client)).await;
        match written {
            Ok(_) => Ok(self.confirm(client, after?).map(|lease| (lease, Written::Nothing))),
            Err(Error::Rejected(rejected)) if rejected.op_index == Some(0) => {
                Ok(Err(self.held_by(after?.as_ref())))
            }
            Err(error) => Err(error),
        }
    }

    fn confirm(&self, client: &Client, after: Option<Held>) -> Result<Lease, DcsError> {
        match after {
            Some(held) => self.lease(client, &held.stat).ok_or_else(|| self.held_by(Some(&held))),
            None => Err(self.held_by(None)),
        }
    }

    /// The key carries our name but another session: an earlier life of this member, whose session has not ended yet.
    async fn replace(&self, client: &Client, name: &str, held: &Held) -> Result<Renewed, Error> {
        // We held the key in this very session: whoever has it now, under our name, is a later life of this member.
        let session = client.status().session.map(|session| session.session_id);
        if self.memory().held_in_session == session {
            return Ok(Err(self.held_by(Some(held))));
        }
        let paths = &self.config.paths;
        let _one_at_a_time = self.member_key.lock().await;
        let guard = match client.exists(&paths.member(self.name_or_empty())).await? {
            Some(member) if member.ephemeral_owner == held.stat.ephemeral_owner => member,
            // Without the member key of that session there is nothing that vanishes together with the lock.
            _ => return Ok(Err(self.held_by(Some(held)))),
        };
        tracing::warn!(
            session = format_args!("{:#x}", held.stat.ephemeral_owner),
            "replacing the leader key: an earlier session of this member owns it"
        );
        let ops = vec![
            MultiOp::check(paths.member(self.name_or_empty()), Some(guard.version)),
            MultiOp::delete(paths.leader(), Some(held.stat.version)),
            MultiOp::create(paths.leader(), name.to_owned(), CreateMode::EPHEMERAL, self.acl()),
        ];
        let (replaced, after) = join(client.multi(ops), self.read_leader(client)).await;
        match replaced {
            Ok(_) => Ok(self.confirm(client, after?).map(|lease| (lease, Written::Nothing))),
            Err(Error::Rejected(_)) => Ok(Err(self.held_by(after?.as_ref()))),
            Err(error) => Err(error),
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
            (memory.status_exists, memory.last_failsafe.is_some())
        };
        let op = |path: String, value: String, exists: bool| {
            if exists {
                MultiOp::set_data(path, value, None)
            } else {
                MultiOp::create(path, value, CreateMode::PERSISTENT, self.acl())
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
        let status: Option<Stat> = client.exists(&paths.status()).await?;
        let failsafe = client.exists(&paths.failsafe()).await?;
        let mut memory = self.memory();
        memory.status_exists = status.is_some();
        memory.last_status = Object::new();
        memory.last_failsafe = failsafe.map(|_| Failsafe(Object::new()));
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
        }
    }

    fn name_or_empty(&self) -> &crate::paths::MemberName {
        #[expect(clippy::expect_used, reason = "update_leader has asked for the name before it comes here")]
        self.config.name.as_ref().expect("update_leader is refused without a name")
    }
}

/// What is to be written beside the renewal.
struct Writes {
    status: Option<Object>,
    failsafe: Option<Failsafe>,
}

/// The lock, as a try found it: ours and renewed, or not ours.
type Renewed = Result<(Lease, Written), DcsError>;

/// What a renewal wrote of what was to be written beside it.
enum Written {
    All,
    Nothing,
}
