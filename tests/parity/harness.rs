//! What these tests share.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;
use zk_session::{Acl, Client, CreateMode, EventType, OneshotWatcher, WatchEvent};
use zk_testkit::Ensemble;

use crate::session_common::connected;

pub(crate) const PERSISTENT: CreateMode = CreateMode::PERSISTENT;

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) async fn create(client: &Client, path: &str) {
    client.create(path, "", PERSISTENT, &Acl::open()).await.unwrap();
}

/// A client below this path.
pub(crate) async fn below(ensemble: &Ensemble, chroot: &str) -> Client {
    connected(Client::builder(&format!("{}{chroot}", ensemble.connect_string())).unwrap()).await
}

pub(crate) async fn fired(watcher: OneshotWatcher) -> (EventType, String) {
    match timeout(SOON, watcher).await.expect("the watch fires") {
        WatchEvent::Changed { kind, path, .. } => (kind, path),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn event(kind: EventType, path: &str) -> (EventType, String) {
    (kind, path.to_owned())
}

/// Whether the watcher has not fired although everything that the server sent before this was seen.
pub(crate) async fn is_quiet(client: &Client, watcher: &mut OneshotWatcher) -> bool {
    client.sync("/").await.unwrap();
    watcher.now_or_never().is_none()
}
