//! The task behind a stream of changes.
//!
//! ```text
//!   disconnected ──connected──▶ arm the watch ──▶ load and tell ──▶ wait for an event or loop_wait ──┐
//!        ▲                          ▲                  ▲──────────────────a tenth of a second────────┘
//!        └──── connection lost ─────┴── session lost ──┘
//! ```
//!
//! The watch is armed before the load, so that what changes in between is an event, and events are dropped before a load, never
//! after it: the load that follows the last change sees it.

use std::{pin::pin, sync::atomic::AtomicBool, time::Duration};

use futures_util::FutureExt;
use tokio::{sync::watch, time::sleep};
use zk_session::{
    AddWatchMode, Client, Error, PersistentWatcher, State, Status, Timestamp, WatchEvent, WhenDisconnected,
    now,
};

use crate::{
    dcs::Current,
    loader::{Fetched, Groups, Layout, Load, fetch},
    paths::Paths,
    retry::{may_settle, until},
};

/// The least time between two loads, however much changes.
const COALESCE: Duration = Duration::from_millis(100);

/// How long a connection may be missing before that is told: moving to another server takes less.
const GRACE: Duration = Duration::from_secs(1);

/// The pause after a request that failed.
const PAUSE: Duration = Duration::from_millis(200);

/// What a follower sees.
pub(super) enum Sight {
    Cluster(Box<Fetched>),
    /// Nothing, and what was seen before is as old as this.
    Unknown(Timestamp),
}

pub(super) struct Follower<T> {
    paths: Paths,
    groups: Groups,
    tell: T,
    /// When the last load that succeeded began, or else the follower.
    confirmed: Timestamp,
    /// Since when loads have failed.
    failing: Option<Timestamp>,
    /// The groups and members of the last load.
    layout: Layout,
    /// A server was met that does not know `multiRead`.
    no_multi_read: AtomicBool,
}

/// The client was closed.
struct Closed;

impl<T: Fn(Sight)> Follower<T> {
    pub(super) fn new(paths: Paths, groups: Groups, tell: T) -> Self {
        Self {
            paths,
            groups,
            tell,
            confirmed: now(),
            failing: None,
            layout: Layout::new(),
            no_multi_read: AtomicBool::new(false),
        }
    }

    /// Follows one client after the other, until the DCS is closed or dropped.
    pub(super) async fn run(mut self, mut clients: watch::Receiver<Current>) {
        loop {
            let current = clients.borrow_and_update().clone();
            tokio::select! {
                // The client of a session that was replaced is closed after the other has taken its place.
                Closed = self.follow(&current) => if !clients.has_changed().unwrap_or(false) { return },
                changed = clients.changed() => if changed.is_err() { return },
            }
        }
    }

    async fn follow(&mut self, Current { client, config }: &Current) -> Closed {
        let mut status = client.watch_status();
        let deadline = || now().after(config.timings().retry_timeout());
        let within = || until(client, deadline()).with_when_disconnected(WhenDisconnected::Fail);
        loop {
            if let Err(closed) = self.connected(&mut status).await {
                return closed;
            }
            let mut watcher = match self.arm(&within()).await {
                Ok(watcher) => watcher,
                Err(error) => {
                    self.failed(&error).await;
                    continue;
                }
            };
            loop {
                drain(watcher.as_mut());
                let began = now();
                let (paths, groups) = (&self.paths, self.groups);
                let load = Load { paths, groups, synced: false, watched: false, deadline: deadline() };
                match fetch(within(), load, self.layout.clone(), &self.no_multi_read).await {
                    Ok(fetched) => {
                        self.layout.clone_from(&fetched.layout);
                        (self.confirmed, self.failing) = (began, None);
                        (self.tell)(Sight::Cluster(Box::new(fetched)));
                    }
                    Err(error) => {
                        self.failed(&error).await;
                        break;
                    }
                }
                let disconnected = async {
                    let _ = status.wait_for(|status| status.state != State::Connected).await;
                };
                tokio::select! {
                    lost = event(watcher.as_mut()) => if lost { break },
                    () = sleep(config.timings().loop_wait()) => {}
                    () = disconnected => break,
                }
                sleep(COALESCE.saturating_sub(now().since(began))).await;
            }
        }
    }

    /// Waits for a connection, and tells when there has been none for a while.
    async fn connected(&self, status: &mut watch::Receiver<Status>) -> Result<(), Closed> {
        let mut connected = pin!(async {
            let settled =
                status.wait_for(|status| matches!(status.state, State::Connected | State::Closed)).await;
            settled.is_ok_and(|status| status.state == State::Connected)
        });
        let connected = tokio::select! {
            connected = &mut connected => connected,
            () = sleep(GRACE) => {
                (self.tell)(Sight::Unknown(self.confirmed));
                connected.await
            }
        };
        if connected { Ok(()) } else { Err(Closed) }
    }

    /// A request failed. When a connection was lost, the next one may come at once; what goes on failing is told.
    async fn failed(&mut self, error: &Error) {
        let since = *self.failing.get_or_insert_with(now);
        if !may_settle(error) || now() >= since.after(GRACE) {
            tracing::warn!(%error, "cannot load the cluster");
            (self.tell)(Sight::Unknown(self.confirmed));
        }
        sleep(PAUSE).await;
    }

    /// One watch on everything below the scope, or our group of it; `None` where the server has no such watches.
    async fn arm(&self, client: &Client) -> Result<Option<PersistentWatcher>, Error> {
        let path = match self.groups {
            Groups::All => self.paths.base().to_owned(),
            Groups::Plain => self.paths.with_group(None).directory(),
            Groups::One(group) => self.paths.with_group(Some(group)).directory(),
        };
        match client.add_watch(&path, AddWatchMode::PERSISTENT_RECURSIVE).await {
            Ok(watcher) => Ok(Some(watcher)),
            Err(Error::Rejected(rejected)) => {
                tracing::info!(%rejected, "the server leaves no persistent watch: reading at intervals");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Drops the events that a load is going to see.
fn drain(watcher: Option<&mut PersistentWatcher>) {
    let Some(watcher) = watcher else { return };
    while watcher.next().now_or_never().is_some_and(|event| event.is_some()) {}
}

/// Waits for an event; tells whether the watch is over.
async fn event(watcher: Option<&mut PersistentWatcher>) -> bool {
    match watcher {
        Some(watcher) => {
            matches!(watcher.next().await, None | Some(WatchEvent::SessionLost | WatchEvent::Closed))
        }
        None => std::future::pending().await,
    }
}
