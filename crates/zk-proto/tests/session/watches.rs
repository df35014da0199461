//! Watches: armed, fired, restored, given up.

use std::time::Duration;

use bytes::BytesMut;
use zk_jute::{
    Decode, ErrorCode, EventType, KeeperState, OpCode,
    records::{RemoveWatchesRequest, ReplyHeader, SetWatches, SetWatches2, WatcherEvent},
    write_frame,
    xid::{PING_XID, SET_WATCHES_XID, WATCH_EVENT_XID},
};
use zk_proto::{Event, State, WatchId, WatchNotice, WatchOn, WhenDisconnected};

use crate::harness::{SESSION, Wire};

#[test]
fn watches_are_restored_before_connected_is_announced_and_fire_once() {
    let mut wire = Wire::connected();
    let watches = [
        (WatchOn::Data("/a".into()), ErrorCode::OK),
        (WatchOn::Exists("/b".into()), ErrorCode::NO_NODE),
        (WatchOn::Children("/c".into()), ErrorCode::OK),
    ];
    for (n, (on, err)) in (0u32..).zip(watches) {
        wire.submit_with(n, OpCode::GET_DATA, Some((on, WatchId(n.into()))), WhenDisconnected::Fail);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, 50, err, b"");
    }
    wire.lose();
    wire.connect(SESSION);
    wire.events();
    assert_eq!(wire.session.state(), State::Connecting, "not before the watches are back");
    let sent = wire.requests();
    assert_eq!((sent.len(), sent[0].xid, sent[0].op), (1, SET_WATCHES_XID, OpCode::SET_WATCHES));
    let restore = SetWatches::from_bytes(&sent[0].body).unwrap();
    assert_eq!(restore.relative_zxid, 50);
    assert_eq!(
        (restore.data_watches, restore.exist_watches, restore.child_watches),
        (vec!["/a"], vec!["/b"], vec!["/c"])
    );
    // What changed in the gap comes before the answer.
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    wire.reply(SET_WATCHES_XID, 60, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(matches!(&events[0], Event::Watch { watches, notice: WatchNotice::Event { kind, path, .. } }
        if watches == &[WatchId(0)] && *kind == EventType::NODE_DATA_CHANGED && path == "/a"));
    assert!(matches!(&events[1], Event::State(change) if change.to == State::Connected));
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    assert!(wire.events().is_empty(), "one-shot");
    wire.advance(Duration::from_secs(1));
    wire.lose();
    assert_eq!(wire.connect(SESSION).last_zxid_seen, 60, "events do not move the zxid, replies do");
}

#[test]
fn a_watch_whose_request_was_given_up_is_not_armed() {
    let mut wire = Wire::connected();
    wire.submit_with(
        0,
        OpCode::GET_DATA,
        Some((WatchOn::Data("/a".into()), WatchId(1))),
        WhenDisconnected::Fail,
    );
    wire.requests();
    wire.advance(Duration::from_secs(4));
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(3));
    wire.advance(Duration::from_secs(3));
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.events();
    wire.watcher_event(EventType::NODE_DELETED, "/a");
    assert!(wire.events().is_empty());
}

#[test]
fn a_restoration_that_is_cut_short_begins_again_from_the_same_zxid() {
    let mut wire = Wire::connected();
    // Two batches' worth of watches.
    for n in 0..2_000u32 {
        let path = format!("/{}/{n}", "x".repeat(100));
        let watch = (WatchOn::Data(path), WatchId(n.into()));
        wire.submit_with(n, OpCode::GET_DATA, Some(watch), WhenDisconnected::Fail);
        wire.requests();
        wire.reply(i32::try_from(n).unwrap() + 1, 50, ErrorCode::OK, b"");
    }
    wire.lose();
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    assert_eq!(wire.requests().len(), 2);
    // The server is further by now; the second batch never gets there.
    wire.reply(SET_WATCHES_XID, 60, ErrorCode::OK, b"");
    wire.lose();
    wire.advance(Duration::from_secs(1));
    assert_eq!(wire.connect(SESSION).last_zxid_seen, 60);
    let sent = wire.requests();
    assert_eq!(sent.len(), 2);
    for batch in &sent {
        assert_eq!(SetWatches::from_bytes(&batch.body).unwrap().relative_zxid, 50);
    }
    for _ in 0..2 {
        wire.reply(SET_WATCHES_XID, 70, ErrorCode::OK, b"");
    }
    wire.lose();
    wire.advance(Duration::from_secs(1));
    wire.connect(SESSION);
    assert_eq!(SetWatches::from_bytes(&wire.requests()[0].body).unwrap().relative_zxid, 70);
}

#[test]
fn an_event_that_overtakes_the_answer_is_not_lost() {
    let mut wire = Wire::connected();
    let watch = (WatchOn::Data("/a".into()), WatchId(1));
    wire.submit_with(0, OpCode::GET_DATA, Some(watch), WhenDisconnected::Fail);
    wire.requests();
    wire.watcher_event(EventType::NODE_CHILDREN_CHANGED, "/a");
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/b");
    assert!(wire.events().is_empty());
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    wire.reply(1, 5, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(matches!(&events[0], Event::Reply { token: 0, outcome: Ok(_) }), "{events:?}");
    assert!(matches!(&events[1], Event::Watch { watches, notice: WatchNotice::Event { kind, path, .. } }
        if watches == &[WatchId(1)] && *kind == EventType::NODE_DATA_CHANGED && path == "/a"));
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    assert!(wire.events().is_empty(), "once");

    // The same for a request that fails: no watch, no event.
    let watch = (WatchOn::Data("/a".into()), WatchId(2));
    wire.submit_with(1, OpCode::GET_DATA, Some(watch), WhenDisconnected::Fail);
    wire.requests();
    wire.watcher_event(EventType::NODE_DELETED, "/a");
    wire.reply(2, 6, ErrorCode::NO_NODE, b"");
    assert_eq!(wire.events().len(), 1, "the reply alone");
}

#[test]
fn persistent_watches_are_restored_told_to_look_again_and_removed_when_given_up() {
    let mut wire = Wire::connected();
    for (token, on) in [(0, WatchOn::Persistent("/a".into())), (1, WatchOn::Recursive("/b".into()))] {
        let watch = Some((on, WatchId(token.into())));
        wire.submit_with(token, OpCode::ADD_WATCH, watch, WhenDisconnected::Fail);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, 1, ErrorCode::OK, b"");
    }
    wire.events();
    for _ in 0..2 {
        wire.watcher_event(EventType::NODE_CREATED, "/b/c");
        assert!(matches!(&wire.events()[..], [Event::Watch { watches, .. }] if watches == &[WatchId(1)]));
    }
    wire.lose();
    wire.connect(SESSION);
    let sent = wire.requests();
    assert_eq!(sent[0].op, OpCode::SET_WATCHES2);
    let restore = SetWatches2::from_bytes(&sent[0].body).unwrap();
    assert_eq!((restore.persistent_watches, restore.persistent_recursive_watches), (vec!["/a"], vec!["/b"]));
    wire.reply(SET_WATCHES_XID, 1, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(events.iter().any(|event| matches!(event, Event::Watch { watches, notice: WatchNotice::Resync }
        if watches == &[WatchId(0), WatchId(1)])));

    wire.session.forget_watch(WatchId(0));
    let sent = wire.requests();
    assert_eq!(sent[0].op, OpCode::REMOVE_WATCHES);
    assert_eq!(RemoveWatchesRequest::from_bytes(&sent[0].body).unwrap().path, "/a");
    wire.reply(sent[0].xid, 1, ErrorCode::NO_WATCHER, b"");
    assert_eq!(wire.session.state(), State::Connected, "whatever the answer");
    wire.session.forget_watch(WatchId(1));
    wire.advance(Duration::from_secs(1));
    wire.lose();
    wire.connect(SESSION);
    assert!(wire.requests().is_empty(), "nothing is left to restore, and nothing to remove");
}

#[test]
fn a_watch_that_somebody_else_is_about_to_leave_is_not_removed() {
    let mut wire = Wire::connected();
    let on = || WatchOn::Data("/a".into());
    wire.submit_with(0, OpCode::GET_DATA, Some((on(), WatchId(0))), WhenDisconnected::Fail);
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.submit_with(1, OpCode::GET_DATA, Some((on(), WatchId(1))), WhenDisconnected::Fail);
    wire.requests();
    wire.session.forget_watch(WatchId(0));
    assert!(wire.requests().is_empty());
    wire.reply(2, 1, ErrorCode::OK, b"");
    wire.session.forget_watch(WatchId(1));
    assert_eq!(wire.requests()[0].op, OpCode::REMOVE_WATCHES);
}

/// Reads with a watch, and lets the server answer that the node exists.
fn watch(wire: &mut Wire, on: WatchOn, id: u64) {
    wire.submit_with(0, OpCode::GET_DATA, Some((on, WatchId(id))), WhenDisconnected::Fail);
    let xid = wire.requests()[0].xid;
    wire.reply(xid, 1, ErrorCode::OK, b"");
    wire.events();
}

#[test]
fn identical_watches_share_one_registration_and_all_are_told() {
    let mut wire = Wire::connected();
    for id in 0..3 {
        watch(&mut wire, WatchOn::Data("/a".into()), id);
    }
    wire.session.forget_watch(WatchId(1));
    assert!(wire.requests().is_empty(), "others still wait for it");
    wire.lose();
    wire.connect(SESSION);
    let sent = wire.requests();
    assert_eq!(SetWatches::from_bytes(&sent[0].body).unwrap().data_watches, ["/a"], "once");
    wire.reply(SET_WATCHES_XID, 1, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(
        !events.iter().any(|event| matches!(event, Event::Watch { .. })),
        "one-shot watches that missed nothing hear nothing: {events:?}"
    );
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    assert!(
        matches!(&wire.events()[..], [Event::Watch { watches, .. }] if watches == &[WatchId(0), WatchId(2)])
    );
}

#[test]
fn a_batch_of_watches_takes_128_kib_and_not_a_byte_more() {
    // Sixteen paths that take 8 KiB each with their lengths.
    for (longer, batches) in [(0, 1), (1, 2)] {
        let mut wire = Wire::connected();
        for n in 0..16 {
            let len = 8 * 1024 - 4 + if n == 15 { longer } else { 0 };
            watch(&mut wire, WatchOn::Children(format!("/{n:0width$}", width = len - 1)), n as u64);
        }
        wire.lose();
        wire.connect(SESSION);
        let sent = wire.requests();
        assert_eq!(sent.len(), batches);
        for (answered, _) in sent.iter().enumerate() {
            assert_eq!(wire.session.state(), State::Connecting, "{answered} of {batches} are answered");
            wire.reply(SET_WATCHES_XID, 1, ErrorCode::OK, b"");
        }
        assert_eq!(wire.session.state(), State::Connected, "after the answer to the last");
    }
}

#[test]
fn an_early_event_beside_a_recursive_watch_is_not_taken_for_its_own() {
    for (path, concerned) in [("/b", true), ("/b/c", true), ("/bc", false), ("/", false)] {
        let mut wire = Wire::connected();
        let watch = Some((WatchOn::Recursive("/b".into()), WatchId(1)));
        wire.submit_with(0, OpCode::ADD_WATCH, watch, WhenDisconnected::Fail);
        wire.requests();
        wire.watcher_event(EventType::NODE_CREATED, path);
        wire.reply(1, 1, ErrorCode::OK, b"");
        let told = wire.events().iter().any(|event| matches!(event, Event::Watch { .. }));
        assert_eq!(told, concerned, "{path}");
    }
}

#[test]
fn events_that_were_cut_off_in_the_middle_of_a_multi_come_after_the_reconnect() {
    let mut wire = Wire::connected();
    for (id, path) in [(0, "/a"), (1, "/b"), (2, "/c")] {
        watch(&mut wire, WatchOn::Data(path.into()), id);
    }
    // Servers from 3.9 on put the zxid of the multi into the event: it says nothing about the other two.
    wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a");
    wire.lose();
    assert_eq!(wire.connect(SESSION).last_zxid_seen, 1);
    let sent = wire.requests();
    let restore = SetWatches::from_bytes(&sent[0].body).unwrap();
    assert_eq!((restore.relative_zxid, restore.data_watches), (1, vec!["/b", "/c"]));
    wire.events();
    for path in ["/b", "/c"] {
        wire.watcher_event(EventType::NODE_DATA_CHANGED, path);
    }
    let told: usize = wire
        .events()
        .iter()
        .map(|event| match event {
            Event::Watch { watches, .. } => watches.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(told, 2, "all three in the end");
}

#[test]
fn watches_that_come_and_go_leave_nothing_behind() {
    let mut wire = Wire::connected();
    for id in 0..20_000 {
        watch(&mut wire, WatchOn::Data("/a".into()), id);
        match id % 3 {
            0 => wire.watcher_event(EventType::NODE_DATA_CHANGED, "/a"),
            _ => {
                wire.session.forget_watch(WatchId(id));
                for sent in wire.requests() {
                    wire.reply(sent.xid, 1, ErrorCode::OK, b"");
                }
            }
        }
        wire.events();
    }
    assert_eq!(wire.session.pending_requests(), 0);
    wire.advance(Duration::from_secs(1));
    wire.lose();
    wire.connect(SESSION);
    assert!(wire.requests().is_empty(), "nothing to restore");
}

#[test]
fn an_event_tells_the_zxid_of_the_change_if_the_server_does() {
    for (sent, told) in [(-1, None), (0, None), (77, Some(77))] {
        let mut wire = Wire::connected();
        let watch = (WatchOn::Data("/a".into()), WatchId(0));
        wire.submit_with(0, OpCode::GET_DATA, Some(watch), WhenDisconnected::Fail);
        wire.requests();
        wire.reply(1, 1, ErrorCode::OK, b"");
        wire.events();
        let mut bytes = BytesMut::new();
        let header = ReplyHeader { xid: WATCH_EVENT_XID, zxid: sent, err: ErrorCode::OK };
        let (event_type, state) = (EventType::NODE_DELETED, KeeperState::SYNC_CONNECTED);
        write_frame(&mut bytes, &header, &WatcherEvent { event_type, state, path: "/a" }).unwrap();
        wire.receive(&bytes);
        assert!(matches!(&wire.events()[..], [Event::Watch { notice: WatchNotice::Event { zxid, .. }, .. }]
            if *zxid == told));
    }
}
