//! How the leader counts sessions out: `SessionTrackerImpl` and `ExpiryQueue`, whose buckets end at multiples of a tick.

use std::collections::BTreeMap;

use crate::tree::Tree;

#[derive(Debug)]
pub(crate) struct Tracked {
    timeout: u64,
    expires: u64,
    /// When the leader has last heard of the session.
    heard: u64,
    /// When a follower has passed on last that it has heard of it.
    passed_on: u64,
    /// The server whose connection the session is on; none right after an election.
    owner: Option<usize>,
    closing: bool,
}

/// Whether a write of a session is taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Gone,
    Moved,
}

#[derive(Debug)]
pub(crate) struct Tracker {
    tick: u64,
    sessions: BTreeMap<i64, Tracked>,
}

impl Tracker {
    /// A new leader gives every session its full timeout.
    pub(crate) fn new(tick: u64, now: u64, tree: &Tree) -> Self {
        let mut tracker = Self { tick, sessions: BTreeMap::new() };
        for (id, record) in &tree.sessions {
            tracker.begin(*id, record.timeout, now, None);
        }
        tracker
    }

    pub(crate) fn begin(&mut self, id: i64, timeout: u64, now: u64, owner: Option<usize>) {
        let expires = self.bucket(now + timeout);
        self.sessions
            .insert(id, Tracked { timeout, expires, heard: now, passed_on: now, owner, closing: false });
    }

    fn bucket(&self, at: u64) -> u64 {
        (at / self.tick + 1) * self.tick
    }

    /// When the leader has last heard of a session that it has not given up, what is on its way to it included.
    pub(crate) fn heard(&self, id: i64) -> Option<u64> {
        let tracked = self.sessions.get(&id).filter(|tracked| !tracked.closing)?;
        Some(tracked.heard.max(tracked.passed_on))
    }

    /// A follower passes on that it has heard of a session.
    pub(crate) fn on_its_way(&mut self, id: i64, now: u64) {
        if let Some(tracked) = self.sessions.get_mut(&id) {
            tracked.passed_on = now;
        }
    }

    /// Heard of the session. `false` if it is over.
    pub(crate) fn touch(&mut self, id: i64, now: u64) -> bool {
        let tick = self.tick;
        let Some(tracked) = self.sessions.get_mut(&id).filter(|tracked| !tracked.closing) else {
            return false;
        };
        tracked.expires = tracked.expires.max(((now + tracked.timeout) / tick + 1) * tick);
        tracked.heard = now;
        true
    }

    pub(crate) fn own(&mut self, id: i64, owner: usize) {
        if let Some(tracked) = self.sessions.get_mut(&id) {
            tracked.owner = Some(owner);
        }
    }

    pub(crate) fn standing(&self, id: i64, from: usize) -> Standing {
        match self.sessions.get(&id) {
            None => Standing::Gone,
            Some(tracked) if tracked.closing => Standing::Gone,
            Some(tracked) if tracked.owner.is_some_and(|owner| owner != from) => Standing::Moved,
            Some(_) => Standing::Good,
        }
    }

    /// From now on nothing more of the session is taken.
    pub(crate) fn close(&mut self, id: i64) {
        if let Some(tracked) = self.sessions.get_mut(&id) {
            tracked.closing = true;
        }
    }

    pub(crate) fn ended(&mut self, id: i64) {
        self.sessions.remove(&id);
    }

    /// The sessions whose bucket is over.
    pub(crate) fn expired(&mut self, now: u64) -> Vec<i64> {
        let mut over = Vec::new();
        for (id, tracked) in &mut self.sessions {
            if !tracked.closing && tracked.expires <= now {
                tracked.closing = true;
                over.push(*id);
            }
        }
        over
    }
}
