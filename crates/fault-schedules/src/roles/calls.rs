//! Calls of a client, recorded.

use std::future::Future;

use zk_session::{Acl, Client, CreateMode, Error};

use super::sessions::session_of;
use crate::{
    history::{Call, Outcome, ReadNode},
    record::Recorder,
    tree::present,
};

/// Makes a call, now, and gives a future of its outcome, which is recorded when it is there.
pub(super) fn make(
    client: &Client,
    recorder: &Recorder,
    op: u64,
    call: Call,
) -> impl Future<Output = Result<Outcome, Error>> {
    recorder.invoke(op, call.clone());
    let before = session_of(client);
    // A request belongs to the session that there is when it is made, or else to the first one.
    let session = move |client: &Client| before.or_else(|| session_of(client)).unwrap_or_default();
    let client = client.clone();
    let made = submit(&client, call);
    async move {
        let outcome = made.await.map(|outcome| outcome.of(session(&client)));
        recorder.ended(op, outcome.clone());
        outcome
    }
}

type Made = futures_util::future::BoxFuture<'static, Result<Outcome, Error>>;

fn submit(client: &Client, call: Call) -> Made {
    let written = |path: String, zxid: Option<i64>, version: Option<i32>| Outcome::Written {
        path,
        zxid,
        version,
        session: 0,
    };
    match call {
        Call::Create { path, value, sequential, ephemeral } => {
            let mode = match (sequential, ephemeral) {
                (false, false) => CreateMode::PERSISTENT,
                (true, false) => CreateMode::PERSISTENT_SEQUENTIAL,
                (false, true) => CreateMode::EPHEMERAL,
                (true, true) => CreateMode::EPHEMERAL_SEQUENTIAL,
            };
            let made = client.create(&path, value, mode, &Acl::open());
            Box::pin(async move {
                let (path, stat) = made.await?;
                Ok(written(path, Some(stat.czxid), Some(stat.version)))
            })
        }
        Call::Set { path, value, version, .. } => {
            let made = client.set_data(&path, value, version);
            Box::pin(async move {
                let stat = made.await?;
                Ok(written(path, Some(stat.mzxid), Some(stat.version)))
            })
        }
        Call::Delete { path, version } => {
            let made = client.delete(&path, version);
            Box::pin(async move {
                made.await?;
                Ok(written(path, None, None))
            })
        }
        Call::Read { path, synced } => {
            // In one flight: both go over the same connection.
            let sync = synced.then(|| client.sync(&path));
            let made = client.get_data(&path);
            Box::pin(async move {
                if let Some(sync) = sync {
                    sync.await?;
                }
                let node = present(made.await)?.map(|(data, stat)| ReadNode {
                    value: String::from_utf8_lossy(&data).into_owned(),
                    mzxid: stat.mzxid,
                    version: stat.version,
                });
                Ok(Outcome::Value { node, session: 0 })
            })
        }
    }
}

impl Call {
    /// The path that is asked for.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Create { path, .. }
            | Self::Set { path, .. }
            | Self::Delete { path, .. }
            | Self::Read { path, .. } => path,
        }
    }
}

impl Outcome {
    /// The same, asked by this session.
    fn of(self, session: i64) -> Self {
        match self {
            Self::Written { path, zxid, version, .. } => Self::Written { path, zxid, version, session },
            Self::Value { node, .. } => Self::Value { node, session },
        }
    }
}
