//! Runs a history on a server.

use std::net::SocketAddr;

use bytes::Bytes;
use zk_jute::{
    AddWatchMode, Encode, OpCode, Permissions, Raw, WatcherType,
    records::{
        Acl, AddWatchRequest, AuthPacket, CheckVersionRequest, CheckWatchesRequest, CreateRequest,
        CreateTTLRequest, DeleteRequest, ExistsRequest, GetACLRequest, GetAllChildrenNumberRequest,
        GetChildren2Request, GetChildrenRequest, GetDataRequest, GetEphemeralsRequest, GetSASLRequest, Id,
        MultiOp, MultiRequest, ReconfigRequest, RemoveWatchesRequest, RequestHeader, SetACLRequest,
        SetDataRequest, SetWatches, SetWatches2, SyncRequest,
    },
    xid::AUTH_XID,
};

use crate::{
    common::RawClient,
    history::{AclChoice, Action, Nonsense, SESSIONS, Step, Write},
    observe::{Names, Seen},
};

/// Long enough that no session expires during a history.
const TIMEOUT: i32 = 30_000;

/// What each session has seen after the start, and after each step.
pub(crate) async fn run(address: SocketAddr, root: &str, history: &[Step]) -> Vec<Vec<Vec<Seen>>> {
    let mut run = Run { address, root, names: Names::default(), clients: Vec::new(), left: Vec::new() };
    let mut seen = vec![run.start().await];
    for step in history {
        seen.push(run.step(step).await);
    }
    run.finish().await;
    seen
}

struct Run<'a> {
    address: SocketAddr,
    root: &'a str,
    names: Names,
    clients: Vec<RawClient>,
    /// Sessions that nobody is connected to: they would expire in the middle of a later history.
    left: Vec<(i64, Bytes)>,
}

/// A request, ready to be sent.
enum Request {
    /// And answered, with the connection as it was.
    Plain(OpCode, Bytes),
    /// After which the connection ends.
    Last(OpCode, Bytes),
    Auth {
        body: Bytes,
        ends: bool,
    },
    /// All of them before the first answer.
    Burst(Vec<(OpCode, Bytes)>),
}

impl Run<'_> {
    async fn start(&mut self) -> Vec<Vec<Seen>> {
        for _ in 0..SESSIONS {
            let client = self.connected().await;
            self.clients.push(client);
        }
        let path = self.root.to_owned();
        let acl = AclChoice::Open.records();
        let create = CreateRequest { path: &path, data: None, acl, flags: 0 };
        let body = self.clients[0].call(OpCode::CREATE2, &create).await.unwrap();
        let created = <zk_jute::records::Create2Response<'_> as zk_jute::Decode>::from_bytes(&body).unwrap();
        self.names.base_zxid = created.stat.czxid - 1;
        self.flush().await
    }

    async fn connected(&mut self) -> RawClient {
        let mut client = RawClient::tcp(self.address).await;
        client.connect(TIMEOUT, None).await.expect("a session");
        self.names.session(client.session_id);
        client
    }

    async fn finish(&mut self) {
        for session in std::mem::take(&mut self.left) {
            let mut client = RawClient::tcp(self.address).await;
            client.connect(TIMEOUT, Some(session)).await;
            self.clients.push(client);
        }
        for client in &mut self.clients {
            client.send(OpCode::CLOSE_SESSION, &()).await;
            while client.message().await.is_some() {}
        }
    }

    /// What has come to the sessions.
    async fn flush(&mut self) -> Vec<Vec<Seen>> {
        let mut seen = Vec::new();
        for index in 0..SESSIONS {
            self.clients[index].ping().await;
        }
        for index in 0..SESSIONS {
            seen.push(self.read(index, OpCode::PING).await);
        }
        seen
    }

    async fn read(&mut self, index: usize, op: OpCode) -> Vec<Seen> {
        let (messages, pong) = self.clients[index].until_pong().await;
        let client = &self.clients[index];
        let seen = |message| self.names.seen(client.op_of(message).unwrap_or(op), message);
        let mut seen: Vec<Seen> = messages.iter().map(seen).collect();
        if !pong {
            seen.push(Seen::End);
        }
        seen
    }

    async fn step(&mut self, step: &Step) -> Vec<Vec<Seen>> {
        let Step { session, action } = step;
        let mut own = match action {
            Action::Reconnect => self.reconnect(*session, false, false).await,
            Action::ReconnectWrongly => self.reconnect(*session, true, false).await,
            Action::Steal => self.reconnect(*session, false, true).await,
            action => {
                let request = self.request(action);
                self.send(*session, request).await
            }
        };
        let mut seen = self.flush().await;
        if matches!(action, Action::Close) {
            // The ephemerals of a session go in the order of a set.
            for seen in &mut seen {
                seen.sort();
            }
            own.sort();
        }
        own.append(&mut seen[*session]);
        seen[*session] = own;
        seen
    }

    async fn send(&mut self, session: usize, request: Request) -> Vec<Seen> {
        let client = &mut self.clients[session];
        let (op, ends) = match request {
            Request::Plain(op, body) => {
                client.send(op, &Raw(body)).await;
                (op, false)
            }
            Request::Last(op, body) => {
                client.send(op, &Raw(body)).await;
                (op, true)
            }
            Request::Burst(requests) => {
                for (op, body) in requests {
                    client.send(op, &Raw(body)).await;
                }
                (OpCode::MULTI, false)
            }
            Request::Auth { body, ends } => {
                client.write(&RequestHeader { xid: AUTH_XID, op: OpCode::AUTH }, &Raw(body)).await;
                (OpCode::AUTH, ends)
            }
        };
        if !ends {
            self.clients[session].ping().await;
        }
        let seen = self.read(session, op).await;
        if seen.last() == Some(&Seen::End) {
            let (id, password) = (self.clients[session].session_id, self.clients[session].password.clone());
            let mut client = RawClient::tcp(self.address).await;
            let response = client.connect(TIMEOUT, Some((id, password))).await;
            self.clients[session] = match response {
                Some(response) if response.session_id != 0 => client,
                _ => self.connected().await,
            };
        }
        seen
    }

    /// Connects anew; an old connection that is kept is seen to end.
    async fn reconnect(&mut self, session: usize, wrongly: bool, keep: bool) -> Vec<Seen> {
        let id = self.clients[session].session_id;
        let password =
            if wrongly { Bytes::from_static(&[7; 16]) } else { self.clients[session].password.clone() };
        if wrongly {
            self.left.push((id, self.clients[session].password.clone()));
        }
        let mut old = std::mem::replace(&mut self.clients[session], RawClient::tcp(self.address).await);
        if !keep {
            drop(old);
            old = RawClient::over(tokio::io::empty());
        }
        let mut seen = Vec::new();
        if let Some(response) = self.clients[session].connect(TIMEOUT, Some((id, password))).await {
            let same = response.session_id == id;
            let zero = response.session_id == 0;
            seen.push(Seen::Connected(format!("same {same} zero {zero} timeout {}", response.timeout)));
            if zero {
                assert_eq!(response.password.as_ref(), [0; 16]);
                seen.extend(self.clients[session].message().await.is_none().then_some(Seen::End));
                self.clients[session] = self.connected().await;
            }
        } else {
            seen.push(Seen::End);
        }
        while let Some(message) = old.message().await {
            seen.push(self.names.seen(OpCode::PING, &message));
        }
        seen
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    #[expect(clippy::too_many_lines, reason = "one arm an action")]
    fn request(&self, action: &Action) -> Request {
        use Request::{Last, Plain};
        let at = |path: &str| self.at(path);
        let all = |paths: &[&str]| paths.iter().map(|path| at(path)).collect::<Vec<_>>();
        let since = |since: i64| self.names.base_zxid + since;
        match action {
            Action::Write(write) => {
                let (op, path) = (write.op(), at(write.path()));
                Plain(op, write.encoded(&path))
            }
            Action::SetAcl { path, acl, version } => {
                let request = SetACLRequest { path: &at(path), acl: acl.records(), version: *version };
                Plain(OpCode::SET_ACL, request.to_bytes())
            }
            Action::Multi(writes) => {
                let paths: Vec<String> = writes.iter().map(|write| at(write.path())).collect();
                let ops = writes.iter().zip(&paths).map(|(write, path)| write.in_multi(path)).collect();
                Plain(OpCode::MULTI, MultiRequest { ops }.to_bytes())
            }
            Action::MultiWithRead(write, path) => {
                let (path, own) = (at(path), at(write.path()));
                let read = MultiOp::GetData(GetDataRequest { path: &path, watch: false });
                Plain(OpCode::MULTI, MultiRequest { ops: vec![write.in_multi(&own), read] }.to_bytes())
            }
            Action::MultiRead(reads) => {
                let paths: Vec<String> = reads.iter().map(|(_, path)| at(path)).collect();
                let ops = reads.iter().zip(&paths).map(|((data, _), path)| match data {
                    true => MultiOp::GetData(GetDataRequest { path, watch: true }),
                    false => MultiOp::GetChildren(GetChildrenRequest { path, watch: true }),
                });
                Plain(OpCode::MULTI_READ, MultiRequest { ops: ops.collect() }.to_bytes())
            }
            Action::MultiReadWithWrite(path, write) => {
                let (path, own) = (at(path), at(write.path()));
                let read = MultiOp::GetChildren(GetChildrenRequest { path: &path, watch: false });
                Plain(OpCode::MULTI_READ, MultiRequest { ops: vec![read, write.in_multi(&own)] }.to_bytes())
            }
            Action::GetData { path, watch } => {
                Plain(OpCode::GET_DATA, GetDataRequest { path: &at(path), watch: *watch }.to_bytes())
            }
            Action::Exists { path, watch } => {
                Plain(OpCode::EXISTS, ExistsRequest { path: &at(path), watch: *watch }.to_bytes())
            }
            Action::GetChildren { path, watch } => {
                Plain(OpCode::GET_CHILDREN, GetChildrenRequest { path: &at(path), watch: *watch }.to_bytes())
            }
            Action::GetChildren2 { path, watch } => Plain(
                OpCode::GET_CHILDREN2,
                GetChildren2Request { path: &at(path), watch: *watch }.to_bytes(),
            ),
            Action::GetAcl { path } => Plain(OpCode::GET_ACL, GetACLRequest { path: &at(path) }.to_bytes()),
            Action::Sync { path } => Plain(OpCode::SYNC, SyncRequest { path: &at(path) }.to_bytes()),
            Action::GetEphemerals { path } => {
                Plain(OpCode::GET_EPHEMERALS, GetEphemeralsRequest { prefix_path: &at(path) }.to_bytes())
            }
            Action::CountChildren { path } => {
                let request = GetAllChildrenNumberRequest { path: &at(path) };
                Plain(OpCode::GET_ALL_CHILDREN_NUMBER, request.to_bytes())
            }
            Action::WhoAmI => Plain(OpCode::WHO_AM_I, Bytes::new()),
            Action::AddWatch { path, mode } => {
                let request = AddWatchRequest { path: &at(path), mode: AddWatchMode::new(*mode) };
                Plain(OpCode::ADD_WATCH, request.to_bytes())
            }
            Action::RemoveWatches { path, kind } => {
                let request = RemoveWatchesRequest { path: &at(path), watcher_type: WatcherType::new(*kind) };
                Plain(OpCode::REMOVE_WATCHES, request.to_bytes())
            }
            Action::CheckWatches { path, kind } => {
                let request = CheckWatchesRequest { path: &at(path), watcher_type: WatcherType::new(*kind) };
                Plain(OpCode::CHECK_WATCHES, request.to_bytes())
            }
            Action::SetWatches { since: from, data, exist, child } => {
                let (data, exist, child) = (all(data), all(exist), all(child));
                let request = SetWatches {
                    relative_zxid: since(*from),
                    data_watches: borrowed(&data),
                    exist_watches: borrowed(&exist),
                    child_watches: borrowed(&child),
                };
                Plain(OpCode::SET_WATCHES, request.to_bytes())
            }
            Action::SetWatches2 { since: from, data, persistent, recursive } => {
                let (data, persistent, recursive) = (all(data), all(persistent), all(recursive));
                let request = SetWatches2 {
                    relative_zxid: since(*from),
                    data_watches: borrowed(&data),
                    exist_watches: Vec::new(),
                    child_watches: borrowed(&data),
                    persistent_watches: borrowed(&persistent),
                    persistent_recursive_watches: borrowed(&recursive),
                };
                Plain(OpCode::SET_WATCHES2, request.to_bytes())
            }
            Action::Auth { scheme, credentials } => {
                let auth = Some(Bytes::from_static(credentials.as_bytes()));
                let body = AuthPacket { auth_type: 0, scheme, auth }.to_bytes();
                Request::Auth { body, ends: !matches!(*scheme, "digest" | "ip") }
            }
            Action::Close => Last(OpCode::CLOSE_SESSION, Bytes::new()),
            Action::Nonsense(Nonsense::UnknownOp(op)) => Last(OpCode::new(*op), Bytes::new()),
            Action::Nonsense(Nonsense::CutShort(op)) => Plain(*op, Bytes::from_static(&[0, 0, 0, 9, b'/'])),
            Action::Nonsense(Nonsense::Reconfig) => {
                let request = ReconfigRequest {
                    joining_servers: None,
                    leaving_servers: None,
                    new_members: None,
                    cur_config_id: -1,
                };
                Plain(OpCode::RECONFIG, request.to_bytes())
            }
            Action::Nonsense(Nonsense::Sasl) => {
                Plain(OpCode::SASL, GetSASLRequest { token: Some(Bytes::from_static(b"x")) }.to_bytes())
            }
            Action::Nonsense(Nonsense::DeleteContainer) => {
                Plain(OpCode::DELETE_CONTAINER, DeleteRequest { path: &at(""), version: -1 }.to_bytes())
            }
            Action::Burst(actions) => {
                let plain = |action| match self.request(action) {
                    Plain(op, body) => (op, body),
                    _ => unreachable!("not in a burst"),
                };
                Request::Burst(actions.iter().map(plain).collect())
            }
            Action::Reconnect | Action::ReconnectWrongly | Action::Steal => unreachable!("no requests"),
        }
    }
}

fn borrowed(paths: &[String]) -> Vec<&str> {
    paths.iter().map(String::as_str).collect()
}

impl Write {
    fn path(&self) -> &'static str {
        match self {
            Self::Create { path, .. }
            | Self::Delete { path, .. }
            | Self::SetData { path, .. }
            | Self::Check { path, .. } => path,
        }
    }

    fn op(&self) -> OpCode {
        match self {
            Self::Create { op, .. } => *op,
            Self::Delete { .. } => OpCode::DELETE,
            Self::SetData { .. } => OpCode::SET_DATA,
            Self::Check { .. } => OpCode::CHECK,
        }
    }

    fn in_multi<'a>(&self, path: &'a str) -> MultiOp<'a> {
        match self {
            Self::Create { op: OpCode::CREATE_TTL, data, acl, flags, ttl, .. } => {
                MultiOp::CreateTTL(CreateTTLRequest {
                    path,
                    data: data.map(Bytes::from_static),
                    acl: acl.records(),
                    flags: *flags,
                    ttl: *ttl,
                })
            }
            Self::Create { op, data, acl, flags, .. } => {
                let request = CreateRequest {
                    path,
                    data: data.map(Bytes::from_static),
                    acl: acl.records(),
                    flags: *flags,
                };
                match *op {
                    OpCode::CREATE => MultiOp::Create(request),
                    OpCode::CREATE2 => MultiOp::Create2(request),
                    _ => MultiOp::CreateContainer(request),
                }
            }
            Self::Delete { version, .. } => MultiOp::Delete(DeleteRequest { path, version: *version }),
            Self::SetData { data, version, .. } => MultiOp::SetData(SetDataRequest {
                path,
                data: data.map(Bytes::from_static),
                version: *version,
            }),
            Self::Check { version, .. } => MultiOp::Check(CheckVersionRequest { path, version: *version }),
        }
    }

    fn encoded(&self, path: &str) -> Bytes {
        match self.in_multi(path) {
            MultiOp::Create(request) | MultiOp::Create2(request) | MultiOp::CreateContainer(request) => {
                request.to_bytes()
            }
            MultiOp::CreateTTL(request) => request.to_bytes(),
            MultiOp::Delete(request) => request.to_bytes(),
            MultiOp::SetData(request) => request.to_bytes(),
            MultiOp::Check(request) => request.to_bytes(),
            _ => unreachable!("no write"),
        }
    }
}

impl AclChoice {
    fn records(self) -> Vec<Acl<'static>> {
        let entry = |perms, scheme, id| Acl { perms, id: Id { scheme, id } };
        match self {
            Self::Open => vec![entry(Permissions::ALL, "world", "anyone")],
            Self::ReadOnly => vec![entry(Permissions::READ, "world", "anyone")],
            Self::Creator => vec![entry(Permissions::ALL, "auth", "")],
            Self::Other(perms, scheme, id) => vec![entry(perms, scheme, id)],
            Self::Mixed(id) => {
                vec![entry(Permissions::READ, "world", "anyone"), entry(Permissions::ALL, "digest", id)]
            }
            Self::Twice => vec![entry(Permissions::ALL, "world", "anyone"); 2],
            Self::Empty => vec![],
        }
    }
}
