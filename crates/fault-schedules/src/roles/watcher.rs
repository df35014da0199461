//! Watches everything below the run's directory, and keeps a view of it.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use futures_util::FutureExt;
use zk_session::{AddWatchMode, Client, EventType, PersistentWatcher, WatchEvent};

use super::{
    DIRECTORY, Order, Orders, RoleOptions,
    sessions::{self, close},
};
use crate::{
    history::{Change, Event},
    record::Recorder,
    tree,
};

/// Between two tries of what failed.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn run(
    options: &RoleOptions,
    recorder: &Arc<Recorder>,
    orders: &Orders,
) -> Result<(), Box<dyn Error>> {
    let client = sessions::client(options, recorder)?;
    let mut watcher = Watcher { client, recorder, view: BTreeMap::new() };
    loop {
        let mut events = watcher.begin().await;
        if watcher.watch(&mut events, orders).await {
            break;
        }
    }
    let nodes = watcher.view.into_iter().collect();
    recorder.record(Event::FinalView { directory: DIRECTORY.to_owned(), nodes });
    close(&watcher.client, recorder).await;
    Ok(())
}

struct Watcher<'a> {
    client: Client,
    recorder: &'a Recorder,
    /// The nodes that there are, with the zxid of the last write.
    view: BTreeMap<String, i64>,
}

impl Watcher<'_> {
    /// A watch, and what there is when it begins.
    async fn begin(&mut self) -> PersistentWatcher {
        loop {
            if let Ok(events) = self.client.add_watch(DIRECTORY, AddWatchMode::PERSISTENT_RECURSIVE).await {
                self.read_all().await;
                return events;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read_all(&mut self) {
        loop {
            match tree::stats(&self.client, DIRECTORY).await {
                Ok(found) => {
                    self.view = found.into_iter().map(|(path, stat)| (path, stat.mzxid)).collect();
                    let nodes = self.view.clone().into_iter().collect();
                    return self.recorder.record(Event::Resynced { nodes });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Follows the events until the end of the run, or of the watch. Tells which.
    async fn watch(&mut self, events: &mut PersistentWatcher, orders: &Orders) -> bool {
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = orders.wait_for(Order::Finish) => break,
            };
            if !self.learn(event).await {
                return false;
            }
        }
        // The answer to a `sync` comes behind the events of all that was committed before it.
        loop {
            let synced = self.client.sync(DIRECTORY).await.is_ok();
            let mut was_quiet = true;
            while let Some(event) = events.next().now_or_never() {
                was_quiet = false;
                if !self.learn(event).await {
                    return false;
                }
            }
            if synced && was_quiet {
                return true;
            }
        }
    }

    /// Takes an event in. `false` when no other follows.
    async fn learn(&mut self, event: Option<WatchEvent>) -> bool {
        match event {
            Some(WatchEvent::Changed { kind, path, .. }) => {
                let change = match kind {
                    EventType::NODE_CREATED => Change::Created,
                    EventType::NODE_DELETED => Change::Deleted,
                    _ => Change::Changed,
                };
                self.recorder.record(Event::Seen { path: path.clone(), change });
                if change == Change::Deleted {
                    self.view.remove(&path);
                } else {
                    self.read(path).await;
                }
                true
            }
            Some(WatchEvent::Resync) => {
                self.read_all().await;
                true
            }
            _ => false,
        }
    }

    async fn read(&mut self, path: String) {
        match self.client.exists(&path).await {
            Ok(Some(stat)) => drop(self.view.insert(path, stat.mzxid)),
            Ok(None) => drop(self.view.remove(&path)),
            Err(_) => self.read_all().await,
        }
    }
}
