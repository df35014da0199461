//! `addWatch`.

use std::future::Future;

use zk_jute::{AddWatchMode, ErrorCode, OpCode, records::AddWatchRequest};
use zk_proto::WatchOn;

use crate::{
    client::Client,
    error::{Error, Rejected},
    persistent_watcher::PersistentWatcher,
};

impl Client {
    /// Watches a node until the watcher is dropped, whether or not the node exists: its data, its creation and deletion, and
    /// its list of children; with [`AddWatchMode::PERSISTENT_RECURSIVE`] also everything below it (children's creation and
    /// deletion then stand for changes of the list).
    ///
    /// ZooKeeper before 3.9 keeps one kind of watch for a path and connection (ZOOKEEPER-4466): a one-shot watch left on the same
    /// path takes the place of the persistent one there. Use one kind for a path.
    ///
    /// Protocol: `addWatch`, `AddWatchRequest` → `ErrorResponse`. Servers before 3.6 do not know it.
    ///
    /// # Errors
    ///
    /// Those of [`enum@Error`]; no watch is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watch up.
    pub fn add_watch(
        &self,
        path: &str,
        mode: AddWatchMode,
    ) -> impl Future<Output = Result<PersistentWatcher, Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let on = match mode {
                AddWatchMode::PERSISTENT_RECURSIVE => WatchOn::Recursive(on_server.to_string()),
                _ => WatchOn::Persistent(on_server.to_string()),
            };
            let (watch, watcher) = self.new_persistent_watch(on);
            let request = AddWatchRequest { path: &on_server, mode };
            (self.submit(OpCode::ADD_WATCH, &request, Some(watch)), watcher)
        });
        let path = path.to_owned();
        async move {
            let (outcome, watcher) = call?;
            match outcome.await?.err {
                ErrorCode::OK => Ok(watcher),
                code => Err(Error::Rejected(Rejected { code, path, op_index: None, guard: false })),
            }
        }
    }
}
