//! What is written down of one session, to judge what follows by.

use std::collections::BTreeMap;

use zk_jute::{ErrorCode, OpCode};
use zk_proto::{Timestamp, WatchId, WatchOn};

/// A request that was made.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) op: OpCode,
    pub(crate) deadline: Timestamp,
    pub(crate) watch: Option<(WatchOn, WatchId)>,
    pub(crate) resolved: bool,
}

/// A watch that a server has left.
#[derive(Debug)]
pub(crate) struct Armed {
    pub(crate) on: WatchOn,
    /// Whether the node was there.
    pub(crate) found: bool,
    /// What the server that left it had applied.
    pub(crate) seen: i64,
    pub(crate) generation: u64,
    /// When it was last told of something, real time.
    pub(crate) told: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) asked: Vec<Asked>,
    pub(crate) watches: BTreeMap<WatchId, Armed>,
    /// Watches that are over: nothing may come of them.
    pub(crate) over: Vec<WatchId>,
    pub(crate) last_answered: Option<u64>,
    /// The greatest zxid in a reply of this session, and the greatest that any server has sent to this client.
    pub(crate) answered_zxid: i64,
    sent_zxid: i64,
    pub(crate) shown_zxid: i64,
    pub(crate) expired: u64,
    pub(crate) closed: bool,
    /// When the session was connected last, real time.
    pub(crate) connected_at: u64,
    /// What `quorum_proof` has said last.
    pub(crate) proof: Option<Timestamp>,
    /// Writes that were acknowledged, or were never sent.
    pub(crate) acknowledged: Vec<(u64, i64)>,
    pub(crate) not_sent: Vec<u64>,
}

impl Ledger {
    pub(crate) fn next_token(&self) -> u64 {
        self.asked.len() as u64
    }

    pub(crate) fn asked(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    pub(crate) fn get(&mut self, token: u64) -> &mut Asked {
        &mut self.asked[usize::try_from(token).expect("an index")]
    }

    pub(crate) fn op(&mut self, token: u64) -> OpCode {
        self.get(token).op
    }

    pub(crate) fn is_resolved(&mut self, token: u64) -> bool {
        self.get(token).resolved
    }

    /// A server has sent a reply with this zxid.
    pub(crate) fn reply_sent(&mut self, zxid: i64) {
        self.sent_zxid = self.sent_zxid.max(zxid);
    }

    pub(crate) fn sent_zxid(&self) -> i64 {
        self.sent_zxid
    }

    /// A watch is armed by the answer to its request, if the answer is one that leaves it.
    pub(crate) fn arm(&mut self, token: u64, err: ErrorCode, zxid: i64, generation: u64, now: u64) {
        let Some((on, id)) = self.get(token).watch.clone() else { return };
        let found = err == ErrorCode::OK;
        if found || (err == ErrorCode::NO_NODE && matches!(on, WatchOn::Exists(_))) {
            self.watches.insert(id, Armed { on, found, seen: zxid, generation, told: now });
        }
    }

    /// A watch that is given up, if there is one.
    pub(crate) fn forget_one(&mut self) -> Option<WatchId> {
        let (id, _) = self.watches.pop_first()?;
        self.over.push(id);
        Some(id)
    }

    pub(crate) fn end_watch(&mut self, id: WatchId) {
        self.watches.remove(&id);
        self.over.push(id);
    }
}
