//! When what arrives may be left unread for a moment, and how much of it is read before others have their turn.

use std::time::Duration;

use zk_jute::{ErrorCode, OpCode};

use crate::harness::Wire;

/// A session with so many requests under way, and their xids.
fn busy(requests: u32) -> (Wire, Vec<i32>) {
    let mut wire = Wire::connected();
    for token in 0..requests {
        wire.submit(token, OpCode::GET_DATA);
    }
    let xids = wire.requests().iter().map(|sent| sent.xid).collect();
    (wire, xids)
}

#[test]
fn there_is_a_pause_while_many_requests_are_answered_in_dribs() {
    let (mut wire, xids) = busy(256);
    assert_eq!(wire.session.read_pause(), None, "nothing was answered yet");
    wire.now = wire.now.after(Duration::from_millis(8));
    let mut pauses = Vec::new();
    for xid in xids {
        wire.reply(xid, 1, ErrorCode::OK, b"");
        pauses.push(wire.session.read_pause().is_some());
    }
    let paused = pauses.iter().filter(|paused| **paused).count();
    assert!(pauses[0] && (150..=200).contains(&paused), "{paused}");
    assert!(pauses.is_sorted_by(|earlier, later| earlier >= later), "not while few are left");
}

#[test]
fn there_is_none_where_it_would_cost_something() {
    let (mut few, xids) = busy(32);
    few.now = few.now.after(Duration::from_millis(8));
    few.reply(xids[0], 1, ErrorCode::OK, b"");
    assert_eq!(few.session.read_pause(), None, "with little under way");

    let (mut fast, xids) = busy(256);
    fast.now = fast.now.after(Duration::from_millis(1));
    fast.reply(xids[0], 1, ErrorCode::OK, b"");
    assert_eq!(fast.session.read_pause(), None, "where the server would be left with nothing to do");

    let (mut large, xids) = busy(256);
    large.now = large.now.after(Duration::from_millis(8));
    large.reply(xids[0], 1, ErrorCode::OK, &[7; 64 * 1024]);
    assert_eq!(large.session.read_pause(), None, "where much comes at once");

    let (mut lost, xids) = busy(256);
    lost.now = lost.now.after(Duration::from_millis(8));
    lost.reply(xids[0], 1, ErrorCode::OK, b"");
    assert!(lost.session.read_pause().is_some());
    lost.lose();
    assert_eq!(lost.session.read_pause(), None, "without a connection");
}

/// Half of what was under way came at once: the server waits for more rather than the other way round.
#[test]
fn there_is_none_after_a_delivery_that_was_worth_it() {
    let (mut wire, xids) = busy(256);
    wire.now = wire.now.after(Duration::from_millis(8));
    wire.reply_all(&xids[..140]);
    assert_eq!(wire.session.read_pause(), None);
}

#[test]
fn half_of_many_answers_is_a_portion() {
    let (mut wire, xids) = busy(128);
    assert_eq!(wire.session.read_portion(), None, "nothing was answered yet");
    // A frame's length, a reply header and the body.
    let each = 4 + 16 + 80;
    wire.reply(xids[0], 1, ErrorCode::OK, &[7; 80]);
    assert_eq!(wire.session.read_portion(), Some(64 * each), "as one tells");
    wire.reply_all(&xids[1..3]);
    assert_eq!(wire.session.read_portion(), Some(127 / 2 * (4 + 16)), "as the last ones tell");
}

#[test]
fn all_is_read_at_once_where_it_is_little_or_nothing_was_answered() {
    let (mut few, xids) = busy(32);
    few.reply_all(&xids);
    assert_eq!(few.session.read_portion(), None, "few");

    let (mut wire, xids) = busy(128);
    wire.reply_all(&xids[..10]);
    assert!(wire.session.read_portion().is_some());
    wire.receive(&[0, 1, 0, 0, 7, 7]);
    assert_eq!(wire.session.read_portion(), None, "a part of a large one");
}
