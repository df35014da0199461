//! A leader key that carries our name, and belongs to another session.

use futures_util::future::join;
use zk_session::{Client, CreateMode, Error, ErrorCode, MultiOp, Timestamp, now};

use super::{
    Held,
    renew::{Renewed, Written},
};
use crate::dcs::DcsZk;

impl DcsZk {
    /// An earlier life of this member holds the key, in a session that has not ended yet.
    ///
    /// If it was a session of this very process, it is taken up once more and closed: its keys go all together, and nobody
    /// else's can. Otherwise, or if that is not done in time, one multi deletes the key and creates ours, guarded as every
    /// write of a leader: it cannot hit a key that another member has taken since we looked.
    pub(super) async fn replace(
        &self,
        client: &Client,
        deadline: Timestamp,
        name: &str,
        held: &Held,
    ) -> Result<Renewed, Error> {
        // Half of what is left: if that session cannot be reached, there must be time for the other way.
        let limit = deadline.min(self.once_deadline()).since(now()) / 2;
        let session = client.status().session.map(|session| session.session_id);
        if session == Some(held.owner()) {
            // Our session is another one since the key was read.
            return Err(Error::SessionExpired);
        }
        let path = self.config.paths.leader();
        let create = MultiOp::create(&path, name.to_owned(), CreateMode::EPHEMERAL, &self.acl());
        let ops = if self.end_earlier_session(held.owner(), limit).await {
            vec![create]
        } else if self.memory().held_in_session == session {
            // We held the key in this very session: whoever has it now, under our name, is a later life of this member.
            return Ok(Err(self.held_by(Some(held))));
        } else {
            tracing::warn!(
                session = format_args!("{:#x}", held.owner()),
                "replacing the leader key: an earlier session of this member owns it"
            );
            held.fence.guard(self, vec![MultiOp::delete(&path, None), create])
        };
        let (replaced, after) = join(client.multi(ops), self.read_leader(client)).await;
        match replaced {
            Ok(_) => Ok(match after? {
                Some(held) => match self.lease(client, &held.fence) {
                    Some(lease) => Ok((lease, Written::Nothing)),
                    None => Err(self.held_by(Some(&held))),
                },
                None => Err(self.held_by(None)),
            }),
            Err(Error::Rejected(rejected))
                if matches!(
                    rejected.code,
                    ErrorCode::NO_NODE | ErrorCode::BAD_VERSION | ErrorCode::NODE_EXISTS
                ) =>
            {
                Ok(Err(self.held_by(after?.as_ref())))
            }
            Err(error) => Err(error),
        }
    }
}
