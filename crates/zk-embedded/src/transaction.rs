//! What a write becomes once it was found good: a change of the tree that every copy of the tree can apply.
//! Source: `TxnHeader`, `CreateTxn`, `SetDataTxn` and their kin.

use bytes::Bytes;
use zk_jute::{ErrorCode, records::Stat};

use crate::{acl::AccessList, tree::Lifetime};

/// One transaction: a zxid, and what happens under it.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) zxid: i64,
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) body: Body,
}

/// What happens in a transaction.
#[derive(Debug)]
pub(crate) enum Body {
    /// Nothing in the tree: a session began.
    OpenSession,
    /// A session ended; these were its znodes.
    CloseSession { session: i64, paths: Vec<Box<str>> },
    /// One change.
    One(Change),
    /// The changes of a multi.
    All(Vec<Change>),
    /// Nothing: it was refused, and uses a zxid up all the same.
    Refused(ErrorCode),
    /// Nothing: an operation of a multi was refused. One code for each operation.
    AllRefused(Vec<ErrorCode>),
}

/// One change of the tree.
#[derive(Debug)]
pub(crate) enum Change {
    Create {
        path: Box<str>,
        data: Option<Bytes>,
        acl: AccessList,
        lifetime: Lifetime,
        children_created: i32,
    },
    Delete {
        path: Box<str>,
    },
    SetData {
        path: Box<str>,
        data: Option<Bytes>,
        version: i32,
    },
    SetAcl {
        path: Box<str>,
        acl: AccessList,
        version: i32,
    },
    /// None: a version was as expected.
    Check,
}

/// What a change has led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Done {
    Created { path: Box<str>, stat: Stat, lifetime: Lifetime },
    Deleted,
    Set(Stat),
    AclSet(Stat),
    Checked,
}

/// What a transaction has led to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A session began or ended.
    Session,
    One(Done),
    All(Vec<Done>),
    Refused(ErrorCode),
    AllRefused(Vec<ErrorCode>),
}
