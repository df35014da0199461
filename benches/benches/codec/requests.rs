//! What a client writes.

use bytes::Bytes;
use criterion::Criterion;
use zk_jute::{
    AddWatchMode, OpCode, Permissions,
    records::{
        Acl, AddWatchRequest, CheckVersionRequest, ConnectRequest, CreateRequest, DeleteRequest,
        ExistsRequest, GetChildren2Request, GetDataRequest, Id, MultiOp, MultiRequest, RequestHeader,
        SetDataRequest, SetWatches2, SyncRequest,
    },
};

use super::{COUNTS, PATH, PAYLOADS, decode, message, names};

fn header(op: OpCode) -> RequestHeader {
    RequestHeader { xid: 1, op }
}

fn set_data(size: usize) -> SetDataRequest<'static> {
    SetDataRequest { path: PATH, data: Some(Bytes::from(vec![7; size])), version: -1 }
}

pub(super) fn all(criterion: &mut Criterion) {
    with_payload(criterion);
    without_payload(criterion);
    for count in COUNTS {
        let paths = names(count);
        let body = SetWatches2 {
            relative_zxid: 1,
            data_watches: paths.iter().map(String::as_str).collect(),
            exist_watches: vec![],
            child_watches: vec![],
            persistent_watches: vec![],
            persistent_recursive_watches: vec![],
        };
        let header = header(OpCode::SET_WATCHES2);
        message(
            criterion,
            ("setWatches2 request", count),
            (&header, &body),
            decode!(RequestHeader, SetWatches2<'_>),
        );
    }
}

fn with_payload(criterion: &mut Criterion) {
    for size in PAYLOADS {
        let data = Some(Bytes::from(vec![7; size]));
        let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
        let body = CreateRequest { path: PATH, data, acl, flags: 1 };
        let header = header(OpCode::CREATE2);
        message(
            criterion,
            ("create request", size),
            (&header, &body),
            decode!(RequestHeader, CreateRequest<'_>),
        );
    }
    for size in PAYLOADS {
        let header = header(OpCode::SET_DATA);
        let read = decode!(RequestHeader, SetDataRequest<'_>);
        message(criterion, ("setData request", size), (&header, &set_data(size)), read);
    }
    // As a leader writes its status: only if the key is still its own.
    for size in PAYLOADS {
        let check = MultiOp::Check(CheckVersionRequest { path: PATH, version: 7 });
        let body = MultiRequest { ops: vec![check, MultiOp::SetData(set_data(size))] };
        let header = header(OpCode::MULTI);
        message(
            criterion,
            ("multi request", size),
            (&header, &body),
            decode!(RequestHeader, MultiRequest<'_>),
        );
    }
}

fn without_payload(criterion: &mut Criterion) {
    let size = PATH.len();
    let body = GetDataRequest { path: PATH, watch: true };
    let read = decode!(RequestHeader, GetDataRequest<'_>);
    message(criterion, ("getData request", size), (&header(OpCode::GET_DATA), &body), read);
    let body = ExistsRequest { path: PATH, watch: true };
    let read = decode!(RequestHeader, ExistsRequest<'_>);
    message(criterion, ("exists request", size), (&header(OpCode::EXISTS), &body), read);
    let body = DeleteRequest { path: PATH, version: -1 };
    let read = decode!(RequestHeader, DeleteRequest<'_>);
    message(criterion, ("delete request", size), (&header(OpCode::DELETE), &body), read);
    let body = GetChildren2Request { path: PATH, watch: false };
    let read = decode!(RequestHeader, GetChildren2Request<'_>);
    message(criterion, ("getChildren2 request", size), (&header(OpCode::GET_CHILDREN2), &body), read);
    let body = SyncRequest { path: PATH };
    let read = decode!(RequestHeader, SyncRequest<'_>);
    message(criterion, ("sync request", size), (&header(OpCode::SYNC), &body), read);
    let body = AddWatchRequest { path: PATH, mode: AddWatchMode::PERSISTENT_RECURSIVE };
    let read = decode!(RequestHeader, AddWatchRequest<'_>);
    message(criterion, ("addWatch request", size), (&header(OpCode::ADD_WATCH), &body), read);
    let body = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 1,
        timeout: 30_000,
        session_id: 7,
        password: Bytes::from_static(&[7; 16]),
        read_only: Some(false),
    };
    message(criterion, ("connect request", 16), (&(), &body), decode!((), ConnectRequest));
}
