//! The witness: when leader keys appear and vanish.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use zk_session::{Client, EventType, WatchEvent};
use zk_testkit::Ensemble;

use crate::{history::Nanos, record};

/// Between two tries of a read that failed.
const PAUSE: Duration = Duration::from_millis(50);

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
    /// Begins to watch the leader keys of these scopes.
    pub(super) fn watch(ensemble: &Ensemble, scopes: impl Iterator<Item = String>) -> Self {
        // Addresses that the kit itself has written.
        let client = Client::builder(&ensemble.connect_string())
            .unwrap_or_else(|error| unreachable!("{error}"))
            .build();
        let keys = Self::default();
        for scope in scopes {
            tokio::spawn(keys.clone().follow(client.clone(), scope));
        }
        keys
    }

    /// Each watch is set by the read that says what there is: no end is missed. A key that went while nothing could be read is not
    /// counted, because nobody saw when.
    async fn follow(self, client: Client, scope: String) {
        let path = format!("/service/{scope}/leader");
        loop {
            let Ok((stat, change)) = client.exists_and_watch(&path).await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            match stat {
                Some(stat) => drop(self.seen().held.insert(scope.clone(), stat.czxid)),
                None => drop(self.seen().held.remove(&scope)),
            }
            let changed = change.await;
            let at = record::now();
            match changed {
                WatchEvent::Changed { kind: EventType::NODE_DELETED, .. } => {
                    let mut seen = self.seen();
                    if let Some(token) = seen.held.remove(&scope) {
                        seen.vanished.push((Key { scope: scope.clone(), token }, at));
                    }
                }
                WatchEvent::Closed => return,
                _ => {}
            }
        }
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
