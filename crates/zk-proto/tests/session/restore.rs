//! Watches on servers that do not know the requests to restore or remove them.

use std::time::Duration;

use bytes::BytesMut;
use zk_jute::{
    Encode, ErrorCode, EventType, OpCode,
    records::{ExistsResponse, GetChildren2Response, Stat},
    xid::SET_WATCHES_XID,
};
use zk_proto::{Cause, Event, State, WatchId, WatchNotice, WatchOn, WhenDisconnected};

use crate::harness::{SESSION, Wire, dropped};

/// A connected session with these watches, armed at zxid 50.
fn watching(watches: &[(WatchOn, ErrorCode)]) -> Wire {
    let mut wire = Wire::connected();
    for (n, (on, err)) in (0u32..).zip(watches) {
        let watch = Some((on.clone(), WatchId(n.into())));
        wire.submit_with(n, OpCode::GET_DATA, watch, WhenDisconnected::Fail);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, 50, *err, b"");
    }
    wire.events();
    wire
}

fn encoded(record: &impl Encode) -> &'static [u8] {
    let mut bytes = BytesMut::new();
    record.encode(&mut bytes);
    Vec::from(&bytes[..]).leak()
}

fn notices(wire: &mut Wire) -> Vec<(Vec<u64>, WatchNotice)> {
    let notice = |event| match event {
        Event::Watch { watches, notice } => Some((watches.iter().map(|id| id.0).collect(), notice)),
        _ => None,
    };
    wire.events().into_iter().filter_map(notice).collect()
}

/// The connection ends, and the next one begins after a pause.
fn reconnect(wire: &mut Wire) {
    wire.lose();
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
}

#[test]
fn a_server_that_does_not_know_set_watches_is_read_instead() {
    let data = |path: &str| (WatchOn::Data(path.into()), ErrorCode::OK);
    let absent = |path: &str| (WatchOn::Exists(path.into()), ErrorCode::NO_NODE);
    let children = |path: &str| (WatchOn::Children(path.into()), ErrorCode::OK);
    let mut wire = watching(&[
        data("/d-changed"),
        data("/d-gone"),
        data("/d-same"),
        absent("/e-absent"),
        absent("/e-created"),
        children("/f-changed"),
        children("/f-same"),
        children("/f-unreadable"),
    ]);
    reconnect(&mut wire);
    assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES);
    wire.reply(SET_WATCHES_XID, 60, ErrorCode::UNIMPLEMENTED, b"");
    assert_eq!(dropped(&wire.events()), Some(&Cause::Unimplemented), "it ends the connection itself");

    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    let sent = wire.requests();
    let ops: Vec<OpCode> = sent.iter().map(|request| request.op).collect();
    assert_eq!(ops, [[OpCode::EXISTS; 5].as_slice(), &[OpCode::GET_CHILDREN2; 3]].concat());
    assert!(sent.iter().all(|request| request.body.ends_with(&[1])), "all leave a watch");
    let stat = |mzxid, pzxid| Stat { mzxid, pzxid, ..Stat::default() };
    let exists = |mzxid| encoded(&ExistsResponse { stat: stat(mzxid, 999) });
    let listing = |pzxid| encoded(&GetChildren2Response { children: vec![], stat: stat(999, pzxid) });
    let answers = [
        (ErrorCode::OK, exists(51)),
        (ErrorCode::NO_NODE, &b""[..]),
        (ErrorCode::OK, exists(50)),
        (ErrorCode::NO_NODE, b""),
        (ErrorCode::OK, exists(51)),
        (ErrorCode::OK, listing(51)),
        (ErrorCode::OK, listing(50)),
        (ErrorCode::NO_AUTH, b""),
    ];
    for (request, (err, body)) in sent.iter().zip(answers) {
        assert_ne!(wire.session.state(), State::Connected, "not before all are restored");
        wire.reply(request.xid, 60, err, body);
    }
    assert_eq!(wire.session.state(), State::Connected);
    let changed =
        |id, kind, path: &str| (vec![id], WatchNotice::Event { kind, path: path.into(), zxid: None });
    assert_eq!(
        notices(&mut wire),
        [
            changed(0, EventType::NODE_DATA_CHANGED, "/d-changed"),
            changed(1, EventType::NODE_DELETED, "/d-gone"),
            changed(4, EventType::NODE_CREATED, "/e-created"),
            changed(5, EventType::NODE_CHILDREN_CHANGED, "/f-changed"),
            changed(7, EventType::NODE_CHILDREN_CHANGED, "/f-unreadable"),
        ]
    );
    // The others are armed.
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/d-same");
    wire.watcher_event(EventType::NODE_CREATED, "/e-absent");
    wire.watcher_event(EventType::NODE_CHILDREN_CHANGED, "/f-same");
    assert_eq!(notices(&mut wire).iter().map(|(ids, _)| ids[0]).collect::<Vec<_>>(), [2, 3, 6]);
}

#[test]
fn a_restoration_one_by_one_that_is_cut_short_compares_with_the_same_zxid_again() {
    let mut wire =
        watching(&[(WatchOn::Data("/a".into()), ErrorCode::OK), (WatchOn::Data("/b".into()), ErrorCode::OK)]);
    reconnect(&mut wire);
    wire.requests();
    wire.reply(SET_WATCHES_XID, 60, ErrorCode::UNIMPLEMENTED, b"");
    let changed = encoded(&ExistsResponse { stat: Stat { mzxid: 55, ..Stat::default() } });
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    let first = wire.requests();
    wire.reply(first[0].xid, 60, ErrorCode::OK, changed);
    assert_eq!(notices(&mut wire).len(), 1);
    reconnect(&mut wire);
    let second = wire.requests();
    assert_eq!(second.len(), 1, "the one that fired is gone");
    wire.reply(second[0].xid, 70, ErrorCode::OK, changed);
    assert_eq!(notices(&mut wire).len(), 1, "55 is news to it, although 60 was seen");
}

#[test]
fn a_server_that_closes_on_set_watches_is_believed_the_second_time() {
    let mut wire = watching(&[(WatchOn::Data("/a".into()), ErrorCode::OK)]);
    for _ in 0..2 {
        reconnect(&mut wire);
        assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES);
    }
    reconnect(&mut wire);
    let sent = wire.requests();
    assert_eq!(sent[0].op, OpCode::EXISTS);
    wire.reply(sent[0].xid, 60, ErrorCode::OK, encoded(&ExistsResponse { stat: Stat::default() }));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_silent_server_is_not_taken_for_one_that_does_not_know_the_request() {
    let mut wire = watching(&[(WatchOn::Data("/a".into()), ErrorCode::OK)]);
    for _ in 0..4 {
        reconnect(&mut wire);
        assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES);
        wire.advance(Duration::from_secs(10));
        assert!(matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { .. })));
    }
}

#[test]
fn persistent_watches_end_where_no_server_knows_them() {
    let mut wire = watching(&[
        (WatchOn::Persistent("/p".into()), ErrorCode::OK),
        (WatchOn::Recursive("/r".into()), ErrorCode::OK),
    ]);
    reconnect(&mut wire);
    assert_eq!(wire.requests()[0].op, OpCode::SET_WATCHES2);
    wire.reply(SET_WATCHES_XID, 60, ErrorCode::UNIMPLEMENTED, b"");
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    let sent = wire.requests();
    assert_eq!(sent.iter().map(|request| request.op).collect::<Vec<_>>(), [OpCode::ADD_WATCH; 2]);
    // One is taken, the other is not: an ACL, say.
    wire.reply(sent[0].xid, 60, ErrorCode::OK, b"");
    wire.reply(sent[1].xid, 60, ErrorCode::NO_AUTH, b"");
    assert_eq!(wire.session.state(), State::Connected);
    assert_eq!(
        notices(&mut wire),
        [(vec![1], WatchNotice::Unsupported), (vec![0], WatchNotice::Resync)],
        "who is left looks again"
    );
    wire.lose();
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    let sent = wire.requests();
    wire.reply(sent[0].xid, 60, ErrorCode::UNIMPLEMENTED, b"");
    wire.advance(Duration::from_secs(1));
    wire.events();
    wire.connect(SESSION);
    assert_eq!(notices(&mut wire), [(vec![0], WatchNotice::Unsupported)]);
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn remove_watches_is_not_sent_twice_to_servers_that_do_not_know_it() {
    let watches = ["/a", "/b", "/c", "/d"].map(|path| (WatchOn::Data(path.into()), ErrorCode::OK));
    let restored = |wire: &mut Wire| {
        wire.requests();
        wire.reply(SET_WATCHES_XID, 60, ErrorCode::OK, b"");
        wire.events();
    };
    // One says so.
    let mut wire = watching(&watches);
    wire.session.forget_watch(WatchId(0));
    let sent = wire.requests();
    assert_eq!(sent[0].op, OpCode::REMOVE_WATCHES);
    wire.reply(sent[0].xid, 60, ErrorCode::UNIMPLEMENTED, b"");
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    restored(&mut wire);
    wire.session.forget_watch(WatchId(1));
    assert!(wire.requests().is_empty());
    // One closes the connection.
    let mut wire = watching(&watches);
    for id in [0, 1] {
        wire.session.forget_watch(WatchId(id));
        assert_eq!(wire.requests()[0].op, OpCode::REMOVE_WATCHES);
        reconnect(&mut wire);
        restored(&mut wire);
    }
    wire.session.forget_watch(WatchId(2));
    assert!(wire.requests().is_empty());
}
