//! The requests that the model knows: what they mean, and what a server answers to those it answers alone.

use bytes::Bytes;
use zk_jute::{
    AddWatchMode, CreateMode, Decode, Encode, ErrorCode, EventType, OpCode, WatcherType,
    records::{
        AddWatchRequest, CreateRequest, DeleteRequest, ExistsRequest, ExistsResponse, GetChildren2Request,
        GetChildren2Response, GetDataRequest, GetDataResponse, MultiOp, MultiRequest, RemoveWatchesRequest,
        SetDataRequest, SetWatches, SetWatches2,
    },
};

use crate::{
    server_watches::ConnWatches,
    tree::{Tree, WriteOp},
};

/// What a write asks for; `None` if it is no write.
pub(crate) fn decode_write(op: OpCode, body: &Bytes) -> Option<WriteOp> {
    Some(match op {
        OpCode::CREATE => {
            let request = CreateRequest::from_bytes(body).expect("a create of ours");
            let ephemeral = request.flags == CreateMode::EPHEMERAL.flags();
            WriteOp::Create {
                path: request.path.to_owned(),
                data: request.data.unwrap_or_default(),
                ephemeral,
            }
        }
        OpCode::DELETE => {
            let request = DeleteRequest::from_bytes(body).expect("a delete of ours");
            WriteOp::Delete { path: request.path.to_owned() }
        }
        OpCode::SET_DATA => {
            let request = SetDataRequest::from_bytes(body).expect("a setData of ours");
            WriteOp::Set { path: request.path.to_owned(), data: request.data.unwrap_or_default() }
        }
        OpCode::MULTI => {
            let request = MultiRequest::from_bytes(body).expect("a multi of ours");
            let [MultiOp::Check(check), MultiOp::SetData(set)] = request.ops.as_slice() else {
                unreachable!("the only multi of the simulation")
            };
            WriteOp::CheckAndSet {
                check: check.path.to_owned(),
                path: set.path.to_owned(),
                data: set.data.clone().unwrap_or_default(),
            }
        }
        OpCode::CLOSE_SESSION => WriteOp::EndSession,
        _ => return None,
    })
}

pub(crate) struct Answer {
    pub(crate) err: ErrorCode,
    pub(crate) body: Bytes,
    /// Events that come before the answer.
    pub(crate) events: Vec<(EventType, String)>,
}

pub(crate) fn read(tree: &Tree, watches: &mut ConnWatches, op: OpCode, body: &Bytes) -> Answer {
    let mut events = Vec::new();
    let found = match op {
        OpCode::PING => Some(Bytes::new()),
        OpCode::GET_DATA => {
            let request = GetDataRequest::from_bytes(body).expect("a getData of ours");
            tree.nodes.get(request.path).map(|node| {
                if request.watch {
                    watches.data.insert(request.path.to_owned());
                }
                GetDataResponse { data: Some(node.data.clone()), stat: node.stat() }.to_bytes()
            })
        }
        OpCode::EXISTS => {
            let request = ExistsRequest::from_bytes(body).expect("an exists of ours");
            if request.watch {
                watches.data.insert(request.path.to_owned());
            }
            tree.nodes.get(request.path).map(|node| ExistsResponse { stat: node.stat() }.to_bytes())
        }
        OpCode::GET_CHILDREN2 => {
            let request = GetChildren2Request::from_bytes(body).expect("a getChildren2 of ours");
            tree.nodes.get(request.path).map(|node| {
                if request.watch {
                    watches.children.insert(request.path.to_owned());
                }
                let children = tree.children(request.path);
                GetChildren2Response { children, stat: node.stat() }.to_bytes()
            })
        }
        OpCode::ADD_WATCH => {
            let request = AddWatchRequest::from_bytes(body).expect("an addWatch of ours");
            watches.persistent.insert(request.path.to_owned(), request.mode);
            Some(Bytes::new())
        }
        OpCode::REMOVE_WATCHES => {
            let request = RemoveWatchesRequest::from_bytes(body).expect("a removeWatches of ours");
            let data = request.watcher_type != WatcherType::CHILDREN && watches.data.remove(request.path);
            let children = request.watcher_type != WatcherType::DATA && watches.children.remove(request.path);
            let any =
                request.watcher_type == WatcherType::ANY && watches.persistent.remove(request.path).is_some();
            if !data && !children && !any {
                return Answer { err: ErrorCode::NO_WATCHER, body: Bytes::new(), events };
            }
            Some(Bytes::new())
        }
        OpCode::SET_WATCHES => {
            let SetWatches { relative_zxid, data_watches, exist_watches, child_watches } =
                SetWatches::from_bytes(body).expect("a setWatches of ours");
            let request = SetWatches2 {
                relative_zxid,
                data_watches,
                exist_watches,
                child_watches,
                persistent_watches: Vec::new(),
                persistent_recursive_watches: Vec::new(),
            };
            events = watches.restore(tree, &request);
            Some(Bytes::new())
        }
        OpCode::SET_WATCHES2 => {
            let request = SetWatches2::from_bytes(body).expect("a setWatches2 of ours");
            events = watches.restore(tree, &request);
            Some(Bytes::new())
        }
        other => unreachable!("{other} is not asked by the simulation"),
    };
    let err = if found.is_some() { ErrorCode::OK } else { ErrorCode::NO_NODE };
    Answer { err, body: found.unwrap_or_default(), events }
}

/// Both kinds of persistent watch.
pub(crate) const MODES: [AddWatchMode; 2] = [AddWatchMode::PERSISTENT, AddWatchMode::PERSISTENT_RECURSIVE];
