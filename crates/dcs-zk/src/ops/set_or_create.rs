//! Writing a persistent key; answers to `ZooKeeper._set_or_create`.

use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, MultiResult, Timestamp, WhenDisconnected};

use super::leader::Guarded;
use crate::{
    dcs::DcsZk,
    error::DcsError,
    lease::Lease,
    retry::{Pauses, until},
};

/// How often an operation is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tries {
    /// Once, for half of what is left of the round (see [`DcsZk::once_deadline`]).
    Once,
    /// Until `retry_timeout` has passed.
    Retry,
}

/// The write of one key.
#[derive(Debug)]
pub(crate) struct KeyWrite<'a> {
    pub(crate) operation: &'static str,
    pub(crate) path: String,
    pub(crate) value: String,
    /// Only if the key has this version; `Some(0)` is a condition like any other.
    pub(crate) version: Option<i32>,
    pub(crate) tries: Tries,
    /// Only while this lease holds.
    pub(crate) lease: Option<&'a Lease>,
}

/// The new version, or why nothing was written.
type Written = Result<i32, DcsError>;

impl DcsZk {
    /// Sets the key, or creates it if it is missing and no version was given. Returns its new version.
    ///
    /// **Better** than Patroni, where version 0 means "any", and where a conditional write whose answer was lost ends as a
    /// conflict with itself: here the key is read back.
    pub(crate) async fn set_or_create(&self, write: KeyWrite<'_>) -> Result<i32, DcsError> {
        let (deadline, when_disconnected) = match write.tries {
            Tries::Once => (self.once_deadline(), WhenDisconnected::Fail),
            Tries::Retry => (self.retry_deadline(), WhenDisconnected::Wait),
        };
        let mut pauses = Pauses::until(deadline);
        // Why the answer to a try was lost that may have been applied.
        let mut lost: Option<Error> = None;
        loop {
            // Each try asks the client that is in use then: another operation may have replaced the session.
            let client = self.client().with_when_disconnected(when_disconnected);
            let tried = match (write.lease, self.refuse_without(write.lease)) {
                (_, Err(ended)) => Ok(Err(ended)),
                (None, Ok(())) => self.try_write(&until(&client, deadline), &write).await.map(Ok),
                (Some(lease), Ok(())) => self.try_write_fenced(&client, deadline, &write, lease).await,
            };
            let error = match (tried, &lost) {
                // Once something may have been written, the end of the lease does not tell what became of it.
                (Ok(Err(DcsError::NotOwner { .. })), Some(lost)) => {
                    return Err(DcsError::from_session(write.operation, lost.clone()));
                }
                (Ok(written), _) => return written,
                (Err(error), Some(_)) if error.code() == Some(ErrorCode::BAD_VERSION) => {
                    match self.read_back(&until(&client, deadline), &write).await {
                        Ok(Some(version)) => return Ok(version),
                        Ok(None) => error,
                        Err(unread) => unread,
                    }
                }
                (Err(error), _) => error,
            };
            if error.is_ambiguous() {
                lost = Some(error.clone());
            }
            // Created by another between our set and our create: the next set finds it.
            let raced = error.code() == Some(ErrorCode::NODE_EXISTS);
            let again =
                raced || (write.tries == Tries::Retry && self.may_settle_in_a_session(&client, &error));
            if !again || !pauses.pause().await {
                return Err(DcsError::from_session(write.operation, error));
            }
        }
    }

    async fn try_write(&self, client: &Client, write: &KeyWrite<'_>) -> Result<i32, Error> {
        let KeyWrite { path, value, version, .. } = write;
        match client.set_data(path, value.clone(), *version).await {
            Ok(stat) => Ok(stat.version),
            Err(error) if error.code() == Some(ErrorCode::NO_NODE) && version.is_none() => {
                let acl = &self.acl();
                let created =
                    client.create_with_parents(path, value.clone(), CreateMode::PERSISTENT, acl).await;
                created.map(|(_, stat)| stat.version)
            }
            Err(error) => Err(error),
        }
    }

    async fn try_write_fenced(
        &self,
        client: &Client,
        deadline: Timestamp,
        write: &KeyWrite<'_>,
        lease: &Lease,
    ) -> Result<Written, Error> {
        let KeyWrite { path, value, version, .. } = write;
        let name = self.config.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let create = |path: &str, value: &str| {
            MultiOp::create(path, value.to_owned(), CreateMode::PERSISTENT, &self.acl())
        };
        // Set it; or create it; or create its directory, too (`optime` is not there before `optime/leader`).
        let mut shapes = vec![vec![MultiOp::set_data(path, value.clone(), *version)]];
        if version.is_none() {
            shapes.push(vec![create(path, value)]);
            let parent = path.rsplit_once('/').map(|(parent, _)| parent);
            shapes.extend(parent.map(|parent| vec![create(parent, ""), create(path, value)]));
        }
        let mut missing = Error::Closed;
        for ops in shapes {
            match self.write_guarded(client, deadline, &name, Some(lease.fencing_token), &ops).await {
                Ok(Guarded::Done(done)) => {
                    return Ok(Ok(match done.results.last() {
                        Some(MultiResult::SetData { stat }) => stat.version,
                        _ => 0,
                    }));
                }
                Ok(Guarded::NotOurs(held)) => {
                    self.end_reign(&lease.leadership);
                    return Ok(Err(self.held_by(held.as_ref())));
                }
                Err(error) if error.code() == Some(ErrorCode::NO_NODE) => missing = error,
                Err(error) => return Err(error),
            }
        }
        Err(missing)
    }

    /// The version, if the key holds what was written on the condition that was given.
    async fn read_back(&self, client: &Client, write: &KeyWrite<'_>) -> Result<Option<i32>, Error> {
        let (data, stat) = client.get_data(&write.path).await?;
        let ours = write.version.and_then(|version| version.checked_add(1)) == Some(stat.version)
            && data == write.value.as_bytes();
        Ok(ours.then_some(stat.version))
    }

    /// Refuses what was to be written under a lease that has ended. Nothing is sent.
    pub(super) fn refuse_without(&self, lease: Option<&Lease>) -> Result<(), DcsError> {
        match lease {
            Some(lease) if !lease.is_valid() => Err(self.not_owner("the lease has ended")),
            _ => Ok(()),
        }
    }
}
