//! What must hold when all faults are over, and when all sessions are closed; see the table in `invariants`.

use std::collections::BTreeMap;

use bytes::Bytes;
use zk_jute::ErrorCode;
use zk_proto::WatchOn;

use crate::{
    ledger::Armed,
    tree::{Change, parent},
    world::{World, mark},
};

impl World {
    pub(crate) fn is_recovered(&self) -> bool {
        self.violation.is_some() || (0..self.clients.len()).all(|client| self.is_connected(client))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.violation.is_some() || self.clients.iter().all(|client| client.ledger.closed)
    }

    /// When all faults are over and the clients had time to recover.
    pub(crate) fn check_recovery(&mut self) {
        for client in 0..self.clients.len() {
            if !self.is_connected(client) {
                let session = &self.clients[client].session;
                let what = format!(
                    "client {client} is {:?} ({:?}): {:?}",
                    session.state(),
                    session.phase(),
                    session.last_cause()
                );
                self.violate("recovery", what);
            }
        }
    }

    /// Whatever has changed since a watch was left was told.
    pub(crate) fn check_watches(&mut self) {
        for client in 0..self.clients.len() {
            self.totals.watches_checked += self.clients[client].ledger.watches.len() as u64;
            let connected_at = self.clients[client].ledger.connected_at;
            for (id, armed) in &self.clients[client].ledger.watches {
                let persistent = matches!(armed.on, WatchOn::Persistent(_) | WatchOn::Recursive(_));
                // A node that came and went while there was no connection leaves no trace that a server could tell of.
                let traceless = !armed.found && !self.committed.nodes.contains_key(path_of(&armed.on));
                let missed = self.log.iter().zip(&self.committed_at).rev().find(|(txn, at)| {
                    // The newest may be on its way.
                    txn.zxid > armed.seen
                        && **at + 50_000 <= self.now
                        && (!persistent || **at > armed.told)
                        && (!traceless || **at > connected_at)
                        && txn.changes.iter().any(|change| concerns(armed, change))
                });
                if let Some((txn, _)) = missed {
                    let what = format!("client {client}: {id:?} {armed:x?} was not told of {txn:x?}");
                    return self.violate("S4", what);
                }
            }
        }
    }

    /// When all sessions are closed.
    pub(crate) fn check_end(&mut self) {
        for client in 0..self.clients.len() {
            if !self.clients[client].ledger.closed {
                self.violate("S2", format!("client {client} is not closed"));
            }
            let asked = &self.clients[client].ledger.asked;
            if let Some(token) = asked.iter().position(|asked| !asked.resolved) {
                self.violate("S2", format!("client {client}: request {token} never ends"));
            }
            if self.clients[client].session.poll_timeout().is_some() {
                self.violate("S8", format!("client {client} has a timeout after its end"));
            }
        }
        self.check_log();
    }

    /// Requests that are unanswered have their time.
    pub(crate) fn check_deadlines(&mut self) {
        for client in 0..self.clients.len() {
            let now = self.local(client);
            let late = |asked: &&crate::ledger::Asked| !asked.resolved && asked.deadline < now;
            if !self.is_frozen(client) && self.clients[client].ledger.asked.iter().any(|asked| late(&asked)) {
                self.violate("S2", format!("client {client}: a request outlives its deadline"));
            }
        }
    }

    fn check_log(&mut self) {
        let mut applied: BTreeMap<Bytes, (u32, i64)> = BTreeMap::new();
        for txn in &self.log {
            if txn.err == ErrorCode::OK && !txn.data.is_empty() {
                let entry = applied.entry(txn.data.clone()).or_default();
                *entry = (entry.0 + 1, txn.zxid);
            }
        }
        if let Some((data, _)) = applied.iter().find(|(_, (times, _))| *times > 1) {
            self.violate("truth", format!("a write was applied twice: {data:?}"));
        }
        for client in 0..self.clients.len() {
            let ledger = &self.clients[client].ledger;
            let lost = ledger.acknowledged.iter().find(|(token, zxid)| {
                applied.get(&mark(client, *token)).is_none_or(|(_, applied)| applied != zxid)
            });
            let sent = ledger.not_sent.iter().find(|token| applied.contains_key(&mark(client, **token)));
            if let Some(lost) = lost {
                self.violate("truth", format!("client {client}: the acknowledged write {lost:?} is lost"));
            } else if let Some(sent) = sent {
                self.violate("truth", format!("client {client}: write {sent} was not sent, and is applied"));
            }
        }
    }
}

fn path_of(on: &WatchOn) -> &str {
    match on {
        WatchOn::Data(path)
        | WatchOn::Exists(path)
        | WatchOn::Children(path)
        | WatchOn::Persistent(path)
        | WatchOn::Recursive(path) => path,
    }
}

/// Whether a change is one that a watch waits for.
fn concerns(armed: &Armed, change: &Change) -> bool {
    let (path, set, listed) = match change {
        Change::Create { path, .. } | Change::Delete { path } => (path.as_str(), false, true),
        Change::Set { path, .. } => (path.as_str(), true, false),
        Change::SessionBegins { .. } | Change::SessionEnds { .. } => return false,
    };
    match &armed.on {
        WatchOn::Data(on) | WatchOn::Exists(on) => on == path && (armed.found || !set),
        WatchOn::Children(on) => listed && (parent(path) == on || path == on),
        WatchOn::Persistent(on) => on == path || (listed && parent(path) == on),
        WatchOn::Recursive(on) => {
            path.strip_prefix(on.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}
