//! What a server is seen to do, without what may differ from server to server.

use std::collections::BTreeMap;

use bytes::Bytes;
use zk_jute::{
    Decode, DecodeError, ErrorCode, OpCode, Reader,
    records::{
        Create2Response, CreateResponse, ErrorResponse, ExistsResponse, GetACLResponse,
        GetAllChildrenNumberResponse, GetChildren2Response, GetChildrenResponse, GetDataResponse,
        GetEphemeralsResponse, MultiResponse, MultiResult, SetACLResponse, SetDataResponse, SetSASLResponse,
        Stat, SyncResponse, WatcherEvent, WhoAmIResponse,
    },
    xid::{PING_XID, WATCH_EVENT_XID},
};

use crate::common::Message;

/// Something a client sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    Event(String),
    Reply(String),
    Pong(i64),
    End,
    Connected(String),
}

/// What zxids and session ids are of this run on this server.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) base_zxid: i64,
    sessions: BTreeMap<i64, usize>,
}

impl Names {
    /// The sessions are numbered in the order in which they begin.
    pub(crate) fn session(&mut self, id: i64) -> usize {
        let next = self.sessions.len();
        *self.sessions.entry(id).or_insert(next)
    }

    fn zxid(&self, zxid: i64) -> i64 {
        if zxid > 0 { zxid - self.base_zxid } else { zxid }
    }

    fn stat(&self, stat: Stat) -> String {
        let owner = match stat.ephemeral_owner {
            0 => "nobody".to_owned(),
            id => {
                self.sessions.get(&id).map_or_else(|| format!("{id:#x}"), |index| format!("session {index}"))
            }
        };
        let stat = Stat {
            czxid: self.zxid(stat.czxid),
            mzxid: self.zxid(stat.mzxid),
            pzxid: self.zxid(stat.pzxid),
            // Only whether there is one.
            ctime: stat.ctime.signum(),
            mtime: stat.mtime.signum(),
            ephemeral_owner: 0,
            ..stat
        };
        format!("{stat:?} of {owner}")
    }

    pub(crate) fn seen(&self, op: OpCode, message: &Message) -> Seen {
        let Message { header, body } = message;
        match header.xid {
            PING_XID => return Seen::Pong(self.zxid(header.zxid)),
            WATCH_EVENT_XID => {
                let event = WatcherEvent::from_bytes(body).unwrap();
                return Seen::Event(format!("{event:?} under {} {}", header.zxid, header.err));
            }
            _ => {}
        }
        let shown = match header.err {
            ErrorCode::OK => self.body(op, body).unwrap_or_else(|error| format!("{error}: {body:?}")),
            code => format!("{code}, {} bytes", body.len()),
        };
        Seen::Reply(format!("{op} #{} at {}: {shown}", header.xid, self.zxid(header.zxid)))
    }

    fn body(&self, op: OpCode, body: &Bytes) -> Result<String, DecodeError> {
        let reader = &mut Reader::new(body);
        let shown = match op {
            OpCode::CREATE => format!("{:?}", CreateResponse::decode(reader)?),
            OpCode::CREATE2 | OpCode::CREATE_CONTAINER | OpCode::CREATE_TTL => {
                let Create2Response { path, stat } = Create2Response::decode(reader)?;
                format!("{path} {}", self.stat(stat))
            }
            OpCode::SET_DATA => self.stat(SetDataResponse::decode(reader)?.stat),
            OpCode::SET_ACL => self.stat(SetACLResponse::decode(reader)?.stat),
            OpCode::EXISTS => self.stat(ExistsResponse::decode(reader)?.stat),
            OpCode::GET_DATA => {
                let GetDataResponse { data, stat } = GetDataResponse::decode(reader)?;
                format!("{data:?} {}", self.stat(stat))
            }
            OpCode::GET_ACL => {
                let GetACLResponse { acl, stat } = GetACLResponse::decode(reader)?;
                let mut acl: Vec<String> = acl.iter().map(|acl| format!("{acl:?}")).collect();
                acl.sort();
                format!("{acl:?} {}", self.stat(stat))
            }
            OpCode::GET_CHILDREN => {
                let mut children = GetChildrenResponse::decode(reader)?.children;
                children.sort_unstable();
                format!("{children:?}")
            }
            OpCode::GET_CHILDREN2 => {
                let GetChildren2Response { mut children, stat } = GetChildren2Response::decode(reader)?;
                children.sort_unstable();
                format!("{children:?} {}", self.stat(stat))
            }
            OpCode::SYNC => format!("{:?}", SyncResponse::decode(reader)?),
            OpCode::GET_EPHEMERALS => {
                let mut ephemerals = GetEphemeralsResponse::decode(reader)?.ephemerals;
                ephemerals.sort_unstable();
                format!("{ephemerals:?}")
            }
            OpCode::GET_ALL_CHILDREN_NUMBER => format!("{:?}", GetAllChildrenNumberResponse::decode(reader)?),
            OpCode::WHO_AM_I => {
                let identities = WhoAmIResponse::decode(reader)?.client_info;
                let mut identities: Vec<String> = identities.iter().map(|info| format!("{info:?}")).collect();
                identities.sort();
                format!("{identities:?}")
            }
            OpCode::ADD_WATCH => format!("{:?}", ErrorResponse::decode(reader)?),
            OpCode::SASL => format!("{:?}", SetSASLResponse::decode(reader)?),
            OpCode::MULTI | OpCode::MULTI_READ => {
                let results = MultiResponse::decode(reader)?.results;
                let shown: Vec<String> = results.into_iter().map(|result| self.result(result)).collect();
                shown.join("; ")
            }
            _ => String::new(),
        };
        Ok(format!("{shown} and {} bytes", reader.remaining()))
    }

    fn result(&self, result: MultiResult<'_>) -> String {
        match result {
            MultiResult::Create2(Create2Response { path, stat }) => {
                format!("create2 {path} {}", self.stat(stat))
            }
            MultiResult::SetData(SetDataResponse { stat }) => format!("setData {}", self.stat(stat)),
            MultiResult::GetData(GetDataResponse { data, stat }) => {
                format!("getData {data:?} {}", self.stat(stat))
            }
            MultiResult::GetChildren(GetChildrenResponse { mut children }) => {
                children.sort_unstable();
                format!("getChildren {children:?}")
            }
            other => format!("{other:?}"),
        }
    }
}
