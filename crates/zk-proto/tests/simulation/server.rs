//! A server and its clients: the connect request, reads and pings it answers by itself, writes it passes on.
//!
//! Requests of a connection are answered in their order: a read or a ping behind a write waits until this server has applied
//! the write.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Rc,
};

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Decode, Encode, ErrorCode, FrameDecoder, FrameLimit, OpCode, Raw, Reader,
    records::{ReplyHeader, RequestHeader},
    write_frame,
};

use crate::{
    ensemble::LeaderMessage,
    network::{Direction, Item},
    plan::SetWatches,
    server_watches::ConnWatches,
    tree::{Change, Tree, Txn},
    world::{Happening, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Down,
    Looking,
    Following(i64),
    Leading(i64),
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) role: Role,
    pub(crate) frozen_until: u64,
    pub(crate) cut_until: u64,
    /// The sessions that were heard and not told to the leader yet: the touch table.
    pub(crate) heard: BTreeSet<i64>,
    pub(crate) leader_heard: u64,
    pub(crate) last_told: u64,
    pub(crate) last_learnt: u64,
    /// What was to be told to the leader while it could not be reached.
    pub(crate) untold: Vec<LeaderMessage>,
    pub(crate) tree: Tree,
    /// Its connections.
    pub(crate) conns: Vec<usize>,
    /// How much of the log is applied.
    applied: usize,
    /// Commits are learnt this much later, until then.
    pub(crate) lagging: (u64, u64),
}

impl Server {
    pub(crate) fn new() -> Self {
        Self {
            role: Role::Looking,
            frozen_until: 0,
            cut_until: 0,
            heard: BTreeSet::new(),
            leader_heard: 0,
            last_told: 0,
            last_learnt: 0,
            untold: Vec::new(),
            tree: Tree::seeded(),
            conns: Vec::new(),
            applied: 0,
            lagging: (0, 0),
        }
    }

    pub(crate) fn follow(&mut self, role: Role, now: u64) {
        self.role = role;
        self.leader_heard = now;
        self.last_learnt = now;
        self.untold.clear();
        self.heard.clear();
    }

    pub(crate) fn lag(&self, now: u64) -> u64 {
        if now < self.lagging.1 { self.lagging.0 } else { 0 }
    }

    pub(crate) fn serves(&self) -> bool {
        matches!(self.role, Role::Leading(_) | Role::Following(_))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    AwaitsConnect,
    Granting,
    Ready,
    Closed,
}

#[derive(Debug)]
enum Queued {
    Read { xid: i32, op: OpCode, body: Bytes },
    Write { number: u64, xid: i32, done: Option<(i64, ErrorCode, Bytes)>, last: bool },
}

/// A connection as its server sees it.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) stage: Stage,
    frames: FrameDecoder,
    received: BytesMut,
    pub(crate) session: i64,
    pub(crate) password: [u8; 16],
    queue: VecDeque<Queued>,
    pub(crate) writes: u64,
    pub(crate) watches: ConnWatches,
    /// It will leave out an answer: the next one comes out of its order.
    pub(crate) skips: bool,
}

impl Serving {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::AwaitsConnect,
            frames: FrameDecoder::new(FrameLimit::DEFAULT),
            received: BytesMut::new(),
            session: 0,
            password: [0; 16],
            queue: VecDeque::new(),
            writes: 0,
            watches: ConnWatches::default(),
            skips: false,
        }
    }

    /// Tells whether it was open.
    pub(crate) fn close(&mut self) -> bool {
        self.watches = ConnWatches::default();
        std::mem::replace(&mut self.stage, Stage::Closed) != Stage::Closed
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }
}

impl World {
    pub(crate) fn zxid_of(&self, server: usize) -> i64 {
        self.servers[server].applied.checked_sub(1).map_or(0, |last| self.log[last].zxid)
    }

    pub(crate) fn server_receives(&mut self, conn: usize, item: Item) {
        let server = self.conns[conn].server;
        if self.conns[conn].serving.stage == Stage::Closed {
            return;
        }
        match item {
            Item::Close { .. } => {
                self.conns[conn].serving.close();
                self.forget_conn(conn);
            }
            Item::Bytes(_) if self.servers[server].role == Role::Down => self.close_at_server(conn, true),
            Item::Bytes(bytes) => {
                let serving = &mut self.conns[conn].serving;
                serving.received.extend_from_slice(&bytes);
                while let Ok(Some(frame)) = {
                    let Serving { frames, received, .. } = &mut self.conns[conn].serving;
                    frames.decode(received)
                } {
                    self.request(conn, &frame);
                }
                self.pump(conn);
            }
        }
    }

    fn request(&mut self, conn: usize, frame: &Bytes) {
        match self.conns[conn].serving.stage {
            Stage::AwaitsConnect => self.connect_request(conn, frame),
            Stage::Granting => {
                self.violate("order", "something was sent before the connect request was answered");
            }
            Stage::Ready => {
                self.check_password_hidden(conn, frame);
                let server = self.conns[conn].server;
                let session = self.conns[conn].serving.session;
                self.hear(server, session);
                let mut reader = Reader::new(frame);
                let header = RequestHeader::decode(&mut reader).expect("a request of ours");
                self.enqueue(conn, header, reader.rest());
            }
            Stage::Closed => {}
        }
    }

    /// A server has heard of a session: a leader knows at once, a follower tells it when it is pinged.
    pub(crate) fn hear(&mut self, server: usize, session: i64) {
        let now = self.now;
        match (self.servers[server].role, &mut self.leader) {
            (Role::Leading(epoch), Some(leader)) if leader.epoch == epoch => {
                leader.tracker.touch(session, now);
            }
            (Role::Following(_), _) => {
                self.servers[server].heard.insert(session);
            }
            _ => {}
        }
    }

    fn enqueue(&mut self, conn: usize, RequestHeader { xid, op }: RequestHeader, body: Bytes) {
        let last = op == OpCode::CLOSE_SESSION;
        let Some(write) = crate::requests::decode_write(op, &body) else {
            self.conns[conn].serving.queue.push_back(Queued::Read { xid, op, body });
            return;
        };
        let serving = &mut self.conns[conn].serving;
        serving.writes += 1;
        let number = serving.writes;
        let session = serving.session;
        serving.queue.push_back(Queued::Write { number, xid, done: None, last });
        let server = self.conns[conn].server;
        self.tell_leader(server, LeaderMessage::Write { session, op: write, conn, number });
    }

    /// Answers what can be answered.
    fn pump(&mut self, conn: usize) {
        while self.conns[conn].serving.stage == Stage::Ready {
            match self.conns[conn].serving.queue.pop_front() {
                Some(Queued::Read { xid, op, body }) => self.answer_read(conn, xid, op, &body),
                Some(Queued::Write { xid, done: Some((zxid, err, body)), last, .. }) => {
                    self.reply(conn, xid, zxid, err, &Raw(body));
                    if last {
                        self.close_at_server(conn, false);
                    }
                }
                Some(waiting) => return self.conns[conn].serving.queue.push_front(waiting),
                None => return,
            }
        }
    }

    fn answer_read(&mut self, conn: usize, xid: i32, op: OpCode, body: &Bytes) {
        let server = self.conns[conn].server;
        let zxid = self.zxid_of(server);
        if matches!(op, OpCode::SET_WATCHES | OpCode::SET_WATCHES2) {
            match self.plan.set_watches {
                SetWatches::Known => {}
                SetWatches::Refused => {
                    self.reply(conn, xid, zxid, ErrorCode::UNIMPLEMENTED, &());
                    return self.close_at_server(conn, false);
                }
                SetWatches::Closes => return self.close_at_server(conn, false),
            }
            self.totals.restorations += 1;
        }
        let tree = &self.servers[server].tree;
        let watches = &mut self.conns[conn].serving.watches;
        let answer = crate::requests::read(tree, watches, op, body);
        for (kind, path) in answer.events {
            self.tell_event(conn, kind, &path, zxid);
        }
        self.reply(conn, xid, zxid, answer.err, &Raw(answer.body));
    }

    pub(crate) fn reply(&mut self, conn: usize, xid: i32, zxid: i64, err: ErrorCode, body: &impl Encode) {
        if xid > 0 && std::mem::take(&mut self.conns[conn].serving.skips) {
            return;
        }
        let mut bytes = BytesMut::new();
        let header = ReplyHeader { xid, zxid, err };
        if err == ErrorCode::OK {
            write_frame(&mut bytes, &header, body).expect("small");
        } else {
            write_frame(&mut bytes, &header, &()).expect("small");
        }
        let client = self.conns[conn].client;
        self.clients[client].ledger.reply_sent(zxid);
        self.send(conn, Direction::Client, bytes.freeze());
    }

    /// Applies what was committed, and tells the clients of this server what they wait for.
    pub(crate) fn apply_upto(&mut self, server: usize, upto: usize) {
        while self.servers[server].applied < upto {
            let txn = Rc::clone(&self.log[self.servers[server].applied]);
            self.servers[server].applied += 1;
            for change in &txn.changes {
                self.servers[server].tree.apply(change, txn.zxid);
                if self.servers[server].serves() {
                    self.fire_watches(server, change, txn.zxid);
                }
            }
            self.answer_origin(server, &txn);
            for change in &txn.changes {
                if let Change::SessionEnds { id } = change {
                    self.drop_session(server, *id);
                }
            }
        }
    }

    fn answer_origin(&mut self, server: usize, txn: &Txn) {
        let Some((_, conn, number)) = txn.origin.filter(|(origin, ..)| *origin == server) else { return };
        if let [Change::SessionBegins { record, .. }] = txn.changes.as_slice() {
            if self.conns[conn].serving.stage == Stage::Granting {
                self.grant(conn, Some(record.timeout));
            }
            return;
        }
        let waiting = self.conns[conn].serving.queue.iter_mut().find_map(|queued| match queued {
            Queued::Write { number: own, done, .. } if *own == number => Some(done),
            _ => None,
        });
        if let Some(done) = waiting {
            *done = Some((txn.zxid, txn.err, txn.body.clone()));
            self.pump(conn);
        }
    }

    /// The session is over: its connection here is dropped.
    fn drop_session(&mut self, server: usize, session: i64) {
        for conn in self.servers[server].conns.clone() {
            if self.conns[conn].serving.session == session {
                self.close_at_server(conn, false);
            }
        }
    }

    pub(crate) fn restart(&mut self, server: usize) {
        if self.servers[server].role == Role::Down {
            self.servers[server].role = Role::Looking;
            self.say(|_| format!("server {server} starts"));
        }
    }

    /// Whether a probe on a connection of its own is answered.
    pub(crate) fn answers_probe(&self, server: usize) -> bool {
        self.servers[server].role != Role::Down && self.servers[server].frozen_until <= self.now
    }

    pub(crate) fn after_answer(&mut self, client: usize, connection: u64) {
        let way = self.latency() * 2;
        self.after(way, Happening::ProbeAnswered { client, connection });
    }
}
