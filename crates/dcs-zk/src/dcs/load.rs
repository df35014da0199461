//! The cluster as it is loaded, and as it was.

use std::sync::Arc;

use dcs_model::Cluster;
use zk_session::{Timestamp, now};

use super::{DcsZk, Memory};
use crate::{
    error::DcsError,
    loader::{Fetched, Groups, Load, fetch},
    retry::retry,
};

impl DcsZk {
    /// Loads the cluster; answers to `AbstractDCS.get_cluster`. Which groups are loaded follows the configuration: without a
    /// group the scope itself, the coordinator's group 0 with all workers, another group alone.
    ///
    /// Tried again until `retry_timeout`. One round trip while the members are those of the load before; otherwise, and the
    /// first time, two for any number of members, three for any number of groups. Leaves watches on the leader and config keys
    /// for [`watch`](Self::watch), also where they do not exist yet.
    ///
    /// **Better:** Patroni reads key by key, and what changes meanwhile shows in a cluster that never was: a leader of now with
    /// a sync state of before. Here all keys, of all groups, are as they were at one moment on the connected server, which is
    /// never earlier than the load before. What that server has not heard of yet is missing: see
    /// [`get_cluster_synced`](Self::get_cluster_synced). On servers before 3.6 the same holds, but for what hundreds of members
    /// write about themselves all the time: what one says may then be some milliseconds newer than the rest.
    ///
    /// # Errors
    ///
    /// `Unavailable`, which drops the cached cluster; `Refused` if an ACL forbids reading.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_cluster(&self) -> Result<Arc<Cluster>, DcsError> {
        self.load(self.own_groups(), false).await
    }

    /// Loads the cluster after the connected server has caught up with the ensemble's leader (`sync`): what was committed
    /// before the call is in it. For races: who acquired, released or demoted a moment ago. Otherwise as
    /// [`get_cluster`](Self::get_cluster), and no more round trips; the server asks the ensemble's leader in between.
    ///
    /// *Residue:* ZooKeeper's leader answers a `sync` without asking its followers. One that has been cut off from them, and
    /// does not know it yet, may answer with what was true until `syncLimit` ticks ago. Only a committed write proves more:
    /// [`update_leader`](Self::update_leader) for one who leads.
    ///
    /// # Errors
    ///
    /// As [`get_cluster`](Self::get_cluster).
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_cluster_synced(&self) -> Result<Arc<Cluster>, DcsError> {
        self.load(self.own_groups(), true).await
    }

    /// Loads what is asked for, whatever the configuration says; otherwise as [`get_cluster`](Self::get_cluster). What is not
    /// what the configuration says is watched, but not remembered: [`cluster`](Self::cluster) and the writes of a leader go by
    /// our own group.
    ///
    /// # Errors
    ///
    /// As [`get_cluster`](Self::get_cluster).
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_groups(&self, groups: Groups) -> Result<Arc<Cluster>, DcsError> {
        self.load(groups, false).await
    }

    fn own_groups(&self) -> Groups {
        match self.config.paths.group() {
            None => Groups::Plain,
            Some(0) => Groups::All,
            Some(group) => Groups::One(group),
        }
    }

    async fn load(&self, groups: Groups, synced: bool) -> Result<Arc<Cluster>, DcsError> {
        self.round_goes_on();
        let loaded = self.fetch("get_cluster", groups, synced).await;
        let mut memory = self.memory();
        match loaded {
            Ok(fetched) if groups == self.own_groups() => Ok(self.remember(&mut memory, fetched)),
            Ok(fetched) => {
                memory.watchers = fetched.watchers;
                memory.layout = fetched.layout;
                memory.last_seen = Some(now());
                Ok(Arc::new(fetched.cluster))
            }
            Err(error) => {
                memory.cluster = None;
                Err(error)
            }
        }
    }

    async fn fetch(
        &self,
        operation: &'static str,
        groups: Groups,
        synced: bool,
    ) -> Result<Fetched, DcsError> {
        let deadline = self.retry_deadline();
        retry(operation, self, deadline, |client| {
            let guess = self.memory().layout.clone();
            let load = Load { paths: &self.config.paths, groups, synced, watched: true, deadline };
            fetch(client, load, guess, &self.no_multi_read)
        })
        .await
    }

    fn remember(&self, memory: &mut Memory, fetched: Fetched) -> Arc<Cluster> {
        let cluster = Arc::new(fetched.cluster);
        let ours = |name: &[u8]| self.config.name.as_ref().is_some_and(|own| own.as_str().as_bytes() == name);
        memory.fence = fetched.leader.filter(|(name, _)| ours(name)).map(|(_, fence)| fence);
        memory.layout = fetched.layout;
        memory.status_exists = fetched.status_exists;
        memory.last_status = cluster.status.to_value();
        memory.last_failsafe.clone_from(&cluster.failsafe);
        memory.failsafe_exists = fetched.failsafe_exists;
        memory.watchers = fetched.watchers;
        memory.member_unknown = false;
        memory.last_seen = Some(now());
        memory.cluster = Some((Arc::clone(&cluster), now().after(self.settings().timings.ttl())));
        cluster
    }

    /// Loads the coordinator's cluster of an MPP cluster; answers to `AbstractDCS.get_mpp_coordinator`. A failure is logged
    /// and gives none.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_mpp_coordinator(&self) -> Option<Cluster> {
        match self.fetch("get_mpp_coordinator", Groups::One(0), false).await {
            Ok(fetched) => Some(fetched.cluster),
            Err(error) => {
                tracing::error!(%error, "could not load the coordinator's cluster");
                None
            }
        }
    }

    /// The cluster as it was last loaded, for `ttl` after that; answers to `AbstractDCS.cluster`.
    pub fn cluster(&self) -> Option<Arc<Cluster>> {
        let memory = self.memory();
        memory.cluster.as_ref().filter(|(_, until)| now() < *until).map(|(cluster, _)| Arc::clone(cluster))
    }

    /// Forgets the cached cluster, so that [`cluster`](Self::cluster) gives none until the next load; answers to
    /// `AbstractDCS.reset_cluster`.
    pub fn reset_cluster(&self) {
        self.memory().cluster = None;
    }

    /// When ZooKeeper last answered with a cluster, on the clock of [`zk_session::now`]; answers to `AbstractDCS.last_seen`.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.memory().last_seen
    }
}
