//! What binds a write to one leader key, and to no other of the same name and version.
//!
//! A `check` compares versions, and every new key starts at version 0: it cannot tell our key from one that was deleted by
//! hand and taken by another member meanwhile. Nothing that ZooKeeper checks names a `czxid` or an owner. But a key that is
//! made anew is one more create in its directory, and the server counts those: the counter is what it appends to the name of
//! a sequential node. So each fenced write goes out as
//!
//! ```text
//!   multi [ check  leader                 the key exists and nobody has written to it
//!           create fence-      sequential the server names it fence-N, N = creates in this directory so far
//!           delete fence-C                C = creates when our key was read: fails unless N = C
//!           … the writes … ]
//! ```
//!
//! No create since our key was read, and the key exists: it is the same znode, with the same `czxid`. The node itself is
//! never there to be read, because it is gone again within the transaction. (Child watches and recursive watches tell of it.)
//!
//! The stat of the directory gives the counter: servers show `cversion = 2 × creates − children` (`DataNode.copyStat`), and
//! name sequential nodes by the number of creates (`PrepRequestProcessor.pRequest2TxnCreate`).
//!
//! Creates of other keys in the same directory make the guard fail, too. They are rare (each key is created once in the life
//! of a cluster), and cost one more try. CREATE and DELETE must be allowed in the directory, as they are for whoever takes
//! and releases the lock.
//!
//! *Residue:* a scope that was removed as a whole and made anew counts from zero. If that happens in the moment between our
//! read and our write, another member takes the lock in it, and the creates come to the same number, a fenced write is made
//! into the new scope. No lease comes from it: renewals read the key again behind the write. And the counter has 31 bits, of
//! which the stat shows 30: enough for one write a second in 34 years.

use zk_session::{CreateMode, Error, ErrorCode, MultiOp, Rejected, Stat};

use crate::dcs::DcsZk;

/// The node that is created and deleted within one transaction; the server appends ten digits.
const GUARD: &str = "fence-";

/// How many operations guard a write.
const GUARD_OPS: usize = 3;

/// The leader key as it was read, and how many znodes had been created in its directory by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) leader: Stat,
    creates: i32,
}

impl Fence {
    /// From the directory, as it was before or when the leader key was read; `None`: it did not exist yet.
    pub(crate) fn new(directory: Option<&Stat>, leader: Stat) -> Self {
        let creates =
            directory.map_or(0, |directory| directory.cversion.wrapping_add(directory.num_children) / 2);
        Self { leader, creates }
    }

    /// The writes, so that they are made only while the key is the one that was read.
    pub(super) fn guard(&self, dcs: &DcsZk, writes: Vec<MultiOp>) -> Vec<MultiOp> {
        let paths = &dcs.config.paths;
        let guard = format!("{}/{GUARD}", paths.directory());
        let counted = format!("{guard}{:010}", self.creates);
        let mut ops = vec![
            MultiOp::check(paths.leader(), Some(self.leader.version)),
            MultiOp::create(guard, "", CreateMode::PERSISTENT_SEQUENTIAL, &dcs.acl()),
            MultiOp::delete(counted, None),
        ];
        ops.extend(writes);
        ops
    }

    /// Whether the guard refused: the key is another one, or it may be.
    pub(super) fn refused(error: &Error) -> bool {
        matches!(error, Error::Rejected(rejected)
            if rejected.op_index.is_some_and(|index| index < GUARD_OPS)
                && matches!(rejected.code, ErrorCode::NO_NODE | ErrorCode::BAD_VERSION))
    }

    /// Whether the rejection is about one of the writes, and the guard let them pass.
    pub(super) fn passed(rejected: &Rejected) -> bool {
        rejected.op_index.is_some_and(|index| index >= GUARD_OPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_are_counted_from_what_servers_show() {
        let directory = |cversion, num_children| Stat { cversion, num_children, ..Stat::default() };
        // Three created and none deleted; three created and two of them deleted.
        for (shown, creates) in [(directory(3, 3), 3), (directory(5, 1), 3), (directory(0, 0), 0)] {
            assert_eq!(Fence::new(Some(&shown), Stat::default()).creates, creates);
        }
    }
}
