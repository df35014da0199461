//! Leadership with an end on the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zk_session::Timestamp;

/// Leadership, until a point in time.
///
/// Nobody leads by memory: a lease is given by an answer of ZooKeeper, and ends by itself, before the server can have given
/// the leader key to anybody else — also when no network event tells, and also when the process was frozen or the machine
/// slept meanwhile. Ask [`is_valid`](Self::is_valid) before each act that only a leader may do, renew it with
/// [`DcsZk::update_leader`](crate::DcsZk::update_leader), and write to ZooKeeper with
/// [`DcsZk::as_leader`](crate::DcsZk::as_leader).
///
/// It also ends when we give leadership up ([`DcsZk::delete_leader`](crate::DcsZk::delete_leader),
/// [`DcsZk::close`](crate::DcsZk::close)), before the server is told, and when a server says that the key is not ours: every
/// copy of it at once.
///
/// The end is when the ensemble's leader has last heard of our session at the least (see
/// [`Status::quorum_proof`](zk_session::Status)), plus the session timeout that the server granted, less a margin; see
/// [`Config`](crate::Config). The clock is `CLOCK_BOOTTIME`. A server that grants less on a later connection is not allowed for:
/// let all servers of an ensemble have the same limits, and `minSessionTimeout` be no less than two
/// ticks (the default).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub(crate) leadership: Leadership,
    pub(crate) until: Timestamp,
    pub(crate) fencing_token: i64,
    pub(crate) session_id: i64,
    pub(crate) version: i32,
}

impl Lease {
    /// Whether we lead now.
    pub fn is_valid(&self) -> bool {
        !self.leadership.is_over() && zk_session::now() < self.until
    }

    /// For how long we lead without another renewal; zero when it is over.
    pub fn remaining(&self) -> Duration {
        if self.leadership.is_over() { Duration::ZERO } else { self.until.since(zk_session::now()) }
    }

    /// When it ends, on the clock of [`zk_session::now`].
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// A number that is greater for each new leader: the `czxid` of the leader key. A store that remembers the greatest it
    /// has seen can refuse what a former leader sends late.
    pub fn fencing_token(&self) -> i64 {
        self.fencing_token
    }

    /// The session that owns the leader key.
    pub fn session_id(&self) -> i64 {
        self.session_id
    }

    /// The version of the leader key when the lease was given. It does not tell our key from one that another has taken since:
    /// every key begins at 0. Write with [`DcsZk::as_leader`](crate::DcsZk::as_leader).
    pub fn version(&self) -> i32 {
        self.version
    }
}

impl Lease {
    /// The same lease, of this reign: the one that was on when the operation began which gave the lease. If it was ended
    /// meanwhile, so is the lease.
    pub(crate) fn within(self, leadership: Leadership) -> Self {
        Self { leadership, ..self }
    }
}

/// One reign: shared by all its leases, which end together when it is over.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leadership(Arc<AtomicBool>);

impl Leadership {
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl PartialEq for Leadership {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Leadership {}
