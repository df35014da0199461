//! What a connection is told, and its end.

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Decode, Encode, ErrorCode, KeeperState, Permissions, Raw, Reader,
    records::{AuthPacket, ReplyHeader, RequestHeader, WatcherEvent},
    write_frame,
    xid::WATCH_EVENT_XID,
};

use super::{ConnectionId, Engine, LEADER, OnReply, Output, What};
use crate::{
    acl::{AccessList, Identity},
    watches::Event,
};

impl Engine {
    /// Adds an identity to a connection; one that cannot be believed ends it.
    pub(super) fn authenticate(&mut self, id: ConnectionId, header: RequestHeader, body: &Bytes) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Ok(AuthPacket { scheme, auth, .. }) = AuthPacket::decode(&mut Reader::new(body)) else {
            return self.close(id);
        };
        let identity = match (scheme, auth) {
            ("digest", Some(auth)) => Some(Identity::of_credentials(&auth)),
            ("ip", _) => connection.identities.first().cloned(),
            _ => None,
        };
        let Some(identity) = identity else {
            self.reply(id, header.xid, 0, Err(ErrorCode::AUTH_FAILED));
            return self.close(id);
        };
        if !connection.identities.contains(&identity) {
            connection.identities.push(identity);
        }
        self.reply(id, header.xid, 0, Ok(Bytes::new()));
    }

    pub(super) fn on_reply(&mut self, id: ConnectionId, on_reply: OnReply) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.on_reply = Some(on_reply);
        }
    }

    /// The last transaction that the connection's server has applied.
    pub(super) fn zxid_at(&self, id: ConnectionId) -> i64 {
        let server = self.connections.get(&id).map_or(LEADER, |connection| connection.server);
        self.members.get(server).map_or(0, |member| member.replica.zxid)
    }

    /// An error, with the zxid of the moment.
    pub(super) fn refuse(&mut self, id: ConnectionId, xid: i32, code: ErrorCode) {
        let zxid = self.zxid_at(id);
        self.reply(id, xid, zxid, Err(code));
    }

    /// Sends a reply: the encoded record, or an error and no record.
    pub(super) fn reply(&mut self, id: ConnectionId, xid: i32, zxid: i64, answer: Result<Bytes, ErrorCode>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.on_reply.take() {
            None => {}
            Some(OnReply::Delay(delay)) => self.output(id, What::Delay(delay)),
            Some(OnReply::Lose) => return self.close(id),
        }
        let (err, body) = match answer {
            Ok(body) => (ErrorCode::OK, body),
            Err(code) => (code, Bytes::new()),
        };
        self.send(id, &ReplyHeader { xid, zxid, err }, &Raw(body));
    }

    /// Tells a client of an event. The zxid says nothing before 3.9.
    pub(super) fn notify(&mut self, event: &Event) {
        let Some(connection) = self.connections.get(&event.to) else { return };
        let may_read = |readers: &AccessList| readers.permits(Permissions::READ, &connection.identities);
        if !event.readers.as_ref().is_none_or(may_read) {
            return;
        }
        let header = ReplyHeader { xid: WATCH_EVENT_XID, zxid: -1, err: ErrorCode::OK };
        let state = KeeperState::SYNC_CONNECTED;
        self.send(event.to, &header, &WatcherEvent { event_type: event.kind, state, path: &event.path });
    }

    pub(super) fn send(&mut self, id: ConnectionId, header: &impl Encode, body: &impl Encode) {
        let mut buf = BytesMut::new();
        if write_frame(&mut buf, header, body).is_err() {
            // Nothing that a client of ours would take.
            return self.close(id);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.sent = connection.sent.saturating_add(1);
            self.output(id, What::Send(buf.freeze()));
        }
    }

    /// Ends a connection, behind what has been sent on it.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if self.connections.contains_key(&id) {
            self.output(id, What::Close);
            self.disconnect(id);
        }
    }

    pub(super) fn output(&mut self, to: ConnectionId, what: What) {
        self.outputs.push(Output { to, what });
    }
}
