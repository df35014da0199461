//! The servers, and what passes between them: transactions to the followers, touches and writes to the leader.
//!
//! A follower answers pings and reads by itself. It passes on whom it has heard from every half tick, with its answer to the
//! leader's ping; a write that it forwards touches no session. One that is cut off goes on like this for the sync limit,
//! with writes that hang, and then gives up and sends its clients away.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use zk_jute::OpCode;

use super::{Awaited, ConnectionId, Engine, LEADER, Phase};
use crate::{
    moment::Moment,
    replica::Replica,
    transaction::{Body, Transaction},
};

/// One server.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) replica: Replica,
    /// Transactions that have not reached it, and when they do.
    backlog: VecDeque<(Duration, Arc<Transaction>)>,
    /// How long transactions take to it.
    lag: Duration,
    /// Since when it is out of touch with the leader.
    cut_off_since: Option<Duration>,
    /// Whether it takes clients.
    pub(super) serves: bool,
    pub(super) read_only: bool,
    /// Sessions it has heard from and not passed on, with their timeouts.
    touches: BTreeMap<i64, Duration>,
    /// When it passes them on.
    touches_due: Duration,
    /// Connections with a request that waits for the leader.
    pub(super) forwards: VecDeque<ConnectionId>,
    /// Who is to be answered when a transaction is applied.
    awaiting: BTreeMap<i64, ConnectionId>,
}

impl Member {
    pub(super) fn new() -> Self {
        Self {
            replica: Replica::new(),
            backlog: VecDeque::new(),
            lag: Duration::ZERO,
            cut_off_since: None,
            serves: true,
            read_only: false,
            touches: BTreeMap::new(),
            touches_due: Duration::ZERO,
            forwards: VecDeque::new(),
            awaiting: BTreeMap::new(),
        }
    }

    /// It has heard from a session, and tells the leader at the next of its pings.
    pub(super) fn hear(&mut self, session: i64, timeout: Duration, next_ping: Duration) {
        if self.touches.is_empty() {
            self.touches_due = next_ping;
        }
        self.touches.insert(session, timeout);
    }

    /// A connection is gone.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.replica.watches.remove_connection(id);
        self.forwards.retain(|other| *other != id);
    }

    /// The next transaction, if it has reached this server.
    fn next_due(&mut self, now: Duration) -> Option<Arc<Transaction>> {
        if self.cut_off_since.is_some() || self.backlog.front()?.0 > now {
            return None;
        }
        self.backlog.pop_front().map(|(_, transaction)| transaction)
    }
}

impl Engine {
    /// Numbers a transaction and lets every server have it. `origin` is the request that is to be answered.
    pub(super) fn commit(&mut self, now: Moment, body: Body, origin: Option<(ConnectionId, i32, OpCode)>) {
        self.zxid = self.zxid.wrapping_add(1);
        let zxid = self.zxid;
        if let Some((id, xid, op)) = origin
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.awaited = Some(Awaited::Applied { zxid, xid, op });
            if let Some(member) = self.members.get_mut(connection.server) {
                member.awaiting.insert(zxid, id);
            }
        }
        let transaction = Arc::new(Transaction { zxid, time: now.wall, body });
        for member in self.members.iter_mut().skip(1) {
            // What is sent later does not overtake what was sent before.
            let earliest = member.backlog.back().map_or(Duration::ZERO, |(due, _)| *due);
            let due = now.elapsed.saturating_add(member.lag).max(earliest);
            member.backlog.push_back((due, Arc::clone(&transaction)));
        }
        self.apply(now, LEADER, &transaction);
        self.deliver(now);
    }

    /// Lets the followers apply what has reached them.
    fn deliver(&mut self, now: Moment) {
        for server in 1..self.members.len() {
            while let Some(due) = self.members.get_mut(server).and_then(|member| member.next_due(now.elapsed))
            {
                self.apply(now, server, &due);
            }
        }
    }

    fn apply(&mut self, now: Moment, server: usize, transaction: &Transaction) {
        let Some(member) = self.members.get_mut(server) else { return };
        let mut events = Vec::new();
        let outcome = member.replica.apply(transaction, &mut events);
        let origin = member.awaiting.remove(&transaction.zxid);
        for event in &events {
            self.notify(event);
        }
        if let Some(id) = origin
            && let Some(connection) = self.connections.get_mut(&id)
            && let Some(Awaited::Applied { zxid, xid, op }) = connection.awaited.take()
        {
            self.answer_write(id, xid, op, zxid, outcome);
            self.run(now, id);
        }
        if let Body::CloseSession { session, .. } = transaction.body {
            for id in self.connections_that(|other| other.server == server && other.session == session) {
                self.close(id);
            }
        }
        self.catch_up(now, server);
    }

    /// Answers the syncs that this server's progress has made good.
    fn catch_up(&mut self, now: Moment, server: usize) {
        if server == LEADER {
            // Its own clients never wait: it has applied whatever there is.
            return;
        }
        let waits = |connection: &super::Connection| {
            connection.server == server && matches!(connection.awaited, Some(Awaited::CaughtUp { .. }))
        };
        for id in self.connections_that(waits) {
            self.answer_caught_up(id);
            self.run(now, id);
        }
    }

    pub(super) fn connections_that(&self, are: impl Fn(&super::Connection) -> bool) -> Vec<ConnectionId> {
        self.connections.iter().filter(|(_, connection)| are(connection)).map(|(id, _)| *id).collect()
    }

    /// Whether a server cannot reach the leader.
    pub(super) fn is_cut_off(&self, server: usize) -> bool {
        self.members.get(server).is_some_and(|member| member.cut_off_since.is_some())
    }

    /// When [`tick`](Self::tick) has something to do; `None` for never.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        if self.frozen {
            return None;
        }
        let passing = self.members.get(LEADER).is_some_and(|leader| leader.replica.tree.has_passing());
        let containers = passing.then_some(self.next_container_check);
        let followers = self.members.iter().skip(1).flat_map(|member| match member.cut_off_since {
            Some(since) if member.serves => [Some(since.saturating_add(self.settings.sync_limit)), None],
            Some(_) => [None, None],
            None => {
                let touches = (!member.touches.is_empty()).then_some(member.touches_due);
                [member.backlog.front().map(|(due, _)| *due), touches]
            }
        });
        followers.chain([containers, self.sessions.next_expiry()]).flatten().min()
    }

    /// Does what is due by now.
    pub(crate) fn tick(&mut self, now: Moment) {
        if self.frozen {
            return;
        }
        self.pass_touches_on(now);
        self.deliver(now);
        self.give_up(now);
        for session in self.sessions.due(now.elapsed) {
            self.expire(now, session);
        }
        self.check_containers(now);
    }

    /// Ends a session for the server's own reasons; `false` if there is none.
    pub(super) fn expire(&mut self, now: Moment, session: i64) -> bool {
        if self.sessions.expiry(session).is_none() {
            return false;
        }
        let is_local = self.sessions.is_local(session);
        let body = self.close_session(session);
        if !is_local {
            self.commit(now, body, None);
            return true;
        }
        for id in self.connections_that(|connection| connection.session == session) {
            self.close(id);
        }
        true
    }

    /// The servers that are in touch tell the leader whom they have heard from.
    fn pass_touches_on(&mut self, now: Moment) {
        for member in self.members.iter_mut().skip(1) {
            if member.cut_off_since.is_some() || member.touches_due > now.elapsed {
                continue;
            }
            for (session, timeout) in std::mem::take(&mut member.touches) {
                self.sessions.touch(now.elapsed, session, timeout);
            }
        }
    }

    /// Followers that have been out of touch for too long send their clients away.
    fn give_up(&mut self, now: Moment) {
        let limit = self.settings.sync_limit;
        for server in 1..self.members.len() {
            let Some(member) = self.members.get_mut(server) else { continue };
            let over = member.cut_off_since.is_some_and(|since| since.saturating_add(limit) <= now.elapsed);
            if over && member.serves {
                member.serves = false;
                member.touches.clear();
                self.close_all(server);
            }
        }
    }

    /// Ends all connections of a server.
    pub(super) fn close_all(&mut self, server: usize) {
        for id in self.connections_that(|connection| connection.server == server) {
            self.close(id);
        }
    }

    fn check_containers(&mut self, now: Moment) {
        if now.elapsed < self.next_container_check {
            return;
        }
        while self.next_container_check <= now.elapsed {
            self.next_container_check =
                self.next_container_check.saturating_add(self.settings.container_check);
        }
        let Some(leader) = self.members.get(LEADER) else { return };
        for path in leader.replica.tree.outlived(now.wall) {
            self.commit(now, Body::One(crate::transaction::Change::Delete { path }), None);
        }
    }

    /// When the leader next pings its followers: every half tick.
    pub(super) fn next_ping(&self, now: Duration) -> Duration {
        let half = self.settings.tick.as_millis().checked_div(2).unwrap_or(0).max(1);
        let next = now.as_millis().checked_div(half).unwrap_or(0).saturating_add(1).saturating_mul(half);
        Duration::from_millis(u64::try_from(next).unwrap_or(u64::MAX))
    }

    /// Sets how long transactions take to a follower. Those under way are not held up, and not overtaken.
    pub(crate) fn set_lag(&mut self, server: usize, lag: Duration) {
        if let Some(member) = self.members.get_mut(server) {
            member.lag = lag;
        }
    }

    /// Takes a follower out of touch with the leader.
    pub(crate) fn cut_off(&mut self, now: Moment, server: usize) {
        if let Some(member) = self.members.get_mut(server).filter(|_| server != LEADER) {
            member.cut_off_since.get_or_insert(now.elapsed);
        }
    }

    /// Brings a follower back in touch with the leader: it catches up, and what its clients wait for happens.
    pub(crate) fn rejoin(&mut self, now: Moment, server: usize) {
        let Some(member) = self.members.get_mut(server) else { return };
        member.cut_off_since = None;
        member.serves = true;
        self.deliver(now);
        let Some(member) = self.members.get_mut(server) else { return };
        for id in std::mem::take(&mut member.forwards) {
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            connection.awaited = None;
            if connection.phase == Phase::New
                && let Some(frame) = connection.queue.pop_front()
            {
                self.connect(now, id, frame);
            }
            self.run(now, id);
        }
    }
}
