//! Writing as the holder of the leader key, and only as that.

use futures_util::future::join;
use zk_session::{Client, Error, MultiOp, MultiResult, Timestamp};

use super::{Fence, Held};
use crate::{dcs::DcsZk, retry::until};

/// How a guarded write ended.
pub(crate) enum Guarded {
    /// Everything is written, and the key was ours when it was.
    Done(Done),
    /// A server says that the key is not ours, or not the one that is asked for; nothing was written.
    NotOurs(Option<Held>),
}

/// A guarded write that was made.
pub(crate) struct Done {
    /// What was written with: the key that was ours.
    with: Fence,
    /// The key as it was right behind the write.
    after: Result<Option<Held>, Error>,
    /// What each of the writes gave.
    pub(crate) results: Vec<MultiResult>,
}

impl Done {
    /// The key that is still ours behind the write; otherwise as it is then.
    pub(super) fn still(self) -> Result<Result<Fence, Option<Held>>, Error> {
        let with = self.with.leader.czxid;
        Ok(match self.after? {
            Some(held) if held.fence.leader.czxid == with => Ok(held.fence),
            held => Err(held),
        })
    }
}

impl DcsZk {
    /// Makes the writes in one step with the proof that the leader key is ours: of our session, with our name, and (if a
    /// fencing token is given) the very znode of that token.
    ///
    /// One round trip as a rule: the last load or write has left what the guard needs, and in the same flight the key is read
    /// again for the next one. Where the guard refuses, that read tells whose the key is, and the write is made again if it is
    /// ours. Each turn is one that somebody who creates a key has won.
    ///
    /// # Errors
    ///
    /// A rejection is about one of the writes. Rejections count operations from the guard on.
    pub(crate) async fn write_guarded(
        &self,
        client: &Client,
        deadline: Timestamp,
        name: &str,
        token: Option<i64>,
        writes: &[MultiOp],
    ) -> Result<Guarded, Error> {
        let session = client.status().session.map(|session| session.session_id);
        let asked_for = |fence: &Fence| {
            Some(fence.leader.ephemeral_owner) == session
                && token.is_none_or(|token| token == fence.leader.czxid)
        };
        let ours = |held: &Held| held.name == name.as_bytes() && asked_for(&held.fence);
        let known = self.memory().fence.filter(asked_for);
        let mut fence = match known {
            Some(fence) => fence,
            None => match self.read_leader(&until(client, deadline)).await? {
                Some(held) if ours(&held) => held.fence,
                held => return Ok(Guarded::NotOurs(held)),
            },
        };
        loop {
            let client = until(client, deadline);
            let ops = fence.guard(self, writes.to_vec());
            // Until it is answered, nobody knows how many creates there are.
            self.memory().fence = None;
            let (written, after) = join(client.multi(ops), self.read_leader(&client)).await;
            if let Ok(Some(held)) = &after
                && held.is_of(session, name)
            {
                self.memory().fence = Some(held.fence);
            }
            match written {
                Ok(mut results) => {
                    let results = results.split_off(results.len().saturating_sub(writes.len()));
                    return Ok(Guarded::Done(Done { with: fence, after, results }));
                }
                Err(error) if Fence::refused(&error) => match after? {
                    Some(held) if ours(&held) => {
                        tracing::debug!(%error, "keys were created beside the leader key: writing again");
                        fence = held.fence;
                    }
                    held => return Ok(Guarded::NotOurs(held)),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// The leader key as it is, and what the guard needs to know of it. One round trip.
    pub(crate) async fn read_leader(&self, client: &Client) -> Result<Option<Held>, Error> {
        let paths = &self.config.paths;
        // In this order: a key that is made anew between the two shows as a create too many.
        let (directory, leader) =
            join(client.exists(&paths.directory()), client.get_data(&paths.leader())).await;
        match leader {
            Ok((name, stat)) => {
                Ok(Some(Held { name: name.to_vec(), fence: Fence::new(directory?.as_ref(), stat) }))
            }
            Err(error) if error.code() == Some(zk_session::ErrorCode::NO_NODE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
