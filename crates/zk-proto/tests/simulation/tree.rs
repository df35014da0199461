//! The replicated state: znodes and sessions, and the changes that transactions make to them.

use std::collections::BTreeMap;

use bytes::Bytes;
use zk_jute::{
    Encode, ErrorCode,
    records::{CreateResponse, MultiResponse, MultiResult, SetDataResponse, Stat},
};

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) data: Bytes,
    /// The session of an ephemeral node, or 0.
    pub(crate) owner: i64,
    czxid: i64,
    mzxid: i64,
    pzxid: i64,
    version: i32,
}

impl Node {
    pub(crate) fn stat(&self) -> Stat {
        Stat {
            czxid: self.czxid,
            mzxid: self.mzxid,
            pzxid: self.pzxid,
            version: self.version,
            ephemeral_owner: self.owner,
            ..Stat::default()
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SessionRecord {
    /// µs.
    pub(crate) timeout: u64,
    pub(crate) password: [u8; 16],
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Create { path: String, data: Bytes, owner: i64 },
    Set { path: String, data: Bytes },
    Delete { path: String },
    SessionBegins { id: i64, record: SessionRecord },
    SessionEnds { id: i64 },
}

/// A write, as a server passes it on to the leader.
#[derive(Debug, Clone)]
pub(crate) enum WriteOp {
    Create { path: String, data: Bytes, ephemeral: bool },
    Delete { path: String },
    Set { path: String, data: Bytes },
    CheckAndSet { check: String, path: String, data: Bytes },
    BeginSession { record: SessionRecord },
    EndSession,
}

/// A transaction: what a write came to.
#[derive(Debug)]
pub(crate) struct Txn {
    pub(crate) zxid: i64,
    pub(crate) session: i64,
    pub(crate) changes: Vec<Change>,
    pub(crate) err: ErrorCode,
    pub(crate) body: Bytes,
    /// Who is to be answered: server, connection, number of the write there.
    pub(crate) origin: Option<(usize, usize, u64)>,
    /// The data of a write names its request.
    pub(crate) data: Bytes,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) sessions: BTreeMap<i64, SessionRecord>,
}

impl Tree {
    /// The nodes that are there from the beginning.
    pub(crate) fn seeded() -> Self {
        let mut tree = Self::default();
        for path in ["/", "/a", "/b", "/kids", "/status"] {
            tree.create(path, Bytes::new(), 0, 0);
        }
        tree
    }

    pub(crate) fn children(&self, path: &str) -> Vec<&str> {
        let below = |key: &&String| parent(key) == path && key.as_str() != "/";
        self.nodes.keys().filter(below).map(|key| &key[key.rfind('/').map_or(0, |at| at + 1)..]).collect()
    }

    fn create(&mut self, path: &str, data: Bytes, owner: i64, zxid: i64) {
        if let Some(above) = self.nodes.get_mut(parent(path)) {
            above.pzxid = zxid;
        }
        let node = Node { data, owner, czxid: zxid, mzxid: zxid, pzxid: zxid, version: 0 };
        self.nodes.insert(path.to_owned(), node);
    }

    pub(crate) fn apply(&mut self, change: &Change, zxid: i64) {
        match change {
            Change::Create { path, data, owner } => self.create(path, data.clone(), *owner, zxid),
            Change::Set { path, data } => {
                let node = self.nodes.get_mut(path).expect("the leader has looked");
                node.data = data.clone();
                node.mzxid = zxid;
                node.version += 1;
            }
            Change::Delete { path } => {
                self.nodes.remove(path);
                if let Some(above) = self.nodes.get_mut(parent(path)) {
                    above.pzxid = zxid;
                }
            }
            Change::SessionBegins { id, record } => {
                self.sessions.insert(*id, record.clone());
            }
            Change::SessionEnds { id } => {
                self.sessions.remove(id);
            }
        }
    }

    /// What the leader makes of a write, given everything it has proposed before (`self`), which it is added to.
    pub(crate) fn propose(
        &mut self,
        zxid: i64,
        session: i64,
        op: WriteOp,
        origin: Option<(usize, usize, u64)>,
    ) -> Txn {
        let data = match &op {
            WriteOp::Create { data, .. } | WriteOp::Set { data, .. } | WriteOp::CheckAndSet { data, .. } => {
                data.clone()
            }
            _ => Bytes::new(),
        };
        let (changes, err) = match self.judge(session, &op) {
            Ok(changes) => (changes, ErrorCode::OK),
            Err(err) => (Vec::new(), err),
        };
        for change in &changes {
            self.apply(change, zxid);
        }
        let body = if err == ErrorCode::OK { self.body(&op) } else { Bytes::new() };
        Txn { zxid, session, changes, err, body, origin, data }
    }

    fn judge(&self, session: i64, op: &WriteOp) -> Result<Vec<Change>, ErrorCode> {
        let must = |path: &String| self.nodes.contains_key(path).then_some(()).ok_or(ErrorCode::NO_NODE);
        Ok(match op {
            WriteOp::Create { path, .. } if self.nodes.contains_key(path) => {
                return Err(ErrorCode::NODE_EXISTS);
            }
            WriteOp::Create { path, data, ephemeral } => {
                let owner = if *ephemeral { session } else { 0 };
                vec![Change::Create { path: path.clone(), data: data.clone(), owner }]
            }
            WriteOp::Delete { path } => {
                must(path)?;
                vec![Change::Delete { path: path.clone() }]
            }
            WriteOp::Set { path, data } => {
                must(path)?;
                vec![Change::Set { path: path.clone(), data: data.clone() }]
            }
            WriteOp::CheckAndSet { check, path, data } => {
                must(check)?;
                must(path)?;
                vec![Change::Set { path: path.clone(), data: data.clone() }]
            }
            WriteOp::BeginSession { record } => {
                vec![Change::SessionBegins { id: session, record: record.clone() }]
            }
            WriteOp::EndSession => {
                let owned = self.nodes.iter().filter(|(_, node)| node.owner == session);
                let mut changes: Vec<Change> =
                    owned.map(|(path, _)| Change::Delete { path: path.clone() }).collect();
                changes.push(Change::SessionEnds { id: session });
                changes
            }
        })
    }

    fn body(&self, op: &WriteOp) -> Bytes {
        match op {
            WriteOp::Create { path, .. } => CreateResponse { path }.to_bytes(),
            WriteOp::Set { path, .. } => SetDataResponse { stat: self.nodes[path].stat() }.to_bytes(),
            WriteOp::CheckAndSet { path, .. } => {
                let set = SetDataResponse { stat: self.nodes[path].stat() };
                MultiResponse { results: vec![MultiResult::Check, MultiResult::SetData(set)] }.to_bytes()
            }
            WriteOp::Delete { .. } | WriteOp::BeginSession { .. } | WriteOp::EndSession => Bytes::new(),
        }
    }
}

pub(crate) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}
