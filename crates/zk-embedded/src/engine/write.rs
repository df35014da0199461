//! Writes: decoded, checked at the leader, committed, and answered when the client's server has applied them.

use bytes::Bytes;
use zk_jute::{
    Encode, ErrorCode, OpCode,
    records::{
        Create2Response, CreateResponse, ErrorResponse, MultiOp, MultiRequest, MultiResponse, MultiResult,
        RequestHeader, SetACLResponse, SetDataResponse,
    },
};

use super::{Awaited, ConnectionId, Engine, LEADER, decode};
use crate::{
    moment::Moment,
    prepare::{Draft, New, Write, Writer},
    transaction::{Body, Done, Outcome},
    tree::Lifetime,
};

/// Whether a request goes to the leader and takes a zxid, whatever comes of it.
pub(super) fn is_write(op: OpCode) -> bool {
    matches!(
        op,
        OpCode::CREATE
            | OpCode::CREATE2
            | OpCode::CREATE_CONTAINER
            | OpCode::CREATE_TTL
            | OpCode::DELETE
            | OpCode::DELETE_CONTAINER
            | OpCode::SET_DATA
            | OpCode::SET_ACL
            | OpCode::CHECK
            | OpCode::MULTI
            | OpCode::RECONFIG
            | OpCode::CLOSE_SESSION
    )
}

impl Engine {
    pub(super) fn write(
        &mut self,
        now: Moment,
        id: ConnectionId,
        header: RequestHeader,
        body: &Bytes,
        frame: &Bytes,
    ) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (server, session) = (connection.server, connection.session);
        if self.members.get(server).is_some_and(|member| member.read_only) {
            if header.op != OpCode::CLOSE_SESSION || !self.sessions.is_local(session) {
                return self.refuse(id, header.xid, ErrorCode::NOT_READ_ONLY);
            }
            // A session of this server alone is no matter for a transaction.
            self.sessions.close(session);
            let zxid = self.zxid_at(id);
            self.reply(id, header.xid, zxid, Ok(Bytes::new()));
            return self.close(id);
        }
        if self.is_cut_off(server) {
            return self.wait_for_leader(id, frame.clone());
        }
        let body = match header.op {
            OpCode::CLOSE_SESSION => self.close_session(session),
            op => self.prepare(now, id, op, body),
        };
        if matches!(body, Body::Refused(ErrorCode::SESSION_MOVED)) {
            // The client has gone elsewhere: what it says here does not count, and it is not told so.
            self.commit(now, body, None);
            return self.close(id);
        }
        self.commit(now, body, Some((id, header.xid, header.op)));
    }

    /// Ends a session for the leader; its znodes go when the transaction is applied.
    pub(super) fn close_session(&mut self, session: i64) -> Body {
        self.sessions.close(session);
        let tree = self.members.get(LEADER).map(|leader| &leader.replica.tree);
        let paths = tree.map_or_else(Vec::new, |tree| tree.ephemerals_of(session).map(Into::into).collect());
        Body::CloseSession { session, paths }
    }

    /// What the leader makes of a write.
    fn prepare(&self, now: Moment, id: ConnectionId, op: OpCode, body: &Bytes) -> Body {
        let (Some(connection), Some(leader)) = (self.connections.get(&id), self.members.get(LEADER)) else {
            return Body::Refused(ErrorCode::SYSTEM_ERROR);
        };
        let writer = Writer {
            session: connection.session,
            identities: &connection.identities,
            session_check: self.sessions.check(connection.session, connection.server),
            zxid: self.zxid.wrapping_add(1),
            time: now.wall,
            ttl: self.settings.ttl,
        };
        let mut draft = Draft::new(&leader.replica.tree);
        let prepared = match op {
            OpCode::MULTI => prepare_all(&mut draft, body, &writer),
            op => prepare_one(&mut draft, op, body, &writer),
        };
        prepared.unwrap_or_else(Body::Refused)
    }

    fn wait_for_leader(&mut self, id: ConnectionId, frame: Bytes) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.queued_bytes = connection.queued_bytes.saturating_add(frame.len());
        connection.queue.push_front(frame);
        connection.awaited = Some(Awaited::Leader);
        if let Some(member) = self.members.get_mut(connection.server) {
            member.forwards.push_back(id);
        }
    }

    /// Waits until this server has all that the leader has.
    pub(super) fn sync(&mut self, id: ConnectionId, header: RequestHeader, body: &Bytes, frame: &Bytes) {
        let Some(connection) = self.connections.get(&id) else { return };
        let server = connection.server;
        if self.members.get(server).is_some_and(|member| member.read_only) {
            return self.refuse(id, header.xid, ErrorCode::NOT_READ_ONLY);
        }
        if self.is_cut_off(server) {
            return self.wait_for_leader(id, frame.clone());
        }
        let path = match decode::<zk_jute::records::SyncRequest<'_>>(body) {
            Ok(request) => request.path,
            Err(code) => return self.refuse(id, header.xid, code),
        };
        let (zxid, xid) = (self.zxid, header.xid);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.awaited = Some(Awaited::CaughtUp { zxid, xid, path: path.into() });
        }
        self.answer_caught_up(id);
    }

    /// Answers a sync, if its server has caught up.
    pub(super) fn answer_caught_up(&mut self, id: ConnectionId) {
        let now_at = self.zxid_at(id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.awaited.take() {
            Some(Awaited::CaughtUp { zxid, xid, path }) if zxid <= now_at => {
                let body = zk_jute::records::SyncResponse { path: &path }.to_bytes();
                self.reply(id, xid, now_at, Ok(body));
            }
            other => connection.awaited = other,
        }
    }

    /// Answers a write that its server has applied.
    pub(super) fn answer_write(
        &mut self,
        id: ConnectionId,
        xid: i32,
        op: OpCode,
        zxid: i64,
        outcome: Outcome,
    ) {
        let answer = match outcome {
            Outcome::Session if op == OpCode::CREATE_SESSION => {
                let session = self.connections.get(&id).map(|connection| connection.session);
                return self.welcome(id, session);
            }
            Outcome::Session => {
                self.reply(id, xid, zxid, Ok(Bytes::new()));
                return self.close(id);
            }
            // 3.8 fails to encode the answer to a check on its own, and sends none.
            Outcome::One(Done::Checked) => return,
            Outcome::One(done) => Ok(encode(op, &done)),
            Outcome::All(all) => {
                let results = all.iter().map(result).collect();
                Ok(MultiResponse { results }.to_bytes())
            }
            Outcome::Refused(code) => Err(code),
            Outcome::AllRefused(codes) if codes.contains(&ErrorCode::SESSION_MOVED) => return self.close(id),
            Outcome::AllRefused(codes) => {
                let results =
                    codes.into_iter().map(|err| MultiResult::Error(ErrorResponse { err })).collect();
                Ok(MultiResponse { results }.to_bytes())
            }
        };
        self.reply(id, xid, zxid, answer);
    }
}

fn prepare_one(
    draft: &mut Draft<'_>,
    op: OpCode,
    body: &Bytes,
    writer: &Writer<'_>,
) -> Result<Body, ErrorCode> {
    let write = match op {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => {
            Write::Create(New::plain(op, decode(body)?))
        }
        OpCode::CREATE_TTL => Write::Create(New::with_ttl(decode(body)?)),
        OpCode::DELETE => Write::Delete(decode(body)?),
        OpCode::SET_DATA => Write::SetData(decode(body)?),
        OpCode::SET_ACL => Write::SetAcl(decode(body)?),
        OpCode::CHECK => Write::Check(decode(body)?),
        OpCode::RECONFIG => return Err(ErrorCode::RECONFIG_DISABLED),
        // Containers are the server's own to delete.
        _ => return Err(ErrorCode::BAD_ARGUMENTS),
    };
    draft.prepare(write, writer).map(Body::One)
}

/// A multi succeeds or fails as one; the results of one that fails say where.
fn prepare_all(draft: &mut Draft<'_>, body: &Bytes, writer: &Writer<'_>) -> Result<Body, ErrorCode> {
    let MultiRequest { ops } = decode(body)?;
    // Reads have no place in it, and 3.8 does not survive one in the first place either.
    if ops.iter().any(|op| matches!(op, MultiOp::GetData(_) | MultiOp::GetChildren(_))) {
        return Err(ErrorCode::MARSHALLING_ERROR);
    }
    let count = ops.len();
    let mut changes = Vec::with_capacity(count);
    for (index, op) in ops.into_iter().enumerate() {
        let write = Write::in_multi(op).ok_or(ErrorCode::MARSHALLING_ERROR)?;
        match draft.prepare(write, writer) {
            Ok(change) => changes.push(change),
            Err(code) => {
                let mut codes = vec![ErrorCode::OK; index];
                codes.push(code);
                codes.resize(count, ErrorCode::RUNTIME_INCONSISTENCY);
                return Ok(Body::AllRefused(codes));
            }
        }
    }
    Ok(Body::All(changes))
}

fn encode(op: OpCode, done: &Done) -> Bytes {
    match done {
        Done::Created { path, .. } if op == OpCode::CREATE => CreateResponse { path }.to_bytes(),
        Done::Created { path, stat, .. } => Create2Response { path, stat: *stat }.to_bytes(),
        Done::Set(stat) => SetDataResponse { stat: *stat }.to_bytes(),
        Done::AclSet(stat) => SetACLResponse { stat: *stat }.to_bytes(),
        Done::Deleted | Done::Checked => Bytes::new(),
    }
}

/// One result of a multi. The stat comes with containers and znodes with a time to live alone.
fn result(done: &Done) -> MultiResult<'_> {
    match done {
        Done::Created { path, stat, lifetime: Lifetime::Container | Lifetime::Ttl(_) } => {
            MultiResult::Create2(Create2Response { path, stat: *stat })
        }
        Done::Created { path, .. } => MultiResult::Create(CreateResponse { path }),
        Done::Deleted => MultiResult::Delete,
        Done::Set(stat) | Done::AclSet(stat) => MultiResult::SetData(SetDataResponse { stat: *stat }),
        Done::Checked => MultiResult::Check,
    }
}
