//! The DCS: one scope on one session.

mod load;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dcs_model::{Cluster, Failsafe, MemberData, json::Object};
use tokio::sync::{Notify, watch};
use zk_session::{Acl, Client, OneshotWatcher, SessionInfo, Status, Timestamp, now};

use crate::{
    config::Config,
    earlier_sessions::EarlierSessions,
    error::DcsError,
    lease::Leadership,
    loader::Layout,
    ops::leader::Fence,
    paths::{MemberName, Paths},
    retry::retry,
};

/// Patroni's DCS on ZooKeeper; answers to `patroni.dcs.zookeeper.ZooKeeper`.
///
/// It holds one ZooKeeper session, which a task keeps alive. All operations take `&self`; share it in an [`Arc`].
#[derive(Debug)]
pub struct DcsZk {
    pub(crate) config: Fixed,
    current: watch::Sender<Current>,
    /// Held by whoever changes the settings in several steps.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    memory: Mutex<Memory>,
    pub(crate) wakeup: Notify,
    /// `close` was called: no session is begun any more.
    closed: AtomicBool,
    /// Held by whoever writes our member key.
    pub(crate) member_key: tokio::sync::Mutex<()>,
    pub(crate) earlier: Arc<EarlierSessions>,
    /// A server was met that does not know `multiRead`.
    pub(crate) no_multi_read: AtomicBool,
}

/// The client and the configuration of the day.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    /// Another one for each session that we began ourselves.
    pub(crate) client: Client,
    pub(crate) config: Arc<Config>,
}

/// What of the configuration holds as long as the DCS.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) paths: Paths,
    pub(crate) name: Option<MemberName>,
}

/// What was seen and written last; answers to the `_last_…` fields of `AbstractDCS`.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    cluster: Option<(Arc<Cluster>, Timestamp)>,
    pub(crate) watchers: Vec<OneshotWatcher>,
    /// What binds a write to our leader key, as it was last read or written.
    pub(crate) fence: Option<Fence>,
    /// The groups and members of the last load.
    pub(crate) layout: Layout,
    /// The value of `status` as it was last read or written, and whether the key exists.
    pub(crate) last_status: Object,
    pub(crate) status_exists: bool,
    /// What was last written to `optime/leader`.
    pub(crate) last_optime: Option<i64>,
    /// The topology as it was last read or written, and whether the key exists: it may hold what cannot be read.
    pub(crate) last_failsafe: Option<Failsafe>,
    pub(crate) failsafe_exists: bool,
    /// The member data as it was last written, and the session that wrote it.
    pub(crate) last_member: Option<(MemberData, i64)>,
    /// A write of the member key failed, and it may hold either value.
    pub(crate) member_unknown: bool,
    /// The reign that leases are given out for.
    pub(crate) leadership: Leadership,
    /// How many releases of the lock are under way: meanwhile no reign begins.
    releases: usize,
    /// The session in which we last held the leader key.
    pub(crate) held_in_session: Option<i64>,
    last_seen: Option<Timestamp>,
    /// When the round of the HA loop began.
    pub(crate) round_began: Option<Timestamp>,
}

/// A release of the lock that is under way, or was given up by its caller.
#[derive(Debug)]
pub(crate) struct GivingUp<'a>(&'a DcsZk);

impl Drop for GivingUp<'_> {
    fn drop(&mut self) {
        self.0.memory().releases -= 1;
        self.0.end_leadership();
    }
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
            config: Fixed { paths: config.paths.clone(), name: config.name.clone() },
            current: watch::Sender::new(Current { client, config: Arc::new(config) }),
            reloading: tokio::sync::Mutex::new(()),
            memory: Mutex::new(Memory::default()),
            wakeup: Notify::new(),
            closed: AtomicBool::new(false),
            member_key: tokio::sync::Mutex::new(()),
            earlier: Arc::default(),
            no_multi_read: AtomicBool::new(false),
        }
    }

    /// The configuration as it is now; see [`reload_config`](Self::reload_config).
    pub fn config(&self) -> Arc<Config> {
        self.settings()
    }

    /// The time between two rounds of the HA loop; answers to `AbstractDCS.loop_wait`.
    pub fn loop_wait(&self) -> Duration {
        self.settings().timings.loop_wait()
    }

    /// The session timeout that the server granted, or the one that was asked for while there is no session. Answers to
    /// `ZooKeeper.ttl`. **Better:** Patroni always gives the one it asked for.
    pub fn ttl(&self) -> Duration {
        let session = self.session();
        session.map_or_else(|| self.settings().timings.ttl(), |session| session.negotiated_timeout)
    }

    /// The session that is held, or will be resumed.
    pub fn session(&self) -> Option<SessionInfo> {
        self.session_status().session
    }

    /// Where the session stands: connected or not, to which server, and what went wrong last.
    pub fn session_status(&self) -> Status {
        self.client().status()
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
        let restarted = self.current.send_if_modified(|current| {
            if !current.client.is_same(failed) || self.is_closed() {
                return false;
            }
            current.client = current.config.client_builder().build();
            true
        });
        if restarted {
            self.leave_session(failed).await;
        }
    }

    /// Ends the session of a client that was replaced. On a task of its own: who gives up the wait does not leave it alive.
    pub(crate) async fn leave_session(&self, replaced: &Client) {
        let ending = Arc::clone(&self.earlier).replace(replaced.clone(), self.settings().client_builder());
        let _ = tokio::spawn(ending).await;
    }

    /// Puts `next` in the place of the configuration, and `session` in the place of the session if there is one; `live` makes
    /// the changes to a session that goes on. In one step: whoever sees the one sees the other. `false`, and nothing changed, if
    /// `held` is not the client of the day any more, or was closed for good.
    pub(crate) fn swap_settings(
        &self,
        held: &Client,
        next: Config,
        session: Option<Client>,
        live: impl FnOnce(&Client),
    ) -> bool {
        self.current.send_if_modified(|current| {
            // Looked at in here, so that `close` finds what takes the place of `held`.
            if !current.client.is_same(held) || self.is_closed() {
                return false;
            }
            current.config = Arc::new(next);
            match session {
                Some(session) => current.client = session,
                None => live(&current.client),
            }
            true
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Ends every lease that was given out, and with it what comes of the operations that have begun.
    pub(crate) fn end_leadership(&self) {
        let mut memory = self.memory();
        memory.leadership.end();
        memory.leadership = self.next_reign(&memory);
    }

    /// The reign is over: a server said so. Another that has begun meanwhile goes on.
    pub(crate) fn end_reign(&self, leadership: &Leadership) {
        leadership.end();
        let mut memory = self.memory();
        if memory.leadership == *leadership {
            memory.leadership = self.next_reign(&memory);
        }
    }

    /// Ends every lease, and lets none begin until what is returned is dropped: a renewal that is made before the lock is
    /// given up must not outlive it.
    pub(crate) fn giving_up(&self) -> GivingUp<'_> {
        self.memory().releases += 1;
        self.end_leadership();
        GivingUp(self)
    }

    /// A reign that begins, unless the lock is being given up or the session was closed: then it is over already.
    fn next_reign(&self, memory: &Memory) -> Leadership {
        let reign = Leadership::default();
        if memory.releases > 0 || self.is_closed() {
            reign.end();
        }
        reign
    }

    pub(crate) fn client(&self) -> Client {
        self.current.borrow().client.clone()
    }

    pub(crate) fn settings(&self) -> Arc<Config> {
        Arc::clone(&self.current.borrow().config)
    }

    /// The clients and configurations from now on. It keeps the client of the day alive until the DCS is gone.
    pub(crate) fn follow_current(&self) -> watch::Receiver<Current> {
        self.current.subscribe()
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Nothing in here is left half changed by a panic: each field is replaced whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list for a node that is created now.
    pub(crate) fn acl(&self) -> Arc<[Acl]> {
        Arc::clone(&self.settings().acl)
    }

    pub(crate) fn name(&self) -> Result<&MemberName, DcsError> {
        self.config
            .name
            .as_ref()
            .ok_or_else(|| DcsError::Invalid("name: is missing: only a member can do this".into()))
    }

    /// When an operation that is retried must end.
    pub(crate) fn retry_deadline(&self) -> Timestamp {
        now().after(self.settings().timings.retry_timeout())
    }
}
