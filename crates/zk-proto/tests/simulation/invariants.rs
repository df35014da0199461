//! What must hold.
//!
//! | check | what | where |
//! |---|---|---|
//! | S1 | beliefs never overlap; a belief is over before its leader key goes with its session; `quorum_proof` is never later than when the leader has last heard of the session | `check_beliefs`, `check_leader_key`, `check_proof` |
//! | S2 | each request ends once, by its deadline | `check_outcome`, `check_deadlines`, `check_end` |
//! | S3 | answers come in the order of the requests | `check_outcome` |
//! | S4 | no watch is lost in silence, none fires after its end | `check_watches`, `check_notice` |
//! | S5 | the zxid that is shown to servers is that of the newest reply, and never goes back within a session | `check_connect_request` |
//! | S6 | nothing of a session follows its expiry, nothing at all the close | `check_event` |
//! | S7 | queues stay under their caps | `check_session`, `check_transmitted` |
//! | S8 | a timeout that was handled is not due again | `World::wake` |
//! | S9 | the password is in no bytes but those of connect requests | `check_password_hidden` |
//! | truth | an acknowledged write is in the log once, one that was not sent is not, none is twice; an expiry is one | `check_log`, `check_event` |
//! | order | the calls that `Session` asks its driver for make sense | `World::event`, `World::request` |
//! | recovery | when all faults are over, every session is connected | `check_recovery` |

use bytes::Bytes;
use zk_jute::{Decode, ErrorCode, OpCode, records::ConnectRequest};
use zk_proto::{Event, ExpiryCause, Reply, RequestError, State, WatchId, WatchNotice, WatchOn};

use crate::{
    client::{Client, SMALL_QUEUE},
    tree::{Change, Txn},
    work::LEADER,
    world::World,
};

/// The most that one call of `poll_transmit` gives: its chunk, and a request that begins before its end.
const TRANSMIT_CAP: usize = 64 * 1024 + 4_096;

impl World {
    pub(crate) fn check_event(&mut self, client: usize, event: &Event<u64>) {
        if self.clients[client].ledger.closed {
            return self.violate("S6", format!("client {client}: {event:?} after the close"));
        }
        match event {
            Event::Reply { token, outcome } => self.check_outcome(client, *token, outcome),
            Event::Watch { watches, notice } => {
                for id in watches {
                    self.check_notice(client, *id, notice);
                }
            }
            Event::State(change) if change.to == State::Closed => self.clients[client].ledger.closed = true,
            // A new session has seen nothing, whatever the one before was shown.
            Event::SessionEstablished(_) => self.clients[client].ledger.shown_zxid = 0,
            Event::SessionExpired { session, cause } => {
                self.totals.expired += 1;
                let ledger = &mut self.clients[client].ledger;
                ledger.expired = session.generation;
                ledger.answered_zxid = 0;
                ledger.shown_zxid = 0;
                if self.clients[client].session.quorum_proof().is_some() {
                    self.violate("S1", format!("client {client}: the proof outlives session {session:?}"));
                }
                // A new leader may give another life to a session that was refused under the one before.
                let alive = self.committed.sessions.contains_key(&session.session_id)
                    && !self.refused.contains(&session.session_id);
                if alive {
                    self.violate("truth", format!("client {client}: {session:?} is not over ({cause})"));
                }
                if *cause == ExpiryCause::ZxidAhead {
                    self.totals.zxid_ahead += 1;
                }
            }
            _ => {}
        }
    }

    fn check_outcome(&mut self, client: usize, token: u64, outcome: &Result<Reply, RequestError>) {
        let (now, local) = (self.now, self.local(client));
        let ledger = &mut self.clients[client].ledger;
        if std::mem::replace(&mut ledger.get(token).resolved, true) {
            return self.violate("S2", format!("client {client}: request {token} ends again: {outcome:?}"));
        }
        let op = ledger.op(token);
        match outcome {
            Ok(reply) => {
                let (last, newest) = (ledger.last_answered.replace(token), ledger.answered_zxid);
                ledger.answered_zxid = newest.max(reply.zxid);
                ledger.arm(token, reply.err, reply.zxid, reply.generation, now);
                if reply.err == ErrorCode::OK && is_marked(op) {
                    ledger.acknowledged.push((token, reply.zxid));
                }
                let expired = ledger.expired;
                if last.is_some_and(|last| last > token) {
                    self.violate("S3", format!("client {client}: {token} is answered after {last:?}"));
                }
                if reply.zxid < newest {
                    let what = format!("client {client}: {:x} follows {newest:x}", reply.zxid);
                    self.violate("S5", what);
                }
                if reply.generation <= expired {
                    self.violate("S6", format!("client {client}: {reply:?} after the expiry"));
                }
                if reply.sent_at > local {
                    self.violate("order", format!("client {client}: {reply:?} was sent in the future"));
                }
            }
            Err(RequestError::Unknown(_)) => {}
            Err(_) if is_marked(op) => ledger.not_sent.push(token),
            Err(_) => {}
        }
    }

    fn check_notice(&mut self, client: usize, id: WatchId, notice: &WatchNotice) {
        let now = self.now;
        let ledger = &mut self.clients[client].ledger;
        if ledger.over.contains(&id) {
            return self.violate("S4", format!("client {client}: {id:?} fires after its end: {notice:?}"));
        }
        let expired = ledger.expired;
        let Some(armed) = ledger.watches.get_mut(&id) else { return };
        armed.told = now;
        let of_expired = armed.generation <= expired;
        let stays = matches!(armed.on, WatchOn::Persistent(_) | WatchOn::Recursive(_))
            && matches!(notice, WatchNotice::Event { .. } | WatchNotice::Resync);
        if !stays {
            ledger.end_watch(id);
        }
        if of_expired && !matches!(notice, WatchNotice::SessionLost) {
            self.violate("S6", format!("client {client}: {notice:?} for {id:?} of an expired session"));
        }
    }

    /// After every step of a session.
    pub(crate) fn check_session(&mut self, client: usize) {
        let session = &self.clients[client].session;
        let (pending, waiting) = (session.pending_requests(), session.requests_waiting());
        // One more for the request that ends the session, and those by which watches are given up.
        let cap = if self.plan.small_queue { SMALL_QUEUE } else { 16_384 };
        if waiting + session.requests_in_flight() != pending || pending > cap + 8 {
            self.violate("S7", format!("client {client}: {pending} requests pending, {waiting} waiting"));
        }
        if self.plan.small_queue && pending >= cap {
            self.totals.overloads += 1;
        }
        let proof = self.clients[client].session.quorum_proof();
        if proof != self.clients[client].ledger.proof {
            self.clients[client].ledger.proof = proof;
            self.check_proof(client);
        }
    }

    pub(crate) fn check_transmitted(&mut self, client: usize, len: usize) {
        if len > TRANSMIT_CAP {
            self.violate("S7", format!("client {client}: {len} bytes at once"));
        }
    }

    /// The leader has heard of the session no earlier than its proof says.
    fn check_proof(&mut self, client: usize) {
        let Client { session, ledger, .. } = &self.clients[client];
        let (Some(proof), Some(info)) = (ledger.proof, session.session()) else { return };
        self.totals.proofs += 1;
        let said = self.clients[client].real(proof);
        let Some(heard) = self.leader.as_ref().and_then(|leader| leader.tracker.heard(info.session_id))
        else {
            return;
        };
        if said > heard {
            let what = format!("client {client}: said at {said} µs, the leader has last heard at {heard} µs");
            self.violate("S1", what);
        }
    }

    /// Nobody else believes when somebody does.
    pub(crate) fn check_beliefs(&mut self, client: usize) {
        if !self.believes(client) {
            return;
        }
        self.totals.beliefs += 1;
        for other in 0..self.clients.len() {
            if other != client && self.believes(other) {
                self.violate("S1", format!("clients {client} and {other} both believe that they lead"));
            }
        }
    }

    /// Before a transaction is committed: if the leader key goes with its session, its owner has ceased to believe.
    pub(crate) fn check_leader_key(&mut self, txn: &Txn) {
        let ends = txn.changes.iter().any(|change| matches!(change, Change::SessionEnds { .. }));
        let goes =
            txn.changes.iter().any(|change| matches!(change, Change::Delete { path } if path == LEADER));
        if !ends || !goes {
            return;
        }
        self.totals.keys_expired += 1;
        for client in 0..self.clients.len() {
            let session = self.clients[client].session.session();
            if session.is_some_and(|session| session.session_id == txn.session) && self.believes(client) {
                let until = self.believes_until(client).map(|until| self.clients[client].real(until));
                let what = format!("the leader key of client {client} goes; it believes until {until:?} µs");
                self.violate("S1", what);
            }
        }
    }

    /// The first bytes of a connection are a connect request and nothing else.
    pub(crate) fn check_connect_request(&mut self, client: usize, sent: &[u8]) {
        let request = sent.get(4..).map(Bytes::copy_from_slice).unwrap_or_default();
        let Ok(request) = ConnectRequest::from_bytes(&request) else {
            return self.violate("order", format!("client {client}: no connect request, but {sent:?}"));
        };
        let ledger = &mut self.clients[client].ledger;
        let shown = request.last_zxid_seen;
        let (before, answered, sent) =
            (std::mem::replace(&mut ledger.shown_zxid, shown), ledger.answered_zxid, ledger.sent_zxid());
        // Zero asks whether the ensemble was set back, when nothing was heard for a session timeout.
        let session = &self.clients[client].session;
        let asks = shown == 0 && (session.state() == State::Lost || session.session().is_none());
        if !asks && (shown < before || shown < answered || shown > sent) {
            let what = format!(
                "client {client} shows zxid {shown:x}, before {before:x}, answered {answered:x}, sent {sent:x}"
            );
            self.violate("S5", what);
        }
        if asks {
            self.clients[client].ledger.shown_zxid = before;
        }
    }

    pub(crate) fn check_password_hidden(&mut self, conn: usize, frame: &Bytes) {
        let password = self.conns[conn].serving.password;
        // Its first byte is rare enough to look for.
        let mut from = 0;
        while let Some(found) = frame[from..].iter().position(|byte| *byte == password[0]) {
            from += found;
            if frame[from..].starts_with(&password) {
                return self.violate("S9", format!("the password is in {frame:?}"));
            }
            from += 1;
        }
    }
}

/// Writes whose data names the request.
fn is_marked(op: OpCode) -> bool {
    matches!(op, OpCode::CREATE | OpCode::SET_DATA | OpCode::MULTI)
}
