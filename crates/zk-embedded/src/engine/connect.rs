//! Sessions begin and are taken up again. Source: `ZooKeeperServer.processConnectRequest`, `finishSessionInit`.

use std::time::Duration;

use bytes::Bytes;
use zk_jute::{
    Decode, Reader,
    records::{ConnectRequest, ConnectResponse},
};

use super::{Awaited, ConnectionId, Engine, LEADER, Phase};
use crate::{moment::Moment, transaction::Body};

impl Engine {
    pub(super) fn connect(&mut self, now: Moment, id: ConnectionId, frame: Bytes) {
        let Ok(request) = ConnectRequest::decode(&mut Reader::new(&frame)) else { return self.close(id) };
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let server = connection.server;
        let Some(member) = self.members.get_mut(server) else { return };
        let wants_to_write = request.read_only != Some(true);
        // Such clients are to try another server: one that serves, that they can write to, that is not behind them.
        if !member.serves
            || (member.read_only && wants_to_write)
            || request.last_zxid_seen > member.replica.zxid
        {
            return self.close(id);
        }
        let asked = Duration::from_millis(u64::try_from(request.timeout).unwrap_or(0));
        let (least, most) = (self.settings.min_session_timeout, self.settings.max_session_timeout);
        connection.timeout = asked.max(least).min(most);
        connection.knows_read_only = request.read_only.is_some();
        connection.phase = Phase::Joining;
        let timeout = connection.timeout;
        if request.session_id != 0 {
            self.disconnect_others(id, server, request.session_id);
        }
        if self.members.get(server).is_some_and(|member| member.read_only) {
            return self.connect_read_only(now, id, &request);
        }
        if request.session_id != 0 && self.sessions.password(request.session_id) != request.password {
            return self.welcome(id, None);
        }
        if self.is_cut_off(server) {
            return self.forward(id, frame);
        }
        if request.session_id == 0 {
            let session = self.sessions.open(now.elapsed, timeout, server, false);
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.session = session;
            }
            let op = zk_jute::OpCode::CREATE_SESSION;
            self.commit(now, Body::OpenSession, Some((id, 0, op)));
        } else {
            let renewed = self.sessions.renew(now.elapsed, request.session_id, timeout, server);
            self.welcome(id, renewed.then_some(request.session_id));
            self.run(now, id);
        }
    }

    /// A read-only server knows its own sessions, and cannot ask about others.
    fn connect_read_only(&mut self, now: Moment, id: ConnectionId, request: &ConnectRequest) {
        let Some(connection) = self.connections.get(&id) else { return };
        let (server, timeout) = (connection.server, connection.timeout);
        if request.session_id == 0 {
            let session = self.sessions.open(now.elapsed, timeout, server, true);
            return self.welcome(id, Some(session));
        }
        if self.sessions.check(request.session_id, server).is_ok()
            && !self.sessions.is_local(request.session_id)
        {
            return self.close(id);
        }
        let known = self.sessions.password(request.session_id) == request.password
            && self.sessions.touch(now.elapsed, request.session_id, timeout);
        self.welcome(id, known.then_some(request.session_id));
    }

    /// Puts a connect request back until the leader can be asked.
    fn forward(&mut self, id: ConnectionId, frame: Bytes) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.phase = Phase::New;
            connection.awaited = Some(Awaited::Leader);
            connection.queue.push_back(frame);
            if let Some(member) = self.members.get_mut(connection.server) {
                member.forwards.push_back(id);
            }
        }
    }

    /// A session has one connection at a server: the newest. ZooKeeper ends the others before it looks at the password.
    fn disconnect_others(&mut self, id: ConnectionId, server: usize, session: i64) {
        let is_other = |other: &ConnectionId, connection: &super::Connection| {
            *other != id && connection.server == server && connection.session == session
        };
        let others: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|(other, connection)| is_other(other, connection))
            .map(|(other, _)| *other)
            .collect();
        for other in others {
            self.close(other);
        }
    }

    /// Answers a connect request: with a session, or that there is none.
    pub(super) fn welcome(&mut self, id: ConnectionId, session: Option<i64>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let read_only = self.members.get(connection.server).is_some_and(|member| member.read_only);
        let session_id = session.unwrap_or(0);
        let mut response = ConnectResponse {
            protocol_version: 0,
            timeout: 0,
            session_id,
            password: Bytes::from_static(&[0; 16]),
            read_only: connection.knows_read_only.then_some(read_only),
        };
        if session.is_some() {
            connection.session = session_id;
            connection.phase = Phase::Open;
            response.timeout = i32::try_from(connection.timeout.as_millis()).unwrap_or(i32::MAX);
            response.password = self.sessions.password(session_id);
            if let Some(told) = self.session_id_to_tell.take() {
                response.session_id = told;
            }
        }
        self.send(id, &response, &());
        if session.is_none() {
            self.close(id);
        }
    }

    /// Counts the session of a connection anew, at the leader or for it; `false` if there is no such session.
    pub(super) fn touch(&mut self, now: Moment, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get(&id) else { return false };
        let (session, timeout, server) = (connection.session, connection.timeout, connection.server);
        if server == LEADER {
            return self.sessions.touch(now.elapsed, session, timeout);
        }
        let next_ping = self.next_ping(now.elapsed);
        if let Some(member) = self.members.get_mut(server) {
            member.hear(session, timeout, next_ping);
        }
        true
    }
}
