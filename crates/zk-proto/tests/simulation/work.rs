//! What the clients do: contend for the leader key and believe that they hold it, write, read, watch.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, Encode, ErrorCode, OpCode, Permissions,
    records::{
        Acl, AddWatchRequest, CheckVersionRequest, CreateRequest, DeleteRequest, ExistsRequest,
        ExistsResponse, GetChildren2Request, GetDataRequest, Id, MultiOp, MultiRequest, SetDataRequest,
    },
};
use zk_proto::{
    Reply, Request, RequestError, SessionInfo, State, StateChange, Timestamp, WatchId, WatchNotice, WatchOn,
    WhenDisconnected,
};

use crate::{
    client::WORK_PAUSE,
    ledger::Asked,
    plan::MS,
    requests::MODES,
    world::{Happening, World, mark},
};

pub(crate) const LEADER: &str = "/leader";

/// What a client knows about the leader key.
#[derive(Debug)]
pub(crate) struct App {
    contender: bool,
    /// The session that holds the key, by what a server has answered.
    holds: Option<SessionInfo>,
    /// It looks as if nobody held the key.
    vacant: bool,
    /// An answer about the key is awaited.
    asking: Option<u64>,
    /// It was given away, and nobody said whether that came through: it may still do, whatever a read shows. Nothing more
    /// is done in this session; `dcs-zk` restarts it.
    doubt: bool,
    given_up: bool,
}

impl App {
    pub(crate) fn new(contender: bool) -> Self {
        Self { contender, holds: None, vacant: false, asking: None, doubt: false, given_up: false }
    }

    pub(crate) fn session_expired(&mut self) {
        self.holds = None;
        self.vacant = false;
        self.doubt = false;
    }

    pub(crate) fn give_up(&mut self) {
        self.holds = None;
        self.given_up = true;
    }
}

impl World {
    /// Until when a client believes that it leads, on its clock: `quorum_proof + negotiated − margin`.
    pub(crate) fn believes_until(&self, client: usize) -> Option<Timestamp> {
        let held = self.clients[client].app.holds?;
        let session = &self.clients[client].session;
        let margin = Duration::from_micros(self.plan.margin());
        let proof = session.quorum_proof()?;
        Some(proof.after(held.negotiated_timeout).before(margin))
    }

    pub(crate) fn believes(&self, client: usize) -> bool {
        self.believes_until(client).is_some_and(|until| self.local(client) < until)
    }

    pub(crate) fn work(&mut self, client: usize, again: bool) {
        if self.now >= self.plan.end {
            return;
        }
        if again {
            let pause = self.rng.u64(WORK_PAUSE);
            self.after(pause, Happening::Work { client, again });
        }
        if self.is_frozen(client) {
            return;
        }
        let holds = self.clients[client].app.holds.is_some();
        if self.plan.quiet_leaders && holds && self.rng.u8(..16) != 0 {
            self.ask(client, OpCode::EXISTS, exists(LEADER, false), None);
        } else if self.clients[client].app.contender && (!again || self.rng.u8(..4) != 0) {
            self.contend(client);
        } else {
            self.do_something(client);
        }
        self.settle(client);
    }

    fn contend(&mut self, client: usize) {
        if self.clients[client].app.asking.is_some() {
            return;
        }
        let token = if self.clients[client].app.holds.is_some() {
            match self.rng.u8(..40) {
                0 => {
                    // Belief ends before the key is given away.
                    self.clients[client].app.holds = None;
                    self.clients[client].app.doubt = true;
                    self.totals.releases += 1;
                    self.delete(client, LEADER)
                }
                1..4 => self.ask(client, OpCode::EXISTS, exists(LEADER, true), watch_exists(LEADER)),
                4..14 => self.set(client, LEADER),
                _ => self.renew(client),
            }
        } else if self.clients[client].app.doubt {
            // Giving it away again might take it from another.
            self.ask(client, OpCode::EXISTS, exists(LEADER, true), watch_exists(LEADER))
        } else if self.clients[client].app.vacant {
            self.create(client, LEADER, CreateMode::EPHEMERAL)
        } else {
            self.ask(client, OpCode::EXISTS, exists(LEADER, true), watch_exists(LEADER))
        };
        // Refused at once, it was answered already.
        if !self.clients[client].ledger.is_resolved(token) {
            self.clients[client].app.asking = Some(token);
        }
    }

    fn do_something(&mut self, client: usize) {
        match self.rng.u8(..16) {
            0..3 => {
                let path = ["/a", "/b"][self.rng.usize(..2)];
                self.set(client, path);
            }
            3..6 => {
                let path = ["/kids/x", "/kids/y", "/x"][self.rng.usize(..3)];
                let ephemeral = self.rng.bool();
                let mode = if ephemeral { CreateMode::EPHEMERAL } else { CreateMode::PERSISTENT };
                self.create(client, path, mode);
            }
            6..8 => {
                let path = ["/kids/x", "/kids/y", "/x"][self.rng.usize(..3)];
                self.delete(client, path);
            }
            8..10 => {
                let path = ["/a", "/b", "/status", "/kids/x"][self.rng.usize(..4)];
                let body = GetDataRequest { path, watch: true }.to_bytes();
                self.ask(client, OpCode::GET_DATA, body, Some(WatchOn::Data(path.to_owned())));
            }
            10 | 11 => {
                let path = ["/x", "/kids/y"][self.rng.usize(..2)];
                self.ask(client, OpCode::EXISTS, exists(path, true), watch_exists(path));
            }
            12 => {
                let body = GetChildren2Request { path: "/kids", watch: true }.to_bytes();
                self.ask(client, OpCode::GET_CHILDREN2, body, Some(WatchOn::Children("/kids".to_owned())));
            }
            13 => {
                let which = self.rng.usize(..2);
                let (path, on) = [
                    ("/a", WatchOn::Persistent("/a".to_owned())),
                    ("/kids", WatchOn::Recursive("/kids".to_owned())),
                ][which]
                    .clone();
                let body = AddWatchRequest { path, mode: MODES[which] }.to_bytes();
                self.ask(client, OpCode::ADD_WATCH, body, Some(on));
            }
            14 => self.burst(client),
            _ => self.forget(client),
        }
    }

    /// Many at once, more than a small queue takes.
    fn burst(&mut self, client: usize) {
        for _ in 0..self.rng.usize(2..10) {
            if self.rng.bool() {
                self.set(client, "/b");
            } else {
                self.ask(client, OpCode::EXISTS, exists("/a", false), None);
            }
        }
    }

    fn forget(&mut self, client: usize) {
        if let Some(id) = self.clients[client].ledger.forget_one() {
            self.say(|_| format!("client {client} forgets watch {id:?}"));
            self.clients[client].session.forget_watch(id);
        }
    }

    fn set(&mut self, client: usize, path: &str) -> u64 {
        let data = Some(mark(client, self.clients[client].ledger.next_token()));
        let body = SetDataRequest { path, data, version: -1 }.to_bytes();
        self.ask(client, OpCode::SET_DATA, body, None)
    }

    fn renew(&mut self, client: usize) -> u64 {
        let data = Some(mark(client, self.clients[client].ledger.next_token()));
        let ops = vec![
            MultiOp::Check(CheckVersionRequest { path: LEADER, version: -1 }),
            MultiOp::SetData(SetDataRequest { path: "/status", data, version: -1 }),
        ];
        self.ask(client, OpCode::MULTI, MultiRequest { ops }.to_bytes(), None)
    }

    fn create(&mut self, client: usize, path: &str, mode: CreateMode) -> u64 {
        let data = Some(mark(client, self.clients[client].ledger.next_token()));
        let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
        let body = CreateRequest { path, data, acl, flags: mode.flags() }.to_bytes();
        self.ask(client, OpCode::CREATE, body, None)
    }

    fn delete(&mut self, client: usize, path: &str) -> u64 {
        let body = DeleteRequest { path, version: -1 }.to_bytes();
        self.ask(client, OpCode::DELETE, body, None)
    }

    fn ask(&mut self, client: usize, op: OpCode, body: Bytes, watch: Option<WatchOn>) -> u64 {
        let now = self.local(client);
        let deadline = now.after(Duration::from_micros(self.rng.u64(300 * MS..2_500 * MS)));
        let when_disconnected =
            if self.rng.u8(..3) == 0 { WhenDisconnected::Wait } else { WhenDisconnected::Fail };
        let token = self.clients[client].ledger.next_token();
        let watch = watch.map(|on| (on, WatchId(token)));
        self.say(|_| format!("client {client} asks {token}: {op} {watch:?}"));
        self.clients[client].ledger.asked(Asked { op, deadline, watch: watch.clone(), resolved: false });
        let request = Request { op, body, watch, deadline, when_disconnected, token };
        self.clients[client].session.submit(now, request);
        self.totals.requests += 1;
        self.settle(client);
        token
    }

    pub(crate) fn outcome(&mut self, client: usize, token: u64, outcome: Result<Reply, RequestError>) {
        let op = self.clients[client].ledger.op(token);
        if outcome.as_ref().is_ok_and(|reply| reply.err == ErrorCode::OK)
            && matches!(op, OpCode::CREATE | OpCode::SET_DATA | OpCode::MULTI)
        {
            self.totals.acknowledged += 1;
        }
        if matches!(&outcome, Err(RequestError::Unknown(_))) {
            self.totals.unknown += 1;
        }
        let about_the_key = self.clients[client].app.asking == Some(token);
        if about_the_key {
            self.clients[client].app.asking = None;
        }
        if about_the_key
            && !self.clients[client].app.given_up
            && let Ok(reply) = outcome
        {
            self.learn_about_key(client, op, &reply);
        }
        self.check_beliefs(client);
    }

    fn learn_about_key(&mut self, client: usize, op: OpCode, reply: &Reply) {
        let session = self.clients[client].session.session();
        // An answer to an earlier session says nothing about this one.
        let Some(session) = session.filter(|session| session.generation == reply.generation) else { return };
        let app = &mut self.clients[client].app;
        let before = app.holds.is_some();
        app.vacant = false;
        match (op, reply.err) {
            (OpCode::CREATE, ErrorCode::OK) => app.holds = Some(session),
            (OpCode::EXISTS, ErrorCode::OK) => {
                let owner = ExistsResponse::from_bytes(&reply.body).map(|found| found.stat.ephemeral_owner);
                let ours = owner == Ok(session.session_id);
                app.doubt &= ours;
                app.holds = (ours && !app.doubt).then_some(session);
            }
            (OpCode::EXISTS, ErrorCode::NO_NODE) => {
                app.holds = None;
                app.vacant = true;
                app.doubt = false;
            }
            (OpCode::CREATE, _) => {}
            (OpCode::DELETE, ErrorCode::OK | ErrorCode::NO_NODE) => app.doubt = false,
            (_, ErrorCode::NO_NODE | ErrorCode::SESSION_EXPIRED) => app.holds = None,
            _ => {}
        }
        if !before && app.holds.is_some() {
            self.totals.leaderships += 1;
            self.note(30, client as u64, session.session_id.unsigned_abs());
        }
    }

    pub(crate) fn watch_fired(&mut self, client: usize, watches: &[WatchId], notice: &WatchNotice) {
        self.totals.notices += watches.len() as u64;
        if let WatchNotice::Event { path, .. } = notice
            && path == LEADER
            && self.clients[client].app.contender
            && self.now < self.plan.end
        {
            // Whoever is told looks at once.
            self.after(0, Happening::Work { client, again: false });
        }
    }

    pub(crate) fn state_changed(&mut self, client: usize, change: &StateChange) {
        match change.to {
            State::Connected => {
                self.totals.connects += 1;
                self.clients[client].ledger.connected_at = self.now;
            }
            State::Lost => self.totals.lost += 1,
            _ => {}
        }
    }
}

fn exists(path: &str, watch: bool) -> Bytes {
    ExistsRequest { path, watch }.to_bytes()
}

fn watch_exists(path: &str) -> Option<WatchOn> {
    Some(WatchOn::Exists(path.to_owned()))
}
