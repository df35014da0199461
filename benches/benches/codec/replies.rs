//! What a server writes.

use bytes::Bytes;
use criterion::Criterion;
use zk_jute::{
    ErrorCode, EventType, KeeperState, Permissions,
    records::{
        Acl, ConnectResponse, Create2Response, ExistsResponse, GetACLResponse, GetChildren2Response,
        GetChildrenResponse, GetDataResponse, Id, MultiResponse, MultiResult, ReplyHeader, SetDataResponse,
        Stat, WatcherEvent,
    },
};

use super::{COUNTS, PATH, PAYLOADS, decode, message, names};

const REPLY: ReplyHeader = ReplyHeader { xid: 1, zxid: 2, err: ErrorCode::OK };

fn get_data(size: usize) -> GetDataResponse {
    GetDataResponse { data: Some(Bytes::from(vec![7; size])), stat: Stat::default() }
}

pub(super) fn all(criterion: &mut Criterion) {
    for size in PAYLOADS {
        let read = decode!(ReplyHeader, GetDataResponse);
        message(criterion, ("getData reply", size), (&REPLY, &get_data(size)), read);
    }
    // As a cluster is loaded: all keys in one multiRead.
    for size in PAYLOADS {
        let body = MultiResponse { results: (0..8).map(|_| MultiResult::GetData(get_data(size))).collect() };
        message(
            criterion,
            ("multiRead reply of 8", size),
            (&REPLY, &body),
            decode!(ReplyHeader, MultiResponse<'_>),
        );
    }
    for count in COUNTS {
        let names = names(count);
        let body = GetChildrenResponse { children: names.iter().map(String::as_str).collect() };
        let read = decode!(ReplyHeader, GetChildrenResponse<'_>);
        message(criterion, ("getChildren reply", count), (&REPLY, &body), read);
        let children = names.iter().map(String::as_str).collect();
        let body = GetChildren2Response { children, stat: Stat::default() };
        let read = decode!(ReplyHeader, GetChildren2Response<'_>);
        message(criterion, ("getChildren2 reply", count), (&REPLY, &body), read);
    }
    small(criterion);
}

fn small(criterion: &mut Criterion) {
    let size = PATH.len();
    let stat = Stat::default();
    let read = decode!(ReplyHeader, ExistsResponse);
    message(criterion, ("exists reply", 0), (&REPLY, &ExistsResponse { stat }), read);
    let read = decode!(ReplyHeader, SetDataResponse);
    message(criterion, ("setData reply", 0), (&REPLY, &SetDataResponse { stat }), read);
    let read = decode!(ReplyHeader, Create2Response<'_>);
    message(criterion, ("create2 reply", size), (&REPLY, &Create2Response { path: PATH, stat }), read);
    let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
    let read = decode!(ReplyHeader, GetACLResponse<'_>);
    message(criterion, ("getACL reply", 1), (&REPLY, &GetACLResponse { acl, stat }), read);
    let event = WatcherEvent {
        event_type: EventType::NODE_DATA_CHANGED,
        state: KeeperState::SYNC_CONNECTED,
        path: PATH,
    };
    message(criterion, ("watcher event", size), (&REPLY, &event), decode!(ReplyHeader, WatcherEvent<'_>));
    let body = ConnectResponse {
        protocol_version: 0,
        timeout: 30_000,
        session_id: 7,
        password: Bytes::from_static(&[7; 16]),
        read_only: Some(false),
    };
    message(criterion, ("connect response", 16), (&(), &body), decode!((), ConnectResponse));
}
