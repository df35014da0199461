//! Reads and watches: answered by the server that was asked, from its own copy. Source: `FinalRequestProcessor`.

use bytes::Bytes;
use zk_jute::{
    AddWatchMode, Encode, ErrorCode, EventType, OpCode, Permissions,
    records::{
        AddWatchRequest, CheckWatchesRequest, ClientInfo, ErrorResponse, ExistsRequest, ExistsResponse,
        GetACLRequest, GetACLResponse, GetAllChildrenNumberRequest, GetAllChildrenNumberResponse,
        GetChildren2Request, GetChildren2Response, GetChildrenRequest, GetChildrenResponse, GetDataRequest,
        GetDataResponse, GetEphemeralsRequest, GetEphemeralsResponse, MultiOp, MultiRequest, MultiResponse,
        MultiResult, RemoveWatchesRequest, SetWatches, SetWatches2, WhoAmIResponse,
    },
};

use super::{ConnectionId, Engine, decode};
use crate::{
    acl::Identity,
    replica::Replica,
    tree::Znode,
    watches::{Event, Mode},
};

/// Whether a request is answered from the copy of the server that gets it.
pub(super) fn is_read(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::EXISTS
            | OpCode::GET_DATA
            | OpCode::GET_ACL
            | OpCode::GET_CHILDREN
            | OpCode::GET_CHILDREN2
            | OpCode::GET_ALL_CHILDREN_NUMBER
            | OpCode::GET_EPHEMERALS
            | OpCode::MULTI_READ
            | OpCode::SET_WATCHES
            | OpCode::SET_WATCHES2
            | OpCode::ADD_WATCH
            | OpCode::CHECK_WATCHES
            | OpCode::REMOVE_WATCHES
            | OpCode::WHO_AM_I
    )
}

/// A client that reads.
struct Reading<'a> {
    replica: &'a mut Replica,
    id: ConnectionId,
    session: i64,
    identities: &'a [Identity],
}

impl Engine {
    /// The answer to a read. What it has to be told at once goes out before.
    pub(super) fn read(&mut self, id: ConnectionId, op: OpCode, body: &Bytes) -> Result<Bytes, ErrorCode> {
        let connection = self.connections.get(&id).ok_or(ErrorCode::SYSTEM_ERROR)?;
        let member = self.members.get_mut(connection.server).ok_or(ErrorCode::SYSTEM_ERROR)?;
        let mut reading = Reading {
            replica: &mut member.replica,
            id,
            session: connection.session,
            identities: &connection.identities,
        };
        match op {
            OpCode::EXISTS => reading.exists(&decode(body)?),
            OpCode::GET_DATA => Ok(reading.get_data(&decode(body)?)?.to_bytes()),
            OpCode::GET_ACL => reading.get_acl(&decode(body)?),
            OpCode::GET_CHILDREN => reading.get_children(&decode(body)?),
            OpCode::GET_CHILDREN2 => reading.get_children2(&decode(body)?),
            OpCode::GET_ALL_CHILDREN_NUMBER => reading.get_all_children_number(&decode(body)?),
            OpCode::GET_EPHEMERALS => reading.get_ephemerals(&decode(body)?),
            OpCode::MULTI_READ => reading.multi_read(&decode(body)?),
            OpCode::ADD_WATCH => reading.add_watch(&decode(body)?),
            OpCode::CHECK_WATCHES => reading.check_watches(&decode(body)?),
            OpCode::REMOVE_WATCHES => reading.remove_watches(&decode(body)?),
            OpCode::WHO_AM_I => Ok(reading.who_am_i()),
            OpCode::SET_WATCHES => {
                let request: SetWatches<'_> = decode(body)?;
                let events = reading.set_watches(&SetWatches2 {
                    relative_zxid: request.relative_zxid,
                    data_watches: request.data_watches,
                    exist_watches: request.exist_watches,
                    child_watches: request.child_watches,
                    persistent_watches: Vec::new(),
                    persistent_recursive_watches: Vec::new(),
                });
                self.tell(&events)
            }
            OpCode::SET_WATCHES2 => {
                let events = reading.set_watches(&decode(body)?);
                self.tell(&events)
            }
            _ => Err(ErrorCode::UNIMPLEMENTED),
        }
    }

    fn tell(&mut self, events: &[Event]) -> Result<Bytes, ErrorCode> {
        for event in events {
            self.notify(event);
        }
        Ok(Bytes::new())
    }
}

impl Reading<'_> {
    /// The znode, if there is one and the client may do one of these things to it.
    fn node(&self, path: &str, any: Permissions) -> Result<&Znode, ErrorCode> {
        let node = self.replica.tree.get(path).ok_or(ErrorCode::NO_NODE)?;
        node.acl.check(any, self.identities)?;
        Ok(node)
    }

    /// No permission is asked for; the watch is armed whether or not there is a znode.
    fn exists(&mut self, request: &ExistsRequest<'_>) -> Result<Bytes, ErrorCode> {
        if request.path.contains('\0') {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        if request.watch {
            self.replica.watches.data.add(request.path, self.id, Mode::Once);
        }
        let node = self.replica.tree.get(request.path).ok_or(ErrorCode::NO_NODE)?;
        Ok(ExistsResponse { stat: node.stat() }.to_bytes())
    }

    fn get_data(&mut self, request: &GetDataRequest<'_>) -> Result<GetDataResponse, ErrorCode> {
        let node = self.node(request.path, Permissions::READ)?;
        let response = GetDataResponse { data: node.data.clone(), stat: node.stat() };
        if request.watch {
            self.replica.watches.data.add(request.path, self.id, Mode::Once);
        }
        Ok(response)
    }

    fn get_acl(&mut self, request: &GetACLRequest<'_>) -> Result<Bytes, ErrorCode> {
        let node = self.node(request.path, Permissions::READ | Permissions::ADMIN)?;
        let entries = node.acl.shown_to(self.identities);
        let acl = entries.iter().map(crate::acl::Entry::to_record).collect();
        Ok(GetACLResponse { acl, stat: node.stat() }.to_bytes())
    }

    fn get_children(&mut self, request: &GetChildrenRequest<'_>) -> Result<Bytes, ErrorCode> {
        let node = self.node(request.path, Permissions::READ)?;
        let children = node.children.iter().map(|name| &**name).collect();
        let response = GetChildrenResponse { children }.to_bytes();
        self.watch_children(request.path, request.watch);
        Ok(response)
    }

    fn get_children2(&mut self, request: &GetChildren2Request<'_>) -> Result<Bytes, ErrorCode> {
        let node = self.node(request.path, Permissions::READ)?;
        let children = node.children.iter().map(|name| &**name).collect();
        let response = GetChildren2Response { children, stat: node.stat() }.to_bytes();
        self.watch_children(request.path, request.watch);
        Ok(response)
    }

    fn watch_children(&mut self, path: &str, watch: bool) {
        if watch {
            self.replica.watches.children.add(path, self.id, Mode::Once);
        }
    }

    fn get_all_children_number(
        &mut self,
        request: &GetAllChildrenNumberRequest<'_>,
    ) -> Result<Bytes, ErrorCode> {
        self.node(request.path, Permissions::READ)?;
        let count = self.replica.tree.count_below(request.path);
        let total_number = i32::try_from(count).unwrap_or(i32::MAX);
        Ok(GetAllChildrenNumberResponse { total_number }.to_bytes())
    }

    fn get_ephemerals(&mut self, request: &GetEphemeralsRequest<'_>) -> Result<Bytes, ErrorCode> {
        let trimmed = request.prefix_path.trim_matches(|character| character <= ' ');
        let prefix = if trimmed == "/" { "" } else { request.prefix_path };
        let prefix = if trimmed.is_empty() { "" } else { prefix };
        let own = self.replica.tree.ephemerals_of(self.session);
        let ephemerals = own.filter(|path| path.starts_with(prefix)).collect();
        Ok(GetEphemeralsResponse { ephemerals }.to_bytes())
    }

    /// Each read succeeds or fails by itself.
    fn multi_read(&mut self, request: &MultiRequest<'_>) -> Result<Bytes, ErrorCode> {
        let is_read = |op: &MultiOp<'_>| matches!(op, MultiOp::GetData(_) | MultiOp::GetChildren(_));
        if !request.ops.iter().all(is_read) {
            return Err(ErrorCode::MARSHALLING_ERROR);
        }
        let results = request
            .ops
            .iter()
            .map(|op| self.read_one(op).unwrap_or_else(|err| MultiResult::Error(ErrorResponse { err })));
        Ok(MultiResponse { results: results.collect() }.to_bytes())
    }

    /// Watches are not armed here, whatever the request says.
    fn read_one(&self, op: &MultiOp<'_>) -> Result<MultiResult<'_>, ErrorCode> {
        let node = self.node(op.path(), Permissions::READ)?;
        Ok(match op {
            MultiOp::GetData(_) => {
                MultiResult::GetData(GetDataResponse { data: node.data.clone(), stat: node.stat() })
            }
            _ => {
                let children = node.children.iter().map(|name| &**name).collect();
                MultiResult::GetChildren(GetChildrenResponse { children })
            }
        })
    }

    fn add_watch(&mut self, request: &AddWatchRequest<'_>) -> Result<Bytes, ErrorCode> {
        let mode = match request.mode {
            AddWatchMode::PERSISTENT => Mode::Persistent,
            AddWatchMode::PERSISTENT_RECURSIVE => Mode::Recursive,
            _ => return Err(ErrorCode::MARSHALLING_ERROR),
        };
        self.replica.watches.add_persistent(request.path, self.id, mode);
        Ok(ErrorResponse { err: ErrorCode::OK }.to_bytes())
    }

    fn check_watches(&mut self, request: &CheckWatchesRequest<'_>) -> Result<Bytes, ErrorCode> {
        found(self.replica.watches.contains(request.path, request.watcher_type))
    }

    fn remove_watches(&mut self, request: &RemoveWatchesRequest<'_>) -> Result<Bytes, ErrorCode> {
        found(self.replica.watches.remove(request.path, request.watcher_type, self.id))
    }

    fn who_am_i(&self) -> Bytes {
        let info = |who| ClientInfo { auth_scheme: Identity::scheme(who), user: Identity::user(who) };
        WhoAmIResponse { client_info: self.identities.iter().map(info).collect() }.to_bytes()
    }

    /// Arms watches again, and tells what they have missed since the client saw `relative_zxid`.
    fn set_watches(&mut self, request: &SetWatches2<'_>) -> Vec<Event> {
        let since = request.relative_zxid;
        let Replica { tree, watches, .. } = &mut *self.replica;
        let mut events = Vec::new();
        let mut missed = |kind, path: &str| {
            events.push(Event { to: self.id, kind, path: path.into(), readers: None });
        };
        for path in &request.data_watches {
            match tree.get(path) {
                None => missed(EventType::NODE_DELETED, path),
                Some(node) if node.kept.mzxid > since => missed(EventType::NODE_DATA_CHANGED, path),
                Some(_) => watches.data.add(path, self.id, Mode::Once),
            }
        }
        for path in &request.exist_watches {
            match tree.get(path) {
                Some(_) => missed(EventType::NODE_CREATED, path),
                None => watches.data.add(path, self.id, Mode::Once),
            }
        }
        for path in &request.child_watches {
            match tree.get(path) {
                None => missed(EventType::NODE_DELETED, path),
                Some(node) if node.kept.pzxid > since => missed(EventType::NODE_CHILDREN_CHANGED, path),
                Some(_) => watches.children.add(path, self.id, Mode::Once),
            }
        }
        for path in &request.persistent_watches {
            watches.add_persistent(path, self.id, Mode::Persistent);
        }
        for path in &request.persistent_recursive_watches {
            watches.add_persistent(path, self.id, Mode::Recursive);
        }
        events
    }
}

/// The answer to a question for a watch; `None` is a type of watch that 3.8 does not know.
fn found(watch: Option<bool>) -> Result<Bytes, ErrorCode> {
    match watch {
        Some(true) => Ok(Bytes::new()),
        Some(false) => Err(ErrorCode::NO_WATCHER),
        None => Err(ErrorCode::MARSHALLING_ERROR),
    }
}
