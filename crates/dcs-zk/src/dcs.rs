//! The DCS: one scope on one session.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dcs_model::{Cluster, Failsafe, MemberData, json::Object};
use tokio::sync::Notify;
use zk_session::{Acl, Client, OneshotWatcher, SessionInfo, Stat, Status, Timestamp, now};

use crate::{
    config::Config,
    error::DcsError,
    lease::Leadership,
    loader::{Fetched, Groups, fetch},
    paths::MemberName,
    retry::retry,
};

/// Patroni's DCS on ZooKeeper; answers to `patroni.dcs.zookeeper.ZooKeeper`.
///
/// It holds one ZooKeeper session, which a task keeps alive. All operations take `&self`; share it in an [`Arc`].
#[derive(Debug)]
pub struct DcsZk {
    pub(crate) config: Config,
    client: RwLock<Client>,
    memory: Mutex<Memory>,
    pub(crate) wakeup: Notify,
    /// `close` was called: no session is begun any more.
    closed: AtomicBool,
    /// Held by whoever writes our member key, or goes by its version.
    pub(crate) member_key: tokio::sync::Mutex<()>,
}

/// What was seen and written last; answers to the `_last_…` fields of `AbstractDCS`.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    cluster: Option<(Arc<Cluster>, Timestamp)>,
    pub(crate) watchers: Vec<OneshotWatcher>,
    /// The leader key as the last load found it.
    pub(crate) leader: Option<Stat>,
    /// The value of `status` as it was last read or written, and whether the key exists.
    pub(crate) last_status: Object,
    pub(crate) status_exists: bool,
    /// What was last written to `optime/leader`.
    pub(crate) last_optime: Option<i64>,
    pub(crate) last_failsafe: Option<Failsafe>,
    /// The member data as it was last written, and the session that wrote it.
    pub(crate) last_member: Option<(MemberData, i64)>,
    /// A write of the member key failed, and it may hold either value.
    pub(crate) member_unknown: bool,
    /// The reign that leases are given out for.
    pub(crate) leadership: Leadership,
    /// The session in which we last held the leader key.
    pub(crate) held_in_session: Option<i64>,
    last_seen: Option<Timestamp>,
}

impl DcsZk {
    /// Starts the session and returns at once, whether or not ZooKeeper can be reached.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`tokio::spawn`] does.
    pub fn connect(config: Config) -> Self {
        let client = config.client_builder().build();
        Self {
            config,
            client: RwLock::new(client),
            memory: Mutex::new(Memory::default()),
            wakeup: Notify::new(),
            closed: AtomicBool::new(false),
            member_key: tokio::sync::Mutex::new(()),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time between two rounds of the HA loop; answers to `AbstractDCS.loop_wait`.
    pub fn loop_wait(&self) -> Duration {
        self.config.timings.loop_wait()
    }

    /// The session timeout that the server granted, or the one that was asked for while there is no session. Answers to
    /// `ZooKeeper.ttl`. **Better:** Patroni always gives the one it asked for.
    pub fn ttl(&self) -> Duration {
        let session = self.session();
        session.map_or(self.config.timings.ttl(), |session| session.negotiated_timeout)
    }

    /// The session that is held, or will be resumed.
    pub fn session(&self) -> Option<SessionInfo> {
        self.session_status().session
    }

    /// Where the session stands: connected or not, to which server, and what went wrong last.
    pub fn session_status(&self) -> Status {
        self.client().status()
    }

    /// Loads the cluster; answers to `AbstractDCS.get_cluster`. Which groups are loaded follows the configuration: without a
    /// group the scope itself, the coordinator's group 0 with all workers, another group alone.
    ///
    /// Tried again until `retry_timeout`. Two dependent round trips for any number of members, three for any number of
    /// groups. Leaves watches on the leader and config keys for [`watch`](Self::watch), also where they do not exist yet. A
    /// key that vanishes while loading is simply absent.
    ///
    /// # Errors
    ///
    /// `Unavailable`, which drops the cached cluster; `Refused` if an ACL forbids reading.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_cluster(&self) -> Result<Arc<Cluster>, DcsError> {
        let groups = match self.config.paths.group() {
            None => Groups::Plain,
            Some(0) => Groups::All,
            Some(group) => Groups::One(group),
        };
        self.get_groups(groups).await
    }

    /// Loads what is asked for, whatever the configuration says; otherwise as [`get_cluster`](Self::get_cluster).
    ///
    /// # Errors
    ///
    /// As [`get_cluster`](Self::get_cluster).
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_groups(&self, groups: Groups) -> Result<Arc<Cluster>, DcsError> {
        let paths = &self.config.paths;
        let loaded =
            retry("get_cluster", self, self.retry_deadline(), |client| fetch(client, paths.clone(), groups))
                .await;
        let mut memory = self.memory();
        match loaded {
            Ok(fetched) => Ok(self.remember(&mut memory, fetched)),
            Err(error) => {
                memory.cluster = None;
                Err(error)
            }
        }
    }

    fn remember(&self, memory: &mut Memory, fetched: Fetched) -> Arc<Cluster> {
        let cluster = Arc::new(fetched.cluster);
        memory.leader = fetched.leader;
        memory.status_exists = fetched.status_exists;
        memory.last_status = cluster.status.to_value();
        memory.last_failsafe.clone_from(&cluster.failsafe);
        memory.watchers = fetched.watchers;
        memory.member_unknown = false;
        memory.last_seen = Some(now());
        memory.cluster = Some((Arc::clone(&cluster), now().after(self.config.timings.ttl())));
        cluster
    }

    /// Loads the coordinator's cluster of an MPP cluster; answers to `AbstractDCS.get_mpp_coordinator`. A failure is logged
    /// and gives none.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn get_mpp_coordinator(&self) -> Option<Cluster> {
        let paths = &self.config.paths;
        let loaded = retry("get_mpp_coordinator", self, self.retry_deadline(), |client| {
            fetch(client, paths.clone(), Groups::One(0))
        })
        .await;
        match loaded {
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

    /// When ZooKeeper last answered with a cluster, on the clock of [`zk_session::now`]; answers to `AbstractDCS.last_seen`.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.memory().last_seen
    }

    /// Whether anything is stored under the scope. Tried again until `retry_timeout`.
    ///
    /// # Errors
    ///
    /// `Unavailable`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn scope_children(&self) -> Result<Option<Vec<String>>, DcsError> {
        let base = self.config.paths.base();
        retry("scope_children", self, self.retry_deadline(), |client| async move {
            match client.get_children(base).await {
                Ok((children, _)) => Ok(Some(children)),
                Err(error) if error.code() == Some(zk_session::ErrorCode::NO_NODE) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Ends the session, so that our ephemeral nodes (the member key, and the leader key if we hold it) go at once. Takes 2 s
    /// at most.
    ///
    /// # Cancel safety
    ///
    /// Giving up the wait does not stop the closing.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.end_leadership();
        self.client().close().await;
    }

    /// Starts another session in place of the one of `failed`, and ends that; answers to `KazooClient.restart`. Of several
    /// who ask for it one does it. The new session is there before the old one ends: giving up the wait leaves nobody without.
    pub(crate) async fn restart_session(&self, failed: &Client) {
        {
            let mut current = self.client.write().unwrap_or_else(PoisonError::into_inner);
            if !current.is_same(failed) || self.closed.load(Ordering::SeqCst) {
                return;
            }
            *current = self.config.client_builder().build();
        }
        failed.close().await;
    }

    /// Ends every lease that was given out.
    pub(crate) fn end_leadership(&self) {
        std::mem::take(&mut self.memory().leadership).end();
    }

    pub(crate) fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing in here is left half changed by a panic: each field is replaced whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn acl(&self) -> &[Acl] {
        &self.config.acl
    }

    pub(crate) fn name(&self) -> Result<&MemberName, DcsError> {
        self.config
            .name
            .as_ref()
            .ok_or_else(|| DcsError::Invalid("name: is missing: only a member can do this".into()))
    }

    /// When an operation that is retried must end.
    pub(crate) fn retry_deadline(&self) -> Timestamp {
        now().after(self.config.timings.retry_timeout())
    }

    /// When an operation that is tried once must end.
    pub(crate) fn once_deadline(&self) -> Timestamp {
        now().after(self.config.timings.once_timeout())
    }
}
