//! The connect request: a new session is a write, one that is to be resumed is asked of the leader.

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Decode,
    records::{ConnectRequest, ConnectResponse},
    write_frame,
};

use crate::{
    ensemble::LeaderMessage,
    network::Direction,
    server::Stage,
    tree::{SessionRecord, WriteOp},
    world::World,
};

impl World {
    pub(crate) fn connect_request(&mut self, conn: usize, frame: &Bytes) {
        let request = ConnectRequest::from_bytes(frame).expect("a connect request of ours");
        let server = self.conns[conn].server;
        // A server that is behind what a client has seen does not serve it.
        if !self.servers[server].serves() || request.last_zxid_seen > self.zxid_of(server) {
            return self.close_at_server(conn, false);
        }
        let serving = &mut self.conns[conn].serving;
        serving.stage = Stage::Granting;
        if request.session_id != 0 {
            serving.session = request.session_id;
            serving.password = request.password.as_ref().try_into().unwrap_or_default();
            // A client has one connection to a server: the one before is dropped.
            for other in self.servers[server].conns.clone() {
                if other != conn && self.conns[other].serving.session == request.session_id {
                    self.close_at_server(other, false);
                }
            }
            let session = request.session_id;
            return self.tell_leader(server, LeaderMessage::Revalidate { session, conn });
        }
        let mut password = [0; 16];
        self.rng.fill(&mut password);
        let session = 0x1000 + i64::try_from(conn).expect("few connections");
        let asked = u64::from(request.timeout.unsigned_abs()) * 1_000;
        let record =
            SessionRecord { timeout: asked.clamp(2 * self.plan.tick, 20 * self.plan.tick), password };
        let serving = &mut self.conns[conn].serving;
        (serving.session, serving.password) = (session, password);
        serving.writes += 1;
        let number = serving.writes;
        let op = WriteOp::BeginSession { record };
        self.tell_leader(server, LeaderMessage::Write { session, op, conn, number });
    }

    pub(crate) fn revalidated(&mut self, server: usize, conn: usize, session: i64, timeout: Option<u64>) {
        if !self.servers[server].serves() || self.conns[conn].serving.stage != Stage::Granting {
            return;
        }
        let password = self.committed.sessions.get(&session).map(|record| record.password);
        let good = password == Some(self.conns[conn].serving.password);
        self.grant(conn, timeout.filter(|_| good));
    }

    pub(crate) fn grant(&mut self, conn: usize, timeout: Option<u64>) {
        let serving = &mut self.conns[conn].serving;
        let granted = timeout.is_some();
        let response = ConnectResponse {
            protocol_version: 0,
            timeout: i32::try_from(timeout.unwrap_or(0) / 1_000).expect("seconds"),
            session_id: if granted { serving.session } else { 0 },
            password: Bytes::copy_from_slice(&if granted { serving.password } else { [0; 16] }),
            read_only: Some(false),
        };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).expect("small");
        serving.stage = Stage::Ready;
        self.send(conn, Direction::Client, bytes.freeze());
        if granted {
            let (server, session) = (self.conns[conn].server, self.conns[conn].serving.session);
            self.hear(server, session);
        } else {
            let session = self.conns[conn].serving.session;
            self.refused.insert(session);
            self.close_at_server(conn, false);
        }
    }
}
