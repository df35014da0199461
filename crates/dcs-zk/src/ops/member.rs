//! The member key.

use dcs_model::MemberData;
use tokio::time::timeout;
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, WhenDisconnected, now};

use crate::{dcs::DcsZk, error::DcsError, retry::until};

/// What [`DcsZk::touch_member`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Touched {
    /// The key has this data already: nothing was written.
    Unchanged,
    /// The data was written.
    Written,
}

impl DcsZk {
    /// Says that this member is alive and what it is; answers to `ZooKeeper.touch_member`.
    ///
    /// The member key is an ephemeral node of our session. One that belongs to another session is an earlier life of this
    /// member: if that was a session of this process, it is ended, with all its keys; otherwise the key is replaced in one
    /// atomic step. Data that is the same as last written is not written again.
    ///
    /// Tried once, for half of what is left of the round of the loop (1 s at least). **Better:** Patroni deletes and creates in two steps, between
    /// which the member is gone.
    ///
    /// # Errors
    ///
    /// `Unavailable` and `Refused`, on which Patroni logs and goes on; `Invalid` without a name.
    ///
    /// # Cancel safety
    ///
    /// Not safe: what was sent may be applied. The next call sees to it.
    pub async fn touch_member(&self, data: &MemberData) -> Result<Touched, DcsError> {
        let path = self.config.paths.member(self.name()?);
        let deadline = self.once_deadline();
        let Ok(_one_at_a_time) = timeout(deadline.since(now()), self.member_key.lock()).await else {
            let cause = "another operation is busy with the member key".to_owned();
            return Err(DcsError::Unavailable { operation: "touch_member", cause });
        };
        let client = until(&self.client(), deadline).with_when_disconnected(WhenDisconnected::Fail);
        let Some(session) = client.status().session.map(|session| session.session_id) else {
            let cause =
                client.status().cause.map_or_else(|| "no session yet".to_owned(), |cause| cause.to_string());
            return Err(DcsError::Unavailable { operation: "touch_member", cause });
        };
        let seen = self.seen_member();
        if seen.as_ref().is_some_and(|seen| {
            seen.owner == session && seen.data.as_ref().is_some_and(|seen| data.same_as(seen))
        }) {
            return Ok(Touched::Unchanged);
        }
        let value = data.to_json();
        let write = Write { client: &client, path: &path, value: &value, session, dcs: self };
        // From here until it is confirmed nobody knows what the key holds, also when the caller gives up in between.
        {
            let mut memory = self.memory();
            memory.last_member = None;
            memory.member_unknown = true;
        }
        let written = match seen {
            Some(seen) if seen.owner == session => write.set().await,
            // Half of what is left: if that session cannot be reached, there must be time for the other way.
            Some(seen) if self.end_earlier_session(seen.owner, deadline.since(now()) / 2).await => {
                write.create().await
            }
            Some(_) => write.replace().await,
            None => write.create().await,
        };
        match written {
            Ok(()) => {
                let mut memory = self.memory();
                memory.last_member = Some((data.clone(), session));
                memory.member_unknown = false;
                Ok(Touched::Written)
            }
            Err(error) => Err(DcsError::from_session("touch_member", error)),
        }
    }

    /// Our member key as it was last loaded or written.
    fn seen_member(&self) -> Option<SeenMember> {
        let cluster = self.cluster()?;
        let member = cluster.get_member(self.config.name.as_ref()?.as_str(), false)?;
        let memory = self.memory();
        let written = memory.last_member.as_ref().filter(|(_, session)| Some(*session) == member.session);
        let data = match (memory.member_unknown, written) {
            (true, _) => None,
            (false, Some((data, _))) => Some(data.as_object().clone()),
            (false, None) => Some(member.data.clone()),
        };
        Some(SeenMember { owner: member.session?, data })
    }
}

struct SeenMember {
    owner: i64,
    /// What it holds, if that is known.
    data: Option<dcs_model::json::Object>,
}

/// One write of the member key, in the ways that the state of the key asks for.
struct Write<'a> {
    client: &'a Client,
    path: &'a str,
    value: &'a str,
    session: i64,
    dcs: &'a DcsZk,
}

impl Write<'_> {
    async fn set(&self) -> Result<(), Error> {
        match self.client.set_data(self.path, self.value.to_owned(), None).await {
            Err(error) if error.code() == Some(ErrorCode::NO_NODE) => self.create().await,
            written => written.map(|_| ()),
        }
    }

    async fn create(&self) -> Result<(), Error> {
        let acl = &self.dcs.acl();
        let created = self
            .client
            .create_with_parents(self.path, self.value.to_owned(), CreateMode::EPHEMERAL, acl)
            .await;
        match created {
            // Ours (the answer to an earlier create was lost), or of an earlier life of this member.
            Err(error) if error.code() == Some(ErrorCode::NODE_EXISTS) => {
                match self.client.exists(self.path).await? {
                    Some(stat) if stat.ephemeral_owner == self.session => {
                        self.client.set_data(self.path, self.value.to_owned(), None).await.map(|_| ())
                    }
                    _ => self.replace().await,
                }
            }
            created => created.map(|_| ()),
        }
    }

    /// The key belongs to another session: this member's, by its name. Nobody sees it absent.
    async fn replace(&self) -> Result<(), Error> {
        tracing::warn!(path = self.path, "replacing the member key: another session owns it");
        let create =
            MultiOp::create(self.path, self.value.to_owned(), CreateMode::EPHEMERAL, &self.dcs.acl());
        let replaced = self.client.multi(vec![MultiOp::delete(self.path, None), create.clone()]).await;
        match replaced {
            // It ended meanwhile.
            Err(error) if error.code() == Some(ErrorCode::NO_NODE) => {
                self.client.multi(vec![create]).await.map(|_| ())
            }
            replaced => replaced.map(|_| ()),
        }
    }
}
