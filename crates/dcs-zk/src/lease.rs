//! Leadership with an end on the clock.

use std::time::Duration;

use zk_session::Timestamp;

/// Leadership, until a point in time.
///
/// Nobody leads by memory: a lease is given by an answer of ZooKeeper, and ends by itself, before the server can have given
/// the leader key to anybody else — also when no network event tells, and also when the process was frozen or the machine
/// slept meanwhile. Ask [`is_valid`](Self::is_valid) before each act that only a leader may do, and renew it with
/// [`DcsZk::update_leader`](crate::DcsZk::update_leader).
///
/// The end is the send time of the newest request whose answer proves that a quorum saw our session alive, plus the session
/// timeout that the server granted, less a margin; see [`Config`](crate::Config). The clock is `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub(crate) until: Timestamp,
    pub(crate) fencing_token: i64,
    pub(crate) session_id: i64,
    pub(crate) version: i32,
}

impl Lease {
    /// Whether we lead now.
    pub fn is_valid(&self) -> bool {
        zk_session::now() < self.until
    }

    /// For how long we lead without another renewal; zero when it is over.
    pub fn remaining(&self) -> Duration {
        self.until.since(zk_session::now())
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

    /// The version of the leader key, to check in a `multi`.
    pub fn version(&self) -> i32 {
        self.version
    }
}
