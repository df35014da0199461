//! What an agent that only follows sees: changes of the cluster, and of who leads.
//!
//! For proxies and DNS updaters. Each stream has a task, watch and reads of its own, so that it takes nothing from an HA loop on
//! the same [`DcsZk`].

mod follower;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use dcs_model::Cluster;
use futures_util::{Stream, StreamExt, stream::unfold};
use tokio::sync::watch;
use zk_session::Timestamp;

use self::follower::{Follower, Sight};
use crate::{dcs::DcsZk, loader::Groups};

/// What is known of the cluster; from [`DcsZk::cluster_changes`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ClusterChange {
    /// The cluster as it is now.
    Known(Arc<Cluster>),
    /// ZooKeeper cannot be reached, or refuses to tell. Whatever was told before was so at this time (on the clock of
    /// [`zk_session::now`]), and may be otherwise now. Before the first answer: the time when the stream began.
    Unknown {
        /// When it was last confirmed.
        since: Timestamp,
    },
}

/// What is known of who leads; from [`DcsZk::leader_changes`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaderChange {
    /// This member holds the leader key.
    Leader(CurrentLeader),
    /// Nobody holds it.
    Nobody,
    /// ZooKeeper cannot be reached, or refuses to tell; see [`ClusterChange::Unknown`]. Another may lead by now: not before the
    /// session of the one last told has ended, which takes its ttl at least unless it gives up by itself.
    Unknown {
        /// When it was last confirmed.
        since: Timestamp,
    },
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentLeader {
    /// The member's name: the value of the leader key.
    pub name: String,
    /// Where its PostgreSQL listens, if it is registered as a member and says so.
    pub conn_url: Option<String>,
    /// Where its REST API listens, if it is registered as a member and says so.
    pub api_url: Option<String>,
    /// The session that owns the leader key.
    pub session_id: i64,
    /// Greater for each new leader: see [`Lease::fencing_token`](crate::Lease::fencing_token).
    pub fencing_token: i64,
}

impl DcsZk {
    /// Follows the cluster, with the groups that [`get_cluster`](Self::get_cluster) loads: tells it as it is now, then after
    /// each change of any key.
    ///
    /// What follows within a tenth of a second is one change, and only the newest state waits for a reader, so that neither a
    /// busy cluster nor a slow reader costs more than that: states in between may be skipped, the last one never is. The same
    /// state is not told twice. Connections, servers and sessions come and go underneath; while none is there for more than a
    /// second, that is told. It ends when the DCS is closed or dropped.
    ///
    /// One persistent watch on the scope tells of changes (ZooKeeper 3.6 and later). Besides, it is read again every `loop_wait`,
    /// for servers without such watches.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn cluster_changes(&self) -> ClusterChanges {
        let groups = match self.config.paths.group() {
            None => Groups::Plain,
            Some(0) => Groups::All,
            Some(group) => Groups::One(group),
        };
        ClusterChanges(self.changes(groups, |sight| match sight {
            Sight::Cluster(fetched) => ClusterChange::Known(Arc::new(fetched.cluster)),
            Sight::Unknown(since) => ClusterChange::Unknown { since },
        }))
    }

    /// Follows who leads this scope, or our group of it; otherwise as [`cluster_changes`](Self::cluster_changes). What the
    /// leader says about where it listens counts, the rest of its data does not.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn leader_changes(&self) -> LeaderChanges {
        let groups = self.config.paths.group().map_or(Groups::Plain, Groups::One);
        LeaderChanges(self.changes(groups, |sight| match sight {
            Sight::Cluster(fetched) => match (&fetched.cluster.leader, fetched.leader) {
                (Some(leader), Some((_, fence))) => LeaderChange::Leader(CurrentLeader {
                    name: leader.name().to_owned(),
                    conn_url: leader.conn_url().map(std::borrow::Cow::into_owned),
                    api_url: leader.member.api_url().map(str::to_owned),
                    session_id: leader.session,
                    fencing_token: fence.leader.czxid,
                }),
                _ => LeaderChange::Nobody,
            },
            Sight::Unknown(since) => LeaderChange::Unknown { since },
        }))
    }

    fn changes<T: Clone + PartialEq + Unknowable + Send + Sync + 'static>(
        &self,
        groups: Groups,
        told_as: impl Fn(Sight) -> T + Send + Sync + 'static,
    ) -> Newest<T> {
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        let newest = Arc::clone(&sender);
        let tell = move |sight| {
            let told = told_as(sight);
            newest.send_if_modified(|last: &mut Option<T>| {
                // How long it has been unknown for does not change by its being said again.
                let again = last
                    .as_ref()
                    .is_some_and(|last| *last == told || (last.is_unknown() && told.is_unknown()));
                if !again {
                    *last = Some(told);
                }
                !again
            });
        };
        let follower = Follower::new(self.config.paths.clone(), groups, tell).run(self.follow_current());
        tokio::spawn(async move {
            tokio::select! {
                () = follower => {}
                // Nobody listens any more.
                () = sender.closed() => {}
            }
        });
        Box::pin(unfold(receiver, |mut receiver| async move {
            receiver.changed().await.ok()?;
            let newest = receiver.borrow_and_update().clone()?;
            Some((newest, receiver))
        }))
    }
}

type Newest<T> = Pin<Box<dyn Stream<Item = T> + Send + Sync>>;

trait Unknowable {
    fn is_unknown(&self) -> bool;
}

impl Unknowable for ClusterChange {
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

impl Unknowable for LeaderChange {
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

macro_rules! stream {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        pub struct $name(Newest<$item>);

        impl $name {
            /// The newest state that has not been told yet; `None` after the end of the DCS.
            ///
            /// # Cancel safety
            ///
            /// Safe: no state is lost.
            pub async fn next(&mut self) -> Option<$item> {
                self.0.next().await
            }
        }

        impl Stream for $name {
            type Item = $item;

            fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<$item>> {
                self.0.poll_next_unpin(context)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

stream! {
    /// The states of a cluster, one after the other; from [`DcsZk::cluster_changes`].
    ClusterChanges of ClusterChange
}

stream! {
    /// Who leads, one after the other; from [`DcsZk::leader_changes`].
    LeaderChanges of LeaderChange
}
