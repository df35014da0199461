//! The leader and those who follow it: proposals, commits, and what followers tell of the sessions they hear.

use std::{collections::VecDeque, rc::Rc};

use crate::{
    plan::MS,
    server::Role,
    tracker::{Standing, Tracker},
    tree::{Change, Tree, Txn, WriteOp},
    world::{Happening, World},
};
use zk_jute::ErrorCode;

#[derive(Debug)]
pub(crate) enum LeaderMessage {
    Write {
        session: i64,
        op: WriteOp,
        conn: usize,
        number: u64,
    },
    /// What a follower has heard.
    Heard(Vec<i64>),
    Revalidate {
        session: i64,
        conn: usize,
    },
}

#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) txn: Txn,
    /// Acknowledged by a quorum then, if there is one.
    ready: u64,
}

#[derive(Debug)]
pub(crate) struct Leader {
    pub(crate) server: usize,
    pub(crate) epoch: i64,
    /// Who follows, and when it was last heard of.
    pub(crate) members: Vec<Option<u64>>,
    pub(crate) tracker: Tracker,
    /// The state with everything that is proposed.
    pub(crate) head: Tree,
    pub(crate) proposals: VecDeque<Proposal>,
    pub(crate) counter: i64,
    /// What has arrived while it was frozen.
    pub(crate) inbox: Vec<(usize, LeaderMessage)>,
}

impl World {
    /// Whether two servers hear each other.
    pub(crate) fn linked(&self, a: usize, b: usize) -> bool {
        a == b || [a, b].iter().all(|server| self.servers[*server].cut_until <= self.now)
    }

    pub(crate) fn is_awake(&self, server: usize) -> bool {
        self.servers[server].role != Role::Down && self.servers[server].frozen_until <= self.now
    }

    pub(crate) fn leads(&self, server: usize) -> bool {
        self.leader.as_ref().is_some_and(|leader| leader.server == server)
    }

    /// A follower answers the leader's ping.
    pub(crate) fn pinged(&mut self, server: usize, epoch: i64) {
        let leader = self.leader.as_ref().map(|leader| leader.server);
        let Some(leader) = leader.filter(|leader| self.linked(server, *leader) && self.is_awake(server))
        else {
            return;
        };
        if self.servers[server].role != Role::Following(epoch) {
            return;
        }
        self.servers[server].leader_heard = self.now;
        let heard = std::mem::take(&mut self.servers[server].heard);
        if let Some(leader) = &mut self.leader {
            heard.iter().for_each(|session| leader.tracker.on_its_way(*session, self.now));
        }
        self.say(|_| format!("server {server} tells {leader} of {heard:x?}"));
        self.tell_leader(server, LeaderMessage::Heard(heard.into_iter().collect()));
    }

    /// Sends something to the leader that a server follows. Nothing overtakes anything.
    pub(crate) fn tell_leader(&mut self, server: usize, message: LeaderMessage) {
        let (epoch, way) = match self.servers[server].role {
            Role::Leading(epoch) => (epoch, 0),
            Role::Following(epoch) => (epoch, self.latency()),
            Role::Down | Role::Looking => return,
        };
        let arrival = (self.now + way).max(self.servers[server].last_told);
        self.servers[server].last_told = arrival;
        self.at(arrival, Happening::ToLeader { epoch, from: server, message });
    }

    pub(crate) fn reach_leader(&mut self, epoch: i64, from: usize, message: LeaderMessage) {
        let Some(leader) = &self.leader else { return };
        if leader.epoch != epoch || leader.members[from].is_none() {
            return;
        }
        let server = leader.server;
        // What comes behind something that is held up waits, too.
        if !self.linked(from, server) || !self.servers[from].untold.is_empty() {
            self.servers[from].untold.push(message);
        } else if !self.is_awake(server) || !leader.inbox.is_empty() {
            if let Some(leader) = &mut self.leader {
                leader.inbox.push((from, message));
            }
        } else {
            self.lead(from, message);
        }
    }

    /// What was held up between servers goes on. Pings first: they were sent first.
    pub(crate) fn release_servers(&mut self) {
        for server in 0..self.servers.len() {
            let Some((leader, epoch)) = self.leader.as_ref().map(|leader| (leader.server, leader.epoch))
            else {
                return;
            };
            if !self.is_awake(server) || !self.is_awake(leader) || !self.linked(server, leader) {
                continue;
            }
            if server == leader {
                self.half_tick(server);
                let Some(leader) = &mut self.leader else { return };
                for (from, message) in std::mem::take(&mut leader.inbox) {
                    self.lead(from, message);
                }
            } else if self.servers[server].role == Role::Following(epoch) {
                self.pinged(server, epoch);
                for message in std::mem::take(&mut self.servers[server].untold) {
                    self.reach_leader(epoch, server, message);
                }
                let way = self.latency();
                self.after(way, Happening::Learn { server, epoch, upto: self.log.len() });
            }
        }
    }

    fn lead(&mut self, from: usize, message: LeaderMessage) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        match message {
            LeaderMessage::Heard(sessions) => {
                for session in sessions {
                    leader.tracker.touch(session, now);
                }
            }
            LeaderMessage::Revalidate { session, conn } => {
                let valid = leader.tracker.touch(session, now);
                if valid {
                    leader.tracker.own(session, from);
                }
                let timeout = valid.then(|| leader.head.sessions.get(&session).map(|record| record.timeout));
                let way = self.latency();
                let timeout = timeout.flatten();
                self.after(way, Happening::Revalidated { server: from, conn, session, timeout });
            }
            LeaderMessage::Write { session, op, conn, number } => {
                let standing = match &op {
                    WriteOp::BeginSession { record } => {
                        leader.tracker.begin(session, record.timeout, now, Some(from));
                        Standing::Good
                    }
                    _ => leader.tracker.standing(session, from),
                };
                if matches!(op, WriteOp::EndSession) && standing == Standing::Good {
                    leader.tracker.close(session);
                }
                self.propose(session, op, standing, Some((from, conn, number)));
            }
        }
    }

    fn propose(
        &mut self,
        session: i64,
        op: WriteOp,
        standing: Standing,
        origin: Option<(usize, usize, u64)>,
    ) {
        let extra = if self.now < self.slow_quorum.1 { self.slow_quorum.0 } else { 0 };
        let takes = self.rng.u64(500..4 * MS) + extra;
        let Some(leader) = &mut self.leader else { return };
        leader.counter += 1;
        let zxid = (leader.epoch << 32) | leader.counter;
        let refused = |err| Txn {
            zxid,
            session,
            changes: Vec::new(),
            err,
            body: bytes::Bytes::new(),
            origin,
            data: bytes::Bytes::new(),
        };
        let txn = match standing {
            Standing::Good => leader.head.propose(zxid, session, op, origin),
            Standing::Gone => refused(ErrorCode::SESSION_EXPIRED),
            Standing::Moved => refused(ErrorCode::SESSION_MOVED),
        };
        let ready = (self.now + takes).max(leader.proposals.back().map_or(0, |last| last.ready));
        leader.proposals.push_back(Proposal { txn, ready });
        let epoch = leader.epoch;
        self.at(ready, Happening::Acknowledged { epoch });
    }

    /// Commits what a quorum has acknowledged.
    pub(crate) fn acknowledged(&mut self, epoch: i64) {
        let Some(leader) = self.leader.as_ref().filter(|leader| leader.epoch == epoch) else { return };
        let server = leader.server;
        let quorum = (0..self.servers.len())
            .filter(|member| leader.members[*member].is_some())
            .filter(|member| self.is_awake(*member) && self.linked(server, *member))
            .count();
        if !self.is_awake(server) || quorum < self.plan.majority() {
            return;
        }
        let mut any = false;
        while let Some(leader) = &mut self.leader
            && leader.proposals.front().is_some_and(|proposal| proposal.ready <= self.now)
        {
            let Some(proposal) = leader.proposals.pop_front() else { break };
            self.commit(proposal.txn);
            any = true;
        }
        if !any {
            return;
        }
        let upto = self.log.len();
        self.apply_upto(server, upto);
        for follower in 0..self.servers.len() {
            if self.servers[follower].role == Role::Following(epoch) {
                let lag = self.servers[follower].lag(self.now);
                let arrival = (self.now + self.latency() + lag).max(self.servers[follower].last_learnt);
                self.servers[follower].last_learnt = arrival;
                self.at(arrival, Happening::Learn { server: follower, epoch, upto });
            }
        }
    }

    pub(crate) fn commit(&mut self, txn: Txn) {
        self.say(|_| format!("commit {:x} of {:x}: {:?} {:?}", txn.zxid, txn.session, txn.err, txn.changes));
        self.note(12, txn.zxid.unsigned_abs(), txn.err.get().unsigned_abs().into());
        self.check_leader_key(&txn);
        for change in &txn.changes {
            self.committed.apply(change, txn.zxid);
            if let Change::SessionEnds { id } = change
                && let Some(leader) = &mut self.leader
            {
                leader.tracker.ended(*id);
            }
        }
        self.log.push(Rc::new(txn));
        self.committed_at.push(self.now);
    }

    pub(crate) fn learn(&mut self, server: usize, epoch: i64, upto: usize) {
        let linked = self.leader.as_ref().is_some_and(|leader| self.linked(server, leader.server));
        if linked && self.is_awake(server) && self.servers[server].role == Role::Following(epoch) {
            self.apply_upto(server, upto);
        }
    }

    /// The buckets that end now.
    pub(crate) fn expire_sessions(&mut self) {
        let Some(server) = self.leader.as_ref().map(|leader| leader.server) else { return };
        if !self.is_awake(server) {
            return;
        }
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        for session in leader.tracker.expired(now) {
            self.totals.expiries += 1;
            self.say(|_| format!("session {session:x} expires"));
            self.propose(session, WriteOp::EndSession, Standing::Good, None);
        }
    }
}
