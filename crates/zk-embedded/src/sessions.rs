//! The sessions and when they expire. Source: `SessionTrackerImpl`, `ExpiryQueue`, `ZooKeeperServer.generatePasswd`.
//!
//! A session is touched by whatever its client sends, and expires at the first multiple of a tick after its timeout has passed
//! without a touch:
//!
//! ```text
//!  open ──► live ──touch──► live ──… no touch until the tick after the timeout ──► due ──► close
//!             └──────────────────────── closeSession ─────────────────────────────────────► close
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use sha1::{Digest as _, Sha1};
use zk_jute::ErrorCode;

/// A session, as the one who counts it sees it.
#[derive(Debug, Clone, Copy)]
struct Session {
    timeout: Duration,
    expires_at: Duration,
    /// The server that its client is connected to.
    owner: usize,
    /// Begun while the server was read-only: it is known to that server alone.
    is_local: bool,
}

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    all: BTreeMap<i64, Session>,
    by_expiry: BTreeSet<(Duration, i64)>,
    tick: Duration,
    next_id: i64,
    secret: u64,
}

impl Sessions {
    /// None yet. Ids and passwords are drawn from the seed.
    pub(crate) fn new(tick: Duration, seed: u64) -> Self {
        // Like ZooKeeper's: a server's number, 5 bytes that differ from start to start, and a counter of 2 bytes.
        let start = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_shr(24) & 0xff_ffff_ffff;
        let next_id = i64::try_from(start.wrapping_shl(16)).unwrap_or(0) | 0x0100_0000_0000_0000;
        Self { all: BTreeMap::new(), by_expiry: BTreeSet::new(), tick, next_id, secret: seed }
    }

    /// Begins a session and returns its id.
    pub(crate) fn open(&mut self, now: Duration, timeout: Duration, owner: usize, is_local: bool) -> i64 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let session = Session { timeout, expires_at: Duration::ZERO, owner, is_local };
        self.all.insert(id, session);
        self.touch(now, id, timeout);
        id
    }

    /// Counts a session anew; `false` if there is none.
    pub(crate) fn touch(&mut self, now: Duration, id: i64, timeout: Duration) -> bool {
        let expires_at = next_multiple(now.saturating_add(timeout), self.tick);
        let Some(session) = self.all.get_mut(&id) else { return false };
        self.by_expiry.remove(&(session.expires_at, id));
        session.expires_at = expires_at;
        session.timeout = timeout;
        self.by_expiry.insert((expires_at, id));
        true
    }

    /// Lets a client of this server take the session up; `false` if there is none.
    pub(crate) fn renew(&mut self, now: Duration, id: i64, timeout: Duration, owner: usize) -> bool {
        if !self.touch(now, id, timeout) {
            return false;
        }
        if let Some(session) = self.all.get_mut(&id) {
            session.owner = owner;
        }
        true
    }

    /// Whether a client of this server may write on the session.
    pub(crate) fn check(&self, id: i64, owner: usize) -> Result<(), ErrorCode> {
        match self.all.get(&id) {
            None => Err(ErrorCode::UNKNOWN_SESSION),
            Some(session) if session.owner != owner => Err(ErrorCode::SESSION_MOVED),
            Some(_) => Ok(()),
        }
    }

    /// Ends a session; `false` if there is none.
    pub(crate) fn close(&mut self, id: i64) -> bool {
        let Some(session) = self.all.remove(&id) else { return false };
        self.by_expiry.remove(&(session.expires_at, id));
        true
    }

    /// The sessions that have expired by now, in the order in which they did.
    pub(crate) fn due(&self, now: Duration) -> Vec<i64> {
        self.by_expiry.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }

    /// When the next one expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.by_expiry.first().map(|(at, _)| *at)
    }

    /// The ids of all sessions.
    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> {
        self.all.keys().copied()
    }

    /// Whether the session is one of a read-only server.
    pub(crate) fn is_local(&self, id: i64) -> bool {
        self.all.get(&id).is_some_and(|session| session.is_local)
    }

    /// When the session expires, and its timeout.
    pub(crate) fn expiry(&self, id: i64) -> Option<(Duration, Duration)> {
        self.all.get(&id).map(|session| (session.expires_at, session.timeout))
    }

    /// The password of a session: 16 bytes.
    pub(crate) fn password(&self, id: i64) -> Bytes {
        let digest =
            Sha1::new().chain_update(self.secret.to_be_bytes()).chain_update(id.to_be_bytes()).finalize();
        Bytes::copy_from_slice(digest.first_chunk::<16>().map_or(&[], |password| password))
    }
}

/// The first multiple of `tick` after `time`.
fn next_multiple(time: Duration, tick: Duration) -> Duration {
    let tick = tick.as_millis().max(1);
    let ticks = time.as_millis().checked_div(tick).unwrap_or(0).saturating_add(1);
    Duration::from_millis(u64::try_from(ticks.saturating_mul(tick)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_session_expires_at_the_tick_after_its_timeout() {
        let mut sessions = Sessions::new(ms(100), 1);
        let id = sessions.open(ms(30), ms(200), 0, false);
        assert_eq!(sessions.next_expiry(), Some(ms(300)));
        assert!(sessions.touch(ms(130), id, ms(200)));
        assert_eq!(sessions.due(ms(399)), []);
        assert_eq!(sessions.due(ms(400)), [id]);
        assert!(sessions.close(id) && !sessions.close(id) && !sessions.touch(ms(400), id, ms(200)));
        assert_eq!(sessions.next_expiry(), None);
    }

    #[test]
    fn a_session_belongs_to_the_server_that_renewed_it_last() {
        let mut sessions = Sessions::new(ms(100), 1);
        let id = sessions.open(ms(0), ms(200), 0, false);
        assert_eq!(sessions.check(id, 0), Ok(()));
        assert!(sessions.renew(ms(10), id, ms(300), 1));
        assert_eq!(sessions.check(id, 0), Err(ErrorCode::SESSION_MOVED));
        assert_eq!(sessions.check(id, 1), Ok(()));
        assert_eq!(sessions.check(id + 1, 1), Err(ErrorCode::UNKNOWN_SESSION));
        assert_eq!(sessions.expiry(id), Some((ms(400), ms(300))));
    }

    #[test]
    fn ids_and_passwords_follow_from_the_seed() {
        let (one, same, other) = (Sessions::new(ms(1), 1), Sessions::new(ms(1), 1), Sessions::new(ms(1), 2));
        assert_eq!((one.next_id, one.password(5)), (same.next_id, same.password(5)));
        assert_ne!((one.next_id, one.password(5)), (other.next_id, other.password(5)));
        assert_eq!(one.password(5).len(), 16);
        assert!(one.next_id > 0);
    }
}
