//! What golden frames mean: encoding again to the same bytes would not notice two fields that have changed places.
//!
//! The values are those that the scenarios in `scripts/capture-golden` ask for.

mod capture;

use bytes::Bytes;
use capture::{Frame, JAVA, KAZOO, frames};
use zk_jute::records::*;
use zk_jute::{
    AddWatchMode, CreateMode, Decode, ErrorCode, EventType, KeeperState, OpCode, Permissions, Reader,
    WatcherType, xid,
};

/// A request, and the reply to it.
struct Exchange {
    request: Bytes,
    header: ReplyHeader,
    reply: Bytes,
}

/// What was asked and answered with an op, in order.
fn exchanges(file: &'static str, op: OpCode) -> Vec<Exchange> {
    let frames: Vec<_> = frames(file).into_iter().filter(|frame| frame.op == op.name()).collect();
    let (asked, answered): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| frame.from_client);
    let answer_to = |question: &Frame, xid| {
        let answers = answered.iter().filter(|frame| frame.connection == question.connection);
        answers.into_iter().find_map(|frame| {
            let mut reader = Reader::new(&frame.bytes);
            let header = ReplyHeader::decode(&mut reader).unwrap();
            (header.xid == xid).then(|| (header, reader.rest()))
        })
    };
    asked
        .iter()
        .filter_map(|frame| {
            let mut reader = Reader::new(&frame.bytes);
            let RequestHeader { xid, op: asked } = RequestHeader::decode(&mut reader).unwrap();
            assert_eq!(asked, op, "line {}", frame.line);
            let (header, reply) = answer_to(frame, xid)?;
            Some(Exchange { request: reader.rest(), header, reply })
        })
        .collect()
}

/// The connect frames of a file, in order.
fn connects(file: &'static str) -> Vec<(ConnectRequest, ConnectResponse)> {
    let connects: Vec<_> = frames(file).into_iter().filter(|frame| frame.op == "connect").collect();
    let (asked, answered): (Vec<_>, Vec<_>) = connects.into_iter().partition(|frame| frame.from_client);
    asked
        .iter()
        .zip(&answered)
        .map(|(request, response)| {
            assert_eq!(request.connection, response.connection);
            let request = ConnectRequest::from_bytes(&request.bytes).unwrap();
            (request, ConnectResponse::from_bytes(&response.bytes).unwrap())
        })
        .collect()
}

#[test]
fn sessions() {
    let kazoo = connects(KAZOO);
    let (request, response) = &kazoo[0];
    assert_eq!((request.protocol_version, request.last_zxid_seen, request.timeout), (0, 0, 2000));
    assert_eq!((request.session_id, request.read_only), (0, Some(true)));
    assert_eq!(request.password, Bytes::from_static(&[0; 16]));
    assert_eq!((response.protocol_version, response.timeout, response.read_only), (0, 2000, Some(false)));
    assert_eq!(response.password.len(), 16);
    assert_ne!(response.session_id, 0);

    let resumed = kazoo
        .iter()
        .find(|(request, response)| request.session_id != 0 && request.session_id == response.session_id);
    let (request, response) = resumed.expect("kazoo resumed a session");
    assert!(request.last_zxid_seen > 0);
    assert_eq!((request.timeout, &request.password), (2000, &response.password));

    let gone = kazoo.iter().find(|(request, _)| request.session_id == 0x1234);
    let (request, response) = gone.expect("kazoo tried to resume a session that never was");
    assert_eq!(request.password, Bytes::from_static(&[b'p'; 16]));
    assert_eq!((response.session_id, response.timeout, response.read_only), (0, 0, Some(false)));
    assert_eq!(response.password, Bytes::from_static(&[0; 16]));
}

#[test]
fn stats() {
    let sets = exchanges(KAZOO, OpCode::SET_DATA);
    let third =
        sets.iter().find(|set| SetDataRequest::from_bytes(&set.request).unwrap().version == 1).unwrap();
    let request = SetDataRequest::from_bytes(&third.request).unwrap();
    assert_eq!((request.path, request.data.as_deref()), ("/golden/text", Some(&b"third"[..])));
    let stat = SetDataResponse::from_bytes(&third.reply).unwrap().stat;
    assert_eq!((stat.version, stat.cversion, stat.aversion), (2, 0, 0));
    assert_eq!((stat.data_length, stat.num_children, stat.ephemeral_owner), (5, 0, 0));
    assert_eq!((stat.mzxid, stat.pzxid), (third.header.zxid, stat.czxid));
    assert!(stat.czxid < stat.mzxid && stat.ctime <= stat.mtime);
    assert!(stat.ctime > 1_700_000_000_000, "milliseconds since 1970");

    let list = &exchanges(KAZOO, OpCode::GET_CHILDREN2)[0];
    let GetChildren2Response { children, stat } = GetChildren2Response::from_bytes(&list.reply).unwrap();
    assert!(children.contains(&"ünïcödé"), "{children:?}");
    assert_eq!(stat.num_children, i32::try_from(children.len()).unwrap());
    assert_eq!((stat.cversion, stat.version, stat.data_length), (stat.num_children, 0, 4));
    assert!(stat.pzxid > stat.mzxid && stat.mzxid == stat.czxid);

    let owned = exchanges(KAZOO, OpCode::EXISTS).into_iter().find(|exists| {
        exists.header.err.is_ok()
            && ExistsRequest::from_bytes(&exists.request).unwrap().path == "/golden/kept"
    });
    let owner = ExistsResponse::from_bytes(&owned.unwrap().reply).unwrap().stat.ephemeral_owner;
    assert!(
        connects(KAZOO)
            .iter()
            .any(|(request, response)| { response.session_id == owner && request.session_id == owner })
    );
}

#[test]
fn null_and_empty() {
    let data = |path: &str| {
        let gets = exchanges(JAVA, OpCode::GET_DATA);
        let get =
            gets.iter().find(|get| GetDataRequest::from_bytes(&get.request).unwrap().path == path).unwrap();
        GetDataResponse::from_bytes(&get.reply).unwrap().data
    };
    assert_eq!(data("/java"), Some(Bytes::from_static(b"root")));
    assert_eq!(data("/java/stat"), Some(Bytes::new()));
    assert_eq!(data("/java/null"), None);
}

#[test]
fn create_modes() {
    let flags = |op| {
        let creates = exchanges(JAVA, op);
        let flags =
            |create: &Exchange| CreateRequest::decode(&mut Reader::new(&create.request)).unwrap().flags;
        creates.iter().map(flags).map(CreateMode::new).collect::<Vec<_>>()
    };
    assert!(flags(OpCode::CREATE).contains(&CreateMode::EPHEMERAL));
    assert!(flags(OpCode::CREATE).contains(&CreateMode::EPHEMERAL_SEQUENTIAL));
    assert_eq!(flags(OpCode::CREATE2), [CreateMode::PERSISTENT, CreateMode::PERSISTENT_SEQUENTIAL]);
    assert_eq!(flags(OpCode::CREATE_CONTAINER), [CreateMode::CONTAINER]);
    assert_eq!(
        flags(OpCode::CREATE_TTL),
        [CreateMode::PERSISTENT_WITH_TTL, CreateMode::PERSISTENT_SEQUENTIAL_WITH_TTL]
    );
    let ttl = &exchanges(JAVA, OpCode::CREATE_TTL)[0];
    let request = CreateTTLRequest::from_bytes(&ttl.request).unwrap();
    assert_eq!((request.path, request.ttl), ("/java/ttl", 600_000));
    assert_eq!(Create2Response::from_bytes(&ttl.reply).unwrap().path, "/java/ttl");
}

#[test]
fn acls() {
    let gets = exchanges(JAVA, OpCode::GET_ACL);
    assert_eq!(GetACLRequest::from_bytes(&gets[1].request).unwrap().path, "/java/guarded");
    let GetACLResponse { acl, stat } = GetACLResponse::from_bytes(&gets[1].reply).unwrap();
    assert_eq!((stat.aversion, stat.version), (1, 0));
    let digest = acl.iter().find(|entry| entry.id.scheme == "digest").unwrap();
    assert!(digest.id.id.starts_with("user:"));
    assert_eq!(digest.perms, Permissions::ALL);
    let network = Id { scheme: "ip", id: "10.0.0.0/8" };
    assert!(acl.contains(&Acl { perms: Permissions::READ, id: network }), "{acl:?}");

    let set = &exchanges(JAVA, OpCode::SET_ACL)[0];
    let request = SetACLRequest::from_bytes(&set.request).unwrap();
    assert_eq!((request.path, request.version), ("/java/guarded", 0));
    assert!(request.acl.contains(&Acl { perms: Permissions::ALL, id: Id { scheme: "auth", id: "" } }));
}

#[test]
fn identities() {
    let auth = &exchanges(JAVA, OpCode::AUTH)[0];
    assert_eq!((auth.header.xid, auth.header.err), (xid::AUTH_XID, ErrorCode::OK));
    let packet = AuthPacket::from_bytes(&auth.request).unwrap();
    assert_eq!((packet.auth_type, packet.scheme), (0, "digest"));
    assert_eq!(packet.auth.as_deref(), Some(&b"user:password"[..]));

    let who = exchanges(JAVA, OpCode::WHO_AM_I);
    let WhoAmIResponse { client_info } = WhoAmIResponse::from_bytes(&who[1].reply).unwrap();
    assert!(client_info.contains(&ClientInfo { auth_scheme: "ip", user: "127.0.0.1" }), "{client_info:?}");
    assert!(client_info.contains(&ClientInfo { auth_scheme: "digest", user: "user" }), "{client_info:?}");
    assert!(client_info.contains(&ClientInfo { auth_scheme: "sasl", user: "golden" }), "{client_info:?}");

    let step = GetSASLRequest::from_bytes(&exchanges(KAZOO, OpCode::SASL)[1].request).unwrap();
    let token = step.token.unwrap();
    assert!(token.windows(17).any(|window| window == b"username=\"golden\""), "a digest response");
}

#[test]
fn watches() {
    let set = &exchanges(JAVA, OpCode::SET_WATCHES)[0];
    assert!(set.header.xid > 0, "the Java client does not use the xid it has for this");
    let watches = SetWatches::from_bytes(&set.request).unwrap();
    assert!(watches.relative_zxid > 0);
    assert_eq!(watches.data_watches, ["/java/watched"]);
    assert_eq!(watches.exist_watches, ["/java/to-come"]);
    assert_eq!(watches.child_watches, ["/java/watched"]);

    let set = &exchanges(JAVA, OpCode::SET_WATCHES2)[0];
    let watches = SetWatches2::from_bytes(&set.request).unwrap();
    assert_eq!(watches.data_watches, ["/java/watched"]);
    assert_eq!(watches.exist_watches, ["/java/missing"]);
    assert_eq!(watches.child_watches, ["/java/to-come"]);
    assert_eq!(watches.persistent_watches, ["/java/watched"]);
    assert_eq!(watches.persistent_recursive_watches, ["/java"]);

    let added = exchanges(JAVA, OpCode::ADD_WATCH);
    let added: Vec<_> = added.iter().map(|add| AddWatchRequest::from_bytes(&add.request).unwrap()).collect();
    let expected =
        [("/java/watched", AddWatchMode::PERSISTENT), ("/java", AddWatchMode::PERSISTENT_RECURSIVE)];
    assert_eq!(added, expected.map(|(path, mode)| AddWatchRequest { path, mode }));

    let checked = exchanges(JAVA, OpCode::CHECK_WATCHES);
    let checked: Vec<_> = checked
        .iter()
        .map(|check| CheckWatchesRequest::from_bytes(&check.request).unwrap().watcher_type)
        .collect();
    assert_eq!(checked, [WatcherType::DATA, WatcherType::CHILDREN]);

    let removed = exchanges(JAVA, OpCode::REMOVE_WATCHES);
    let removed = RemoveWatchesRequest::from_bytes(&removed[0].request).unwrap();
    assert_eq!(removed, RemoveWatchesRequest { path: "/java/watched", watcher_type: WatcherType::ANY });
}

#[test]
fn watch_events_carry_the_path_and_no_zxid() {
    let events: Vec<_> = frames(JAVA)
        .into_iter()
        .filter(|frame| frame.op == "notification")
        .map(|frame| {
            let mut reader = Reader::new(&frame.bytes);
            assert_eq!(ReplyHeader::decode(&mut reader).unwrap().zxid, -1);
            let event = WatcherEvent::decode(&mut reader).unwrap();
            assert_eq!(event.state, KeeperState::SYNC_CONNECTED);
            (event.event_type, event.path.to_owned())
        })
        .collect();
    assert!(events.contains(&(EventType::NODE_DELETED, "/java/watched/child".to_owned())), "{events:?}");
    assert!(events.contains(&(EventType::NODE_CHILDREN_CHANGED, "/java/watched".to_owned())), "{events:?}");
}

#[test]
fn reconfiguration() {
    for file in [KAZOO, JAVA] {
        let done: Vec<_> = exchanges(file, OpCode::RECONFIG)
            .into_iter()
            .filter(|exchange| exchange.header.err.is_ok())
            .collect();
        let joining = ReconfigRequest::from_bytes(&done[0].request).unwrap();
        assert!(joining.joining_servers.unwrap().starts_with("server.2="));
        assert_eq!((joining.leaving_servers, joining.new_members, joining.cur_config_id), (None, None, -1));
        let leaving = ReconfigRequest::from_bytes(&done[1].request).unwrap();
        assert_eq!((leaving.joining_servers, leaving.leaving_servers), (None, Some("2")));
        let config = GetDataResponse::from_bytes(&done[0].reply).unwrap().data.unwrap();
        assert!(config.starts_with(b"server.1="), "the new configuration");
    }
}

#[test]
fn numbers() {
    let all = &exchanges(JAVA, OpCode::GET_ALL_CHILDREN_NUMBER)[0];
    assert_eq!(GetAllChildrenNumberRequest::from_bytes(&all.request).unwrap().path, "/java");
    assert_eq!(GetAllChildrenNumberResponse::from_bytes(&all.reply).unwrap().total_number, 8);

    let mine = exchanges(JAVA, OpCode::GET_EPHEMERALS);
    assert_eq!(GetEphemeralsRequest::from_bytes(&mine[1].request).unwrap().prefix_path, "/java/both");
    let found = GetEphemeralsResponse::from_bytes(&mine[1].reply).unwrap().ephemerals;
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("/java/both-"));

    let multi = &exchanges(KAZOO, OpCode::MULTI)[0];
    let ops = MultiRequest::from_bytes(&multi.request).unwrap().ops;
    assert_eq!(ops[0], MultiOp::Check(CheckVersionRequest { path: "/golden", version: 0 }));
    assert_eq!(ops[3], MultiOp::Delete(DeleteRequest { path: "/golden/empty", version: 0 }));
    let results = MultiResponse::from_bytes(&multi.reply).unwrap().results;
    assert_eq!(results[1], MultiResult::Create(CreateResponse { path: "/golden/multi" }));
}
