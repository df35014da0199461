//! Sleeping until something changes.

use std::time::Duration;

use futures_util::{
    FutureExt,
    future::{pending, select_all},
};
use zk_session::{OneshotWatcher, State};

use crate::dcs::DcsZk;

/// How much longer a follower waits, so that the leader has written its status by then; Patroni's own number.
const FOLLOWER_PATIENCE: Duration = Duration::from_millis(500);

impl DcsZk {
    /// Sleeps until the leader or config key changes, the session is lost or found again, [`wakeup`](Self::wakeup) is
    /// called, or `timeout` is over; tells whether it was woken. A follower (one that has seen a leader key with a version
    /// other than 0) waits half a second longer. Answers to `ZooKeeper.watch`.
    ///
    /// What changed since the last [`get_cluster`](Self::get_cluster) counts: nothing is missed between the two.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watches up: load again before the next call.
    pub async fn watch(&self, leader_version: Option<i32>, timeout: Duration) -> bool {
        let timeout = match leader_version {
            None | Some(0) => timeout,
            Some(_) => timeout.saturating_add(FOLLOWER_PATIENCE),
        };
        let mut watchers = std::mem::take(&mut self.memory().watchers);
        let mut status = self.client().watch_status();
        let connected = status.borrow().state == State::Connected;
        let session_changes = status.wait_for(|status| (status.state == State::Connected) != connected);
        let woken = tokio::select! {
            () = fired(&mut watchers) => true,
            Ok(_) = session_changes => true,
            () = self.wakeup.notified() => true,
            () = tokio::time::sleep(timeout) => false,
        };
        self.round_begins();
        // One call answers all wake-ups before it, as Patroni clears its event.
        let _ = self.wakeup.notified().now_or_never();
        // Watches that have not fired go on waiting for the next call, unless a load has left newer ones meanwhile.
        let mut memory = self.memory();
        if memory.watchers.is_empty() && !woken {
            memory.watchers = watchers;
        }
        woken
    }

    /// Ends the sleep of [`watch`](Self::watch): the one that goes on now, or else the next. Answers to setting
    /// `AbstractDCS.event`.
    pub fn wakeup(&self) {
        self.wakeup.notify_one();
    }
}

async fn fired(watchers: &mut [OneshotWatcher]) {
    if watchers.is_empty() {
        return pending().await;
    }
    let _ = select_all(watchers.iter_mut()).await;
}
