//! The replies, encoded once.

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Encode, ErrorCode, EventType, KeeperState, OpCode,
    records::{
        ConnectResponse, Create2Response, CreateResponse, ExistsResponse, GetDataResponse, ReplyHeader,
        SetDataResponse, Stat, WatcherEvent,
    },
    write_frame,
    xid::WATCH_EVENT_XID,
};

/// Where the xid is in a frame: behind the length.
const XID: usize = 4;

/// Replies that need no more than their xid.
pub(super) struct Replies {
    get_data: Vec<u8>,
    exists: Vec<u8>,
    set_data: Vec<u8>,
    empty: Vec<u8>,
}

impl Replies {
    /// Every node has `payload` bytes of data.
    pub(super) fn new(payload: usize) -> Self {
        let stat = Stat {
            czxid: 1,
            mzxid: 1,
            data_length: i32::try_from(payload).unwrap_or(i32::MAX),
            ..Stat::default()
        };
        let data = Some(Bytes::from(vec![b'x'; payload]));
        Self {
            get_data: reply(&GetDataResponse { data, stat }),
            exists: reply(&ExistsResponse { stat }),
            set_data: reply(&SetDataResponse { stat }),
            empty: reply(&()),
        }
    }

    /// Appends the answer to a request; `None` for an operation that this server does not know.
    pub(super) fn answer(&self, op: OpCode, xid: [u8; 4], out: &mut Vec<u8>) -> Option<()> {
        let prepared = match op {
            OpCode::GET_DATA => &self.get_data,
            OpCode::SET_DATA => &self.set_data,
            OpCode::EXISTS => &self.exists,
            // Neither has a body in its answer.
            OpCode::DELETE
            | OpCode::PING
            | OpCode::SET_WATCHES
            | OpCode::SET_WATCHES2
            | OpCode::AUTH
            | OpCode::REMOVE_WATCHES
            | OpCode::CLOSE_SESSION => &self.empty,
            _ => return None,
        };
        put(prepared, xid, out);
        Some(())
    }

    /// Appends the answer to a `create`, which repeats the path.
    pub(super) fn created(op: OpCode, xid: [u8; 4], path: &str, out: &mut Vec<u8>) {
        let created = match op {
            OpCode::CREATE => reply(&CreateResponse { path }),
            _ => reply(&Create2Response { path, stat: Stat::default() }),
        };
        put(&created, xid, out);
    }

    /// Appends the event of a watch.
    pub(super) fn changed(path: &str, out: &mut Vec<u8>) {
        let header = ReplyHeader { xid: WATCH_EVENT_XID, zxid: -1, err: ErrorCode::OK };
        let event = WatcherEvent {
            event_type: EventType::NODE_DATA_CHANGED,
            state: KeeperState::SYNC_CONNECTED,
            path,
        };
        out.extend_from_slice(&frame(&header, &event));
    }

    /// Appends the answer to a connect request.
    pub(super) fn connected(timeout: i32, session_id: i64, out: &mut Vec<u8>) {
        let password = Bytes::from_static(&[7; 16]);
        let response =
            ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only: Some(false) };
        out.extend_from_slice(&frame(&response, &()));
    }
}

fn put(prepared: &[u8], xid: [u8; 4], out: &mut Vec<u8>) {
    let at = out.len() + XID;
    out.extend_from_slice(prepared);
    out[at..at + xid.len()].copy_from_slice(&xid);
}

/// A reply whose xid is still to be filled in.
fn reply(body: &impl Encode) -> Vec<u8> {
    frame(&ReplyHeader { xid: 0, zxid: 1, err: ErrorCode::OK }, body)
}

fn frame(header: &impl Encode, body: &impl Encode) -> Vec<u8> {
    let mut wire = BytesMut::new();
    // The frames of this server are small, but for a payload that is asked for by hand.
    let written = write_frame(&mut wire, header, body);
    assert!(written.is_ok(), "a payload for the stub is over the limit of a frame: {written:?}");
    wire.to_vec()
}
