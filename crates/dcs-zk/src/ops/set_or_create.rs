//! Writing a persistent key; answers to `ZooKeeper._set_or_create`.

use zk_session::{Client, CreateMode, Error, ErrorCode, WhenDisconnected};

use crate::{
    dcs::DcsZk,
    error::DcsError,
    retry::{Pauses, may_settle, until},
};

/// How often an operation is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tries {
    /// Once, for a fifth of the loop.
    Once,
    /// Until `retry_timeout` has passed.
    Retry,
}

/// The write of one key.
#[derive(Debug)]
pub(crate) struct KeyWrite {
    pub(crate) operation: &'static str,
    pub(crate) path: String,
    pub(crate) value: String,
    /// Only if the key has this version; `Some(0)` is a condition like any other.
    pub(crate) version: Option<i32>,
    pub(crate) tries: Tries,
}

impl DcsZk {
    /// Sets the key, or creates it if it is missing and no version was given. Returns its new version.
    ///
    /// **Better** than Patroni, where version 0 means "any", and where a conditional write whose answer was lost ends as a
    /// conflict with itself: here the key is read back.
    pub(crate) async fn set_or_create(&self, write: KeyWrite) -> Result<i32, DcsError> {
        let (deadline, when_disconnected) = match write.tries {
            Tries::Once => (self.once_deadline(), WhenDisconnected::Fail),
            Tries::Retry => (self.retry_deadline(), WhenDisconnected::Wait),
        };
        let client = self.client().with_when_disconnected(when_disconnected);
        let mut pauses = Pauses::until(deadline);
        let mut answer_was_lost = false;
        loop {
            let error = match self.try_write(&until(&client, deadline), &write, answer_was_lost).await {
                Ok(version) => return Ok(version),
                Err(error) => error,
            };
            answer_was_lost |= error.is_ambiguous();
            // Created by another between our set and our create: the next set finds it.
            let raced = error.code() == Some(ErrorCode::NODE_EXISTS);
            let again = raced || (write.tries == Tries::Retry && may_settle(&error));
            if !again || !pauses.pause().await {
                return Err(DcsError::from_session(write.operation, error));
            }
        }
    }

    async fn try_write(
        &self,
        client: &Client,
        write: &KeyWrite,
        answer_was_lost: bool,
    ) -> Result<i32, Error> {
        let KeyWrite { path, value, version, .. } = write;
        match client.set_data(path, value.clone(), *version).await {
            Ok(stat) => Ok(stat.version),
            Err(error) if error.code() == Some(ErrorCode::NO_NODE) && version.is_none() => {
                let acl = self.acl();
                let created =
                    client.create_with_parents(path, value.clone(), CreateMode::PERSISTENT, acl).await;
                created.map(|(_, stat)| stat.version)
            }
            Err(error) if error.code() == Some(ErrorCode::BAD_VERSION) && answer_was_lost => {
                let (data, stat) = client.get_data(path).await?;
                let ours = version.and_then(|version| version.checked_add(1)) == Some(stat.version)
                    && data == value.as_bytes();
                if ours { Ok(stat.version) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}
