//! Who leads, and who follows.
//!
//! ```text
//!            elected                       cut off, frozen or deserted for syncLimit ticks, or crashed
//!  Looking ───────────▶ Leading(epoch) ──────────────────────────────▶ Looking (all its clients are dropped)
//!     ▲ └─────────────▶ Following(epoch) ──────────────────────────────┘
//!     └── restarted ◀── Down
//! ```
//!
//! A server that is cut off or wakes up does not know that it is deposed until it looks, and goes on answering pings and
//! reads until then.

use std::collections::VecDeque;

use crate::{
    ensemble::Leader,
    plan::MS,
    server::Role,
    tracker::Tracker,
    world::{Happening, World},
};

impl World {
    /// Those who look for a leader elect one, if they are enough.
    pub(crate) fn elect(&mut self) {
        self.electing = false;
        let voters: Vec<usize> = (0..self.servers.len())
            .filter(|server| self.servers[*server].role == Role::Looking && self.is_awake(*server))
            .filter(|server| self.servers[*server].cut_until <= self.now)
            .collect();
        if voters.len() < self.plan.majority() {
            return;
        }
        self.settle_proposals();
        self.epoch += 1;
        let server = voters[self.rng.usize(..voters.len())];
        let members =
            (0..self.servers.len()).map(|server| voters.contains(&server).then_some(self.now)).collect();
        self.leader = Some(Leader {
            server,
            epoch: self.epoch,
            members,
            tracker: Tracker::new(self.plan.tick, self.now, &self.committed),
            head: self.committed.clone(),
            proposals: VecDeque::new(),
            counter: 0,
            inbox: Vec::new(),
        });
        for voter in voters {
            self.follow(voter);
        }
        self.totals.elections += 1;
        self.note(10, server as u64, self.epoch.unsigned_abs());
        self.say(|world| format!("server {server} leads epoch {}", world.epoch));
    }

    /// A server takes its place under the leader of now, and catches up.
    fn follow(&mut self, server: usize) {
        let Some(leader) = &self.leader else { return };
        let role =
            if leader.server == server { Role::Leading(leader.epoch) } else { Role::Following(leader.epoch) };
        self.apply_upto(server, self.log.len());
        self.servers[server].follow(role, self.now);
    }

    /// What the last leader had proposed: some of it got through to those who elect, the rest is lost.
    pub(crate) fn settle_proposals(&mut self) {
        let Some(leader) = self.leader.take() else { return };
        let mut proposals = leader.proposals;
        proposals.truncate(self.rng.usize(..=proposals.len()));
        for proposal in proposals {
            self.commit(proposal.txn);
        }
    }

    /// A server is no part of the quorum any more: it drops its clients and looks for a leader.
    pub(crate) fn desert(&mut self, server: usize, role: Role) {
        if self.leads(server) {
            self.settle_proposals();
        }
        self.servers[server].role = role;
        self.servers[server].heard.clear();
        for conn in self.servers[server].conns.clone() {
            self.close_at_server(conn, role == Role::Down);
        }
        self.say(|_| format!("server {server} is {role:?}"));
        self.note(11, server as u64, u64::from(role == Role::Down));
    }

    /// What a server does every half tick.
    pub(crate) fn half_tick(&mut self, server: usize) {
        if !self.is_awake(server) {
            return;
        }
        let limit = self.plan.sync_limit * self.plan.tick;
        match self.servers[server].role {
            Role::Down => {}
            Role::Looking => self.look(server),
            Role::Leading(_) if !self.leads(server) => self.desert(server, Role::Looking),
            Role::Leading(_) => self.ping_followers(server, limit),
            Role::Following(epoch) => {
                let (told, reached) = match &self.leader {
                    Some(leader) => (
                        leader.epoch != epoch || leader.members[server].is_none(),
                        self.linked(server, leader.server),
                    ),
                    None => (true, self.servers[server].cut_until <= self.now),
                };
                if self.now - self.servers[server].leader_heard > limit || (told && reached) {
                    self.desert(server, Role::Looking);
                }
            }
        }
    }

    fn look(&mut self, server: usize) {
        let found = self.leader.as_ref().map(|leader| leader.server).filter(|leader| {
            self.is_awake(*leader)
                && self.linked(server, *leader)
                && matches!(self.servers[*leader].role, Role::Leading(_))
        });
        if found.is_some() {
            self.follow(server);
            let now = self.now;
            if let Some(leader) = &mut self.leader {
                leader.members[server] = Some(now);
            }
            self.say(|_| format!("server {server} follows"));
        } else if !self.electing {
            self.electing = true;
            let delay = self.rng.u64(20 * MS..300 * MS);
            self.after(delay, Happening::Elect);
        }
    }

    fn ping_followers(&mut self, server: usize, limit: u64) {
        let Some(mut leader) = self.leader.take() else { return };
        let mut following = 0;
        for follower in 0..leader.members.len() {
            let Some(heard) = leader.members[follower] else { continue };
            if follower == server || (self.is_awake(follower) && self.linked(server, follower)) {
                leader.members[follower] = Some(self.now);
                following += 1;
                if follower != server {
                    let way = self.latency();
                    self.after(way, Happening::Ping { server: follower, epoch: leader.epoch });
                }
            } else if self.now - heard > limit || self.servers[follower].role == Role::Down {
                leader.members[follower] = None;
            } else {
                following += 1;
            }
        }
        let epoch = leader.epoch;
        self.leader = Some(leader);
        if following < self.plan.majority() {
            self.say(|_| format!("server {server} is deserted"));
            self.desert(server, Role::Looking);
        } else {
            self.acknowledged(epoch);
        }
    }
}
