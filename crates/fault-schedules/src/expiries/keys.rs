//! The witness: when leader keys appear and vanish.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use zk_session::{Acl, AddWatchMode, Client, CreateMode, EventType, WatchEvent};
use zk_testkit::Ensemble;

use crate::{history::Nanos, record, run::RunError};

/// Where the scopes are.
const SCOPES: &str = "/service";

/// A leader key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) scope: String,
    pub(super) token: i64,
}

#[derive(Debug, Default)]
struct Seen {
    /// The tokens of the keys that are there, by scope.
    held: BTreeMap<String, i64>,
    /// Those that are gone, and when that was told.
    vanished: Vec<(Key, Nanos)>,
}

/// What the witness has seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys(Arc<Mutex<Seen>>);

impl Keys {
    /// Begins to watch; nobody has a key yet.
    pub(super) async fn watch(ensemble: &Ensemble) -> Result<Self, RunError> {
        let failed = |error| RunError::Client("the witness", error);
        // Addresses that the kit itself has written.
        let client = Client::builder(&ensemble.connect_string())
            .unwrap_or_else(|error| unreachable!("{error}"))
            .build();
        client.create(SCOPES, "", CreateMode::PERSISTENT, &Acl::open()).await.map_err(failed)?;
        let mut events =
            client.add_watch(SCOPES, AddWatchMode::PERSISTENT_RECURSIVE).await.map_err(failed)?;
        let keys = Self::default();
        let seen = keys.clone();
        tokio::spawn(async move {
            while let Some(WatchEvent::Changed { kind, path, .. }) = events.next().await {
                let at = record::now();
                let within = path.strip_prefix(SCOPES).and_then(|rest| rest.strip_suffix("/leader"));
                let Some(scope) = within.and_then(|scope| scope.strip_prefix('/')) else { continue };
                if kind == EventType::NODE_CREATED
                    && let Ok(Some(stat)) = client.exists(&path).await
                {
                    seen.seen().held.insert(scope.to_owned(), stat.czxid);
                }
                if kind == EventType::NODE_DELETED {
                    let mut seen = seen.seen();
                    if let Some(token) = seen.held.remove(scope) {
                        seen.vanished.push((Key { scope: scope.to_owned(), token }, at));
                    }
                }
            }
        });
        Ok(keys)
    }

    /// The scopes whose keys are there.
    pub(super) fn held(&self) -> Vec<String> {
        self.seen().held.keys().cloned().collect()
    }

    /// The keys that are gone.
    pub(super) fn vanished(&self) -> Vec<(Key, Nanos)> {
        self.seen().vanished.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
