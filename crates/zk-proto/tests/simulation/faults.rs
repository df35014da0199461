//! What goes wrong, and when.

use bytes::{BufMut, Bytes, BytesMut};
use zk_jute::{
    ErrorCode, EventType, KeeperState, OpCode, Raw,
    records::{ReplyHeader, WatcherEvent},
    write_frame,
    xid::{AUTH_XID, WATCH_EVENT_XID},
};

use crate::{
    network::Direction,
    plan::MS,
    server::Role,
    world::{Happening, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A server dies and is started again.
    Crash,
    /// A server stands still.
    Freeze,
    /// A server is cut off from the others; its clients reach nobody else.
    CutWithClients,
    /// A server is cut off from the others.
    Cut,
    /// A client reaches no server.
    Isolate,
    /// A client and its server do not reach each other.
    Block,
    /// A client stands still; its clock does not.
    FreezeClient,
    SlowQuorum,
    /// A follower learns late what was committed.
    Lag,
    Reset,
    /// Nothing gets through one way of a connection, for ever.
    HalfOpen,
    /// A server says something that it must not.
    Hostile,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::Crash,
        Self::Freeze,
        Self::CutWithClients,
        Self::Cut,
        Self::Isolate,
        Self::Block,
        Self::FreezeClient,
        Self::SlowQuorum,
        Self::Lag,
        Self::Reset,
        Self::HalfOpen,
        Self::Hostile,
    ];
}

/// A zxid that no server of a run gets near.
const ABSURD_ZXID: i64 = 0x7fff_0000_0000_0001;

impl World {
    pub(crate) fn plan_faults(&mut self) {
        let mut at = 500 * MS;
        while at < self.plan.end {
            let fault = Fault::ALL[self.rng.usize(..Fault::ALL.len())];
            self.at(at, Happening::Fault(fault));
            at += self.rng.u64(1..2 * self.plan.fault_gap);
        }
    }

    /// How long a fault lasts: mostly short against a session, sometimes longer. It ends with the run.
    fn lasting(&mut self) -> u64 {
        let longest = if self.rng.u8(..3) == 0 { self.plan.timeout * 2 } else { self.plan.timeout / 2 };
        let until = (self.now + self.rng.u64(50 * MS..longest)).min(self.plan.end);
        self.at(until, Happening::Heal);
        until
    }

    pub(crate) fn strike(&mut self, fault: Fault) {
        let server = match &self.leader {
            Some(leader) if self.rng.u8(..3) == 0 => leader.server,
            _ => self.rng.usize(..self.servers.len()),
        };
        let client = self.rng.usize(..self.clients.len());
        self.totals.faults[fault as usize] += 1;
        self.note(40 + fault as u64, server as u64, client as u64);
        self.say(|_| format!("FAULT {fault:?}: server {server}, client {client}"));
        match fault {
            Fault::Crash => self.crash(server),
            Fault::Freeze => {
                let until = self.lasting();
                self.servers[server].frozen_until = until;
            }
            Fault::CutWithClients => self.cut_with_clients(server),
            Fault::Cut => {
                let until = self.lasting();
                self.servers[server].cut_until = until;
            }
            Fault::Isolate => {
                let until = self.lasting();
                self.blocked[client].fill(until);
            }
            Fault::Block => {
                let server = self.server_of_client(client).unwrap_or(server);
                self.blocked[client][server] = self.lasting();
            }
            Fault::FreezeClient => self.clients[client].frozen_until = self.lasting(),
            Fault::SlowQuorum => {
                let until = self.lasting();
                self.slow_quorum = (self.rng.u64(50 * MS..self.plan.timeout), until);
            }
            Fault::Lag => {
                let until = self.lasting();
                self.servers[server].lagging = (self.rng.u64(5 * MS..self.plan.timeout / 2), until);
            }
            Fault::Reset => {
                if let Some(conn) = self.clients[client].conn {
                    self.close_at_server(conn, true);
                }
            }
            Fault::HalfOpen => {
                if let Some(conn) = self.clients[client].conn {
                    let to = if self.rng.bool() { Direction::Server } else { Direction::Client };
                    self.kill_lane(conn, to, u64::MAX);
                }
            }
            Fault::Hostile => self.hostile(client),
        }
    }

    fn server_of_client(&self, client: usize) -> Option<usize> {
        Some(self.conns[self.clients[client].conn?].server)
    }

    fn crash(&mut self, server: usize) {
        if self.servers[server].role == Role::Down {
            return;
        }
        self.desert(server, Role::Down);
        let until = self.lasting();
        self.at(until, Happening::Restart { server });
    }

    fn cut_with_clients(&mut self, server: usize) {
        let until = self.lasting();
        self.servers[server].cut_until = until;
        for client in 0..self.clients.len() {
            if self.server_of_client(client) == Some(server) {
                for other in (0..self.servers.len()).filter(|other| *other != server) {
                    self.blocked[client][other] = until;
                }
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        self.release_servers();
        self.release();
        for client in 0..self.clients.len() {
            if !self.is_frozen(client) {
                self.wake(client);
            }
        }
    }

    /// Bytes that a server must not send, between its own.
    fn hostile(&mut self, client: usize) {
        let Some(conn) = self.clients[client].conn.filter(|conn| self.conns[*conn].serving.is_ready()) else {
            return;
        };
        let zxid = if self.rng.bool() { 1 } else { ABSURD_ZXID };
        let reply = |xid| ReplyHeader { xid, zxid, err: ErrorCode::OK };
        let mut bytes = BytesMut::new();
        let written = match self.rng.u8(..8) {
            0 => write_frame(&mut bytes, &reply(0x6fff_ffff), &()),
            1 => write_frame(&mut bytes, &reply(AUTH_XID), &()),
            2 => {
                bytes.put_i32(-1);
                Ok(())
            }
            3 => {
                bytes.put_i32(i32::MAX);
                Ok(())
            }
            4 => write_frame(&mut bytes, &reply(WATCH_EVENT_XID), &Raw(Bytes::from_static(b"\xff\xff"))),
            5 => {
                let state = KeeperState::SYNC_CONNECTED;
                let event = WatcherEvent { event_type: EventType::NODE_DELETED, state, path: "/nobody" };
                write_frame(&mut bytes, &reply(WATCH_EVENT_XID), &event)
            }
            6 => {
                self.conns[conn].serving.skips = true;
                return;
            }
            _ => write_frame(&mut bytes, &reply(-3), &OpCode::PING.get()),
        };
        written.expect("small");
        self.send(conn, Direction::Client, bytes.freeze());
    }
}
