//! One or more servers on one tree, without I/O: frames and times go in, frames come out.
//!
//! Server 0 is the leader, and the only one unless this is an ensemble. It checks writes and numbers them; every server applies
//! them to its own copy, the leader at once, the others when they are [due](members). A request that waits for a transaction
//! holds up those behind it on its connection, as in ZooKeeper:
//!
//! ```text
//!             ┌───────────────────── run: next request ─────────────────────┐
//!             ▼                                                             │
//!  receive ► queue ─► read, ping ─────────────────────────► reply ──────────┤
//!                 └─► write ─► leader: prepare, commit ─► apply ─► events, reply
//! ```
//!
//! Order of calls: [`accept`](Engine::accept), then [`receive`](Engine::receive) for every frame, then
//! [`disconnect`](Engine::disconnect); [`tick`](Engine::tick) when [`next_deadline`](Engine::next_deadline) has come.
//! After each of them [`take_outputs`](Engine::take_outputs) says what is to be sent.

mod connect;
mod control;
mod members;
mod read;
mod reply;
mod write;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use zk_jute::{
    Decode, Encode, ErrorCode, OpCode, Reader,
    records::{RequestHeader, SetSASLResponse},
    xid::PING_XID,
};

pub use self::control::SessionView;
pub(crate) use self::control::{ConnectionReport, Report};
use self::members::Member;
use crate::{
    acl::Identity,
    faults::{Fault, Plan, Seen},
    moment::Moment,
    sessions::Sessions,
    watches::ConnectionId,
};

/// The server that checks and numbers writes.
pub(crate) const LEADER: usize = 0;

/// What a server is set to.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) tick: Duration,
    pub(crate) min_session_timeout: Duration,
    pub(crate) max_session_timeout: Duration,
    /// Between two looks for containers and znodes that are to go.
    pub(crate) container_check: Duration,
    /// Whether times to live are switched on.
    pub(crate) ttl: bool,
    /// How long a follower that is cut off goes on serving.
    pub(crate) sync_limit: Duration,
    pub(crate) seed: u64,
}

/// What is to be done to a connection.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) to: ConnectionId,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// Send these bytes.
    Send(Bytes),
    /// Hold back for so long what is sent from now on.
    Delay(Duration),
    /// Neither read nor write, until resumed.
    Stall,
    Resume,
    /// Close it when everything before has been sent.
    Close,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The connect request is awaited.
    New,
    /// The session has been asked for and is not there yet.
    Joining,
    Open,
}

/// What the request at the head of a connection's queue waits for.
#[derive(Debug)]
enum Awaited {
    /// That this server has applied a transaction.
    Applied { zxid: i64, xid: i32, op: OpCode },
    /// That this server has caught up, for a sync of this path.
    CaughtUp { zxid: i64, xid: i32, path: Box<str> },
    /// That this server is in touch with the leader again.
    Leader,
}

/// What happens to the next reply of a connection.
#[derive(Debug, Clone, Copy)]
enum OnReply {
    Delay(Duration),
    Lose,
}

#[derive(Debug)]
struct Connection {
    server: usize,
    address: Box<str>,
    identities: Vec<Identity>,
    phase: Phase,
    /// 0 before there is one.
    session: i64,
    timeout: Duration,
    /// Clients before 3.4 do not know of read-only servers, and stumble over the flag.
    knows_read_only: bool,
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    awaited: Option<Awaited>,
    on_reply: Option<OnReply>,
    received: u64,
    sent: u64,
}

/// One or more servers on one tree. See the [module](self).
#[derive(Debug)]
pub(crate) struct Engine {
    settings: Settings,
    sessions: Sessions,
    /// Of the last transaction.
    zxid: i64,
    members: Vec<Member>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    next_container_check: Duration,
    /// Nothing is done while it is.
    frozen: bool,
    faults: Plan,
    /// What the next connect is told its session id to be.
    session_id_to_tell: Option<i64>,
    outputs: Vec<Output>,
}

impl Engine {
    pub(crate) fn new(settings: Settings, servers: usize) -> Self {
        Self {
            sessions: Sessions::new(settings.tick, settings.seed),
            zxid: 0,
            members: (0..servers.max(1)).map(|_| Member::new()).collect(),
            connections: BTreeMap::new(),
            next_connection: 0,
            next_container_check: settings.container_check,
            frozen: false,
            faults: Plan::default(),
            session_id_to_tell: None,
            outputs: Vec::new(),
            settings,
        }
    }

    /// A client has connected to a server from this address.
    pub(crate) fn accept(&mut self, server: usize, address: &str) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection = self.next_connection.wrapping_add(1);
        let connection = Connection {
            server,
            address: address.into(),
            identities: vec![Identity::of_address(address.rsplit_once(':').map_or(address, |(ip, _)| ip))],
            phase: Phase::New,
            session: 0,
            timeout: Duration::ZERO,
            knows_read_only: false,
            queue: VecDeque::new(),
            queued_bytes: 0,
            awaited: None,
            on_reply: None,
            received: 0,
            sent: 0,
        };
        self.connections.insert(id, connection);
        if self.frozen {
            self.output(id, What::Stall);
        }
        id
    }

    /// The connection is gone. Its session lives on until it expires.
    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.remove(&id)
            && let Some(member) = self.members.get_mut(connection.server)
        {
            member.forget(id);
        }
    }

    /// A frame, without its length, has arrived on a connection.
    pub(crate) fn receive(&mut self, now: Moment, id: ConnectionId, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.received = connection.received.saturating_add(1);
        if connection.phase == Phase::New && connection.awaited.is_none() {
            return self.connect(now, id, frame);
        }
        let mut reader = Reader::new(&frame);
        let Ok(header) = RequestHeader::decode(&mut reader) else { return self.close(id) };
        // These two are answered by whoever reads them, past all that is queued, and do not touch the session.
        match header.op {
            OpCode::AUTH => return self.authenticate(id, header, &reader.rest()),
            OpCode::SASL => {
                return self.reply(id, header.xid, 0, Ok(SetSASLResponse { token: None }.to_bytes()));
            }
            _ => {}
        }
        if connection.phase == Phase::Open && !self.touch(now, id) {
            // The session is over, and so will the connection be: such requests are dropped.
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.queued_bytes = connection.queued_bytes.saturating_add(frame.len());
        connection.queue.push_back(frame);
        self.run(now, id);
    }

    /// Whether the connection has so much to do that no more should be read from it.
    pub(crate) fn is_overfull(&self, id: ConnectionId) -> bool {
        const MOST: usize = 1 << 20;
        self.connections.get(&id).is_some_and(|connection| connection.queued_bytes > MOST)
    }

    /// Whether the connection has no session yet.
    pub(crate) fn is_new(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.phase == Phase::New)
    }

    /// What is to be sent, in order.
    pub(crate) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Carries out what is queued on a connection, up to the first request that has to wait.
    fn run(&mut self, now: Moment, id: ConnectionId) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else { return };
            if connection.awaited.is_some() || connection.phase != Phase::Open {
                return;
            }
            let Some(frame) = connection.queue.pop_front() else { return };
            connection.queued_bytes = connection.queued_bytes.saturating_sub(frame.len());
            self.execute(now, id, frame);
        }
    }

    fn execute(&mut self, now: Moment, id: ConnectionId, frame: Bytes) {
        let mut reader = Reader::new(&frame);
        let Ok(header) = RequestHeader::decode(&mut reader) else { return self.close(id) };
        let body = reader.rest();
        if let Some(fault) = self.strike(id, header.op, &body) {
            match fault {
                Fault::Answer(code) => return self.refuse(id, header.xid, code),
                Fault::DelayReply(delay) => self.on_reply(id, OnReply::Delay(delay)),
                Fault::LoseReply => self.on_reply(id, OnReply::Lose),
                Fault::Drop => return self.close(id),
                Fault::Stall => return self.output(id, What::Stall),
            }
        }
        if !write::is_write(header.op)
            && let Err(code) = self.check_reader(id)
        {
            return match code {
                ErrorCode::SESSION_MOVED => self.close(id),
                code => self.refuse(id, header.xid, code),
            };
        }
        match header.op {
            OpCode::PING => {
                let zxid = self.zxid_at(id);
                self.reply(id, PING_XID, zxid, Ok(Bytes::new()));
            }
            op if write::is_write(op) => self.write(now, id, header, &body, &frame),
            OpCode::SYNC => self.sync(id, header, &body, &frame),
            op if read::is_read(op) => {
                let answer = self.read(id, op, &body);
                let zxid = self.zxid_at(id);
                self.reply(id, header.xid, zxid, answer);
            }
            _ => {
                self.reply(id, header.xid, -1, Err(ErrorCode::UNIMPLEMENTED));
                self.close(id);
            }
        }
    }

    /// Whether the leader's own client may ask: a follower does not know who has gone elsewhere.
    fn check_reader(&self, id: ConnectionId) -> Result<(), ErrorCode> {
        match self.connections.get(&id) {
            Some(connection) if connection.server == LEADER => {
                self.sessions.check(connection.session, LEADER)
            }
            _ => Ok(()),
        }
    }

    fn strike(&mut self, id: ConnectionId, op: OpCode, body: &Bytes) -> Option<Fault> {
        let connection = self.connections.get(&id)?;
        self.faults.strike(&Seen { server: connection.server, session: connection.session, op, body })
    }
}

/// Reads the record that a request begins with; servers do not look at what follows it.
fn decode<'a, T: Decode<'a>>(body: &'a Bytes) -> Result<T, ErrorCode> {
    T::decode(&mut Reader::new(body)).map_err(|_| ErrorCode::MARSHALLING_ERROR)
}
