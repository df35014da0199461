//! What the holder of a server can ask of it and do to it, besides its clients.

use std::time::Duration;

use super::{ConnectionId, Engine, LEADER, Phase, What};
use crate::{
    faults::{Fault, FaultId, Match},
    moment::Moment,
};

/// A session, as the server counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionView {
    /// Its id.
    pub session_id: i64,
    /// The timeout that was granted.
    pub timeout: Duration,
    /// What is left until it expires, if nothing is heard of its client.
    pub expires_in: Duration,
}

impl Engine {
    /// All sessions, by id.
    pub(crate) fn sessions(&self, now: Moment) -> Vec<SessionView> {
        let view = |session_id| {
            let (at, timeout) = self.sessions.expiry(session_id)?;
            Some(SessionView { session_id, timeout, expires_in: at.saturating_sub(now.elapsed) })
        };
        self.sessions.ids().filter_map(view).collect()
    }

    /// The zxid of the last transaction.
    pub(crate) fn last_zxid(&self) -> i64 {
        self.zxid
    }

    pub(crate) fn servers(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn add_fault(&mut self, matching: Match, fault: Fault, times: Option<u32>) -> FaultId {
        self.faults.add(matching, fault, times)
    }

    pub(crate) fn end_fault(&mut self, id: FaultId) {
        self.faults.end(id);
    }

    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
        self.session_id_to_tell = None;
    }

    pub(crate) fn fault_hits(&self, id: FaultId) -> u32 {
        self.faults.hits(id)
    }

    /// Ends a session as if it had expired; `false` if there is none.
    pub(crate) fn expire_session(&mut self, now: Moment, session: i64) -> bool {
        self.expire(now, session)
    }

    /// Ends the connections of a session, or all; returns how many.
    pub(crate) fn drop_connections(&mut self, session: Option<i64>) -> usize {
        let ids = self.connections_of(session);
        for id in &ids {
            self.close(*id);
        }
        ids.len()
    }

    /// Silences the connections of a session, or all, or lets them go on; returns how many.
    pub(crate) fn stall(&mut self, session: Option<i64>, stall: bool) -> usize {
        let ids = self.connections_of(session);
        for id in &ids {
            self.output(*id, if stall { What::Stall } else { What::Resume });
        }
        ids.len()
    }

    /// Stands still, or goes on: meanwhile nothing is received, sent or counted.
    pub(crate) fn freeze(&mut self, now: Moment, frozen: bool) {
        self.frozen = frozen;
        self.stall(None, frozen);
        if !frozen {
            self.tick(now);
        }
    }

    /// Counts all sessions anew.
    pub(crate) fn touch_all(&mut self, now: Moment) {
        for session in self.sessions.ids().collect::<Vec<_>>() {
            if let Some((_, timeout)) = self.sessions.expiry(session) {
                self.sessions.touch(now.elapsed, session, timeout);
            }
        }
    }

    fn connections_of(&self, session: Option<i64>) -> Vec<ConnectionId> {
        self.connections_that(|connection| session.is_none_or(|session| connection.session == session))
    }

    /// Gives the next client that connects this session id in the place of its own.
    pub(crate) fn tell_session_id(&mut self, session: i64) {
        self.session_id_to_tell = Some(session);
    }

    /// Makes the lone server read-only, or makes it write again. Either way its clients have to come anew; the sessions of
    /// a read-only server end with it.
    pub(crate) fn set_read_only(&mut self, now: Moment, read_only: bool) {
        let Some(leader) = self.members.get_mut(LEADER) else { return };
        if leader.read_only == read_only {
            return;
        }
        leader.read_only = read_only;
        self.close_all(LEADER);
        let local: Vec<i64> = self.sessions.ids().filter(|id| self.sessions.is_local(*id)).collect();
        for session in local {
            self.expire(now, session);
        }
    }

    /// What the four-letter words tell of a server.
    pub(crate) fn report(&self, server: usize) -> Option<Report> {
        let member = self.members.get(server)?;
        let of_this = self.connections.values().filter(|connection| connection.server == server);
        let connections: Vec<ConnectionReport> = of_this
            .map(|connection| ConnectionReport {
                address: connection.address.to_string(),
                session: (connection.phase == Phase::Open).then_some(connection.session),
                timeout: connection.timeout,
                queued: connection.queue.len(),
                received: connection.received,
                sent: connection.sent,
            })
            .collect();
        Some(Report {
            serves: member.serves,
            read_only: member.read_only,
            mode: match (member.read_only, self.members.len(), server) {
                (true, ..) => "read-only",
                (_, 1, _) => "standalone",
                (_, _, LEADER) => "leader",
                _ => "follower",
            },
            zxid: member.replica.zxid,
            znodes: member.replica.tree.count(),
            ephemerals: member.replica.tree.count_ephemerals(),
            data_size: member.replica.tree.size(),
            watches: member.replica.watches.data.counts(),
            connections,
        })
    }
}

/// What a server tells of itself.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) serves: bool,
    pub(crate) read_only: bool,
    pub(crate) mode: &'static str,
    pub(crate) zxid: i64,
    pub(crate) znodes: usize,
    pub(crate) ephemerals: usize,
    pub(crate) data_size: usize,
    /// Connections, paths, watches.
    pub(crate) watches: (usize, usize, usize),
    pub(crate) connections: Vec<ConnectionReport>,
}

/// What a server tells of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionReport {
    pub(crate) address: String,
    pub(crate) session: Option<i64>,
    pub(crate) timeout: Duration,
    pub(crate) queued: usize,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}
