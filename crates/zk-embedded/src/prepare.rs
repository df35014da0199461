//! Whether a write is good, and what it will change. Source: `PrepRequestProcessor.pRequest2Txn`.
//!
//! The order of the checks is ZooKeeper's, because a write that fails two of them is told of the first.

use std::collections::HashMap;

use bytes::Bytes;
use zk_jute::{
    CreateMode, ErrorCode, OpCode, Permissions,
    records::{
        Acl, CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest, MultiOp, SetACLRequest,
        SetDataRequest,
    },
};

use crate::{
    acl::{AccessList, Identity},
    path,
    transaction::Change,
    tree::{Kept, Lifetime, Tree},
};

/// The longest time to live, in milliseconds: 40 bits.
const LONGEST_TTL: i64 = 0xff_ffff_ffff;

/// Who writes, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) session: i64,
    pub(crate) identities: &'a [Identity],
    /// How servers answer this session's writes, checked before each: expired, moved, or nothing.
    pub(crate) session_check: Result<(), ErrorCode>,
    pub(crate) zxid: i64,
    pub(crate) time: i64,
    /// Whether times to live are switched on.
    pub(crate) ttl: bool,
}

/// A write that has been decoded.
#[derive(Debug)]
pub(crate) enum Write<'a> {
    Create(New<'a>),
    Delete(DeleteRequest<'a>),
    SetData(SetDataRequest<'a>),
    SetAcl(SetACLRequest<'a>),
    Check(CheckVersionRequest<'a>),
}

/// A znode to be created.
#[derive(Debug)]
pub(crate) struct New<'a> {
    /// One of the four creates.
    pub(crate) op: OpCode,
    pub(crate) path: &'a str,
    pub(crate) data: Option<Bytes>,
    pub(crate) acl: Vec<Acl<'a>>,
    pub(crate) flags: i32,
    /// Milliseconds, −1 for none.
    pub(crate) ttl: i64,
}

impl<'a> New<'a> {
    pub(crate) fn plain(op: OpCode, request: CreateRequest<'a>) -> Self {
        let CreateRequest { path, data, acl, flags } = request;
        Self { op, path, data, acl, flags, ttl: -1 }
    }

    pub(crate) fn with_ttl(request: CreateTTLRequest<'a>) -> Self {
        let CreateTTLRequest { path, data, acl, flags, ttl } = request;
        Self { op: OpCode::CREATE_TTL, path, data, acl, flags, ttl }
    }
}

impl<'a> Write<'a> {
    /// What an operation of a multi asks for; `None` for one that makes the server give the whole multi up.
    ///
    /// Inside a multi, the mode says which create it is, and not the op code: a container that is created by createContainer
    /// with the mode of a persistent znode is a persistent znode, and the answer to create2 is the one of create.
    pub(crate) fn in_multi(op: MultiOp<'a>) -> Option<Self> {
        Some(match op {
            MultiOp::Create(request) | MultiOp::Create2(request) | MultiOp::CreateContainer(request) => {
                match CreateMode::new(request.flags) {
                    CreateMode::CONTAINER => Self::Create(New::plain(OpCode::CREATE_CONTAINER, request)),
                    mode if is_ttl(mode) => return None,
                    _ => Self::Create(New::plain(OpCode::CREATE, request)),
                }
            }
            MultiOp::CreateTTL(request) => {
                let mode = CreateMode::new(request.flags);
                let mut new = New::with_ttl(request);
                if !is_ttl(mode) {
                    new.ttl = -1;
                    new.op =
                        if mode == CreateMode::CONTAINER { OpCode::CREATE_CONTAINER } else { OpCode::CREATE };
                }
                Self::Create(new)
            }
            MultiOp::Delete(request) => Self::Delete(request),
            MultiOp::SetData(request) => Self::SetData(request),
            MultiOp::Check(request) => Self::Check(request),
            _ => return None,
        })
    }
}

fn is_ttl(mode: CreateMode) -> bool {
    matches!(mode, CreateMode::PERSISTENT_WITH_TTL | CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL)
}

/// What the checks need to know of a znode.
#[derive(Debug, Clone)]
struct Record {
    kept: Kept,
    children: usize,
    acl: AccessList,
}

/// The tree, with changes that have been prepared and not yet been made.
#[derive(Debug)]
pub(crate) struct Draft<'t> {
    tree: &'t Tree,
    /// `None` for what will have been deleted.
    changed: HashMap<Box<str>, Option<Record>>,
}

impl<'t> Draft<'t> {
    pub(crate) fn new(tree: &'t Tree) -> Self {
        Self { tree, changed: HashMap::new() }
    }

    /// Checks one write behind those prepared before, and says what it will change.
    pub(crate) fn prepare(&mut self, write: Write<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        match write {
            Write::Create(new) => self.create(new, writer),
            Write::Delete(request) => self.delete(request, writer),
            Write::SetData(request) => self.set_data(request, writer),
            Write::SetAcl(request) => self.set_acl(&request, writer),
            Write::Check(request) => self.check(request, writer),
        }
    }

    fn create(&mut self, new: New<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        let New { op, path, data, acl, flags, ttl } = new;
        let mode = CreateMode::new(flags);
        check_mode(mode, ttl, writer)?;
        let parent_path = path::parent(path).ok_or(ErrorCode::BAD_ARGUMENTS)?;
        let acl = AccessList::settle(&acl, writer.identities)?;
        let mut parent = self.record(parent_path)?;
        parent.acl.check(Permissions::CREATE, writer.identities)?;
        let numbered;
        let path = if is_sequential(mode) {
            numbered = format!("{path}{:010}", parent.kept.children_created);
            &numbered
        } else {
            path
        };
        if !path::is_valid(path) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        if self.record(path).is_ok() {
            return Err(ErrorCode::NODE_EXISTS);
        }
        if matches!(parent.kept.lifetime, Lifetime::Ephemeral(_)) {
            return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
        }
        let lifetime = match op {
            OpCode::CREATE_CONTAINER => Lifetime::Container,
            // The real server ends when it is asked for a znode with a time to live without one. This one does not.
            OpCode::CREATE_TTL if !(1..=LONGEST_TTL).contains(&ttl) => return Err(ErrorCode::BAD_ARGUMENTS),
            OpCode::CREATE_TTL => Lifetime::Ttl(ttl),
            _ if is_ephemeral(mode) => Lifetime::Ephemeral(writer.session),
            _ => Lifetime::Persistent,
        };
        let children_created = parent.kept.children_created.wrapping_add(1);
        parent.kept.children_created = children_created;
        parent.children = parent.children.saturating_add(1);
        self.changed.insert(parent_path.into(), Some(parent));
        let kept = Kept::new(writer.zxid, writer.time, lifetime);
        self.changed.insert(path.into(), Some(Record { kept, children: 0, acl: acl.clone() }));
        Ok(Change::Create {
            path: path.into(),
            data: data.as_ref().map(owned),
            acl,
            lifetime,
            children_created,
        })
    }

    fn delete(&mut self, request: DeleteRequest<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        let DeleteRequest { path, version } = request;
        writer.session_check?;
        let parent_path = path::parent(path).ok_or(ErrorCode::BAD_ARGUMENTS)?;
        if path::SYSTEM.contains(&path) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let mut parent = self.record(parent_path)?;
        parent.acl.check(Permissions::DELETE, writer.identities)?;
        let record = self.record(path)?;
        next_version(record.kept.version, version)?;
        if record.children > 0 {
            return Err(ErrorCode::NOT_EMPTY);
        }
        parent.children = parent.children.saturating_sub(1);
        self.changed.insert(parent_path.into(), Some(parent));
        self.changed.insert(path.into(), None);
        Ok(Change::Delete { path: path.into() })
    }

    fn set_data(&mut self, request: SetDataRequest<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        let SetDataRequest { path, data, version } = request;
        let mut record = self.checked(path, Permissions::WRITE, writer)?;
        let version = next_version(record.kept.version, version)?;
        record.kept.version = version;
        self.changed.insert(path.into(), Some(record));
        Ok(Change::SetData { path: path.into(), data: data.as_ref().map(owned), version })
    }

    fn set_acl(&mut self, request: &SetACLRequest<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        writer.session_check?;
        if !path::is_valid(request.path) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let acl = AccessList::settle(&request.acl, writer.identities)?;
        let record = self.checked(request.path, Permissions::ADMIN, writer)?;
        let version = next_version(record.kept.aversion, request.version)?;
        Ok(Change::SetAcl { path: request.path.into(), acl, version })
    }

    fn check(&mut self, request: CheckVersionRequest<'_>, writer: &Writer<'_>) -> Result<Change, ErrorCode> {
        let record = self.checked(request.path, Permissions::READ, writer)?;
        next_version(record.kept.version, request.version)?;
        Ok(Change::Check)
    }

    /// The znode of a valid path, on which the writer may do this.
    fn checked(&self, path: &str, what: Permissions, writer: &Writer<'_>) -> Result<Record, ErrorCode> {
        writer.session_check?;
        if !path::is_valid(path) {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        let record = self.record(path)?;
        record.acl.check(what, writer.identities)?;
        Ok(record)
    }

    fn record(&self, path: &str) -> Result<Record, ErrorCode> {
        if let Some(changed) = self.changed.get(path) {
            return changed.clone().ok_or(ErrorCode::NO_NODE);
        }
        let node = self.tree.get(path).ok_or(ErrorCode::NO_NODE)?;
        Ok(Record { kept: node.kept, children: node.children.len(), acl: node.acl.clone() })
    }
}

/// Whether the mode is one, its time to live is in order, and the session may create at all.
fn check_mode(mode: CreateMode, ttl: i64, writer: &Writer<'_>) -> Result<(), ErrorCode> {
    if mode.known_name().is_none() {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    if is_ttl(mode) && !writer.ttl {
        return Err(ErrorCode::UNIMPLEMENTED);
    }
    let in_order = if is_ttl(mode) { (1..=LONGEST_TTL).contains(&ttl) } else { ttl < 0 };
    if !in_order {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    writer.session_check.map_err(|code| match code {
        ErrorCode::UNKNOWN_SESSION if is_ephemeral(mode) => ErrorCode::SESSION_EXPIRED,
        code => code,
    })
}

fn is_sequential(mode: CreateMode) -> bool {
    matches!(
        mode,
        CreateMode::PERSISTENT_SEQUENTIAL
            | CreateMode::EPHEMERAL_SEQUENTIAL
            | CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL
    )
}

fn is_ephemeral(mode: CreateMode) -> bool {
    matches!(mode, CreateMode::EPHEMERAL | CreateMode::EPHEMERAL_SEQUENTIAL)
}

/// The version after the current one, if the current one is as expected. −1 expects any.
fn next_version(current: i32, expected: i32) -> Result<i32, ErrorCode> {
    if expected != -1 && expected != current {
        return Err(ErrorCode::BAD_VERSION);
    }
    Ok(current.wrapping_add(1))
}

/// A copy of its own: a slice would keep the whole buffer alive that it was received in.
fn owned(data: &Bytes) -> Bytes {
    Bytes::copy_from_slice(data)
}
