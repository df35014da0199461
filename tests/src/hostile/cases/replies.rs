//! Replies that are none, or not these.

use super::{Ask, Case, Expected, Stage};
use crate::hostile::{
    bytes::{HUGE, STAT, created, data, event, frame, granted, reply, text},
    server::Step::{self, GrantAnother, Hold, ReadConnect, ReadRequest, Reply, Write},
};

/// A header in the answer to a multi: a check that held.
const CHECKED: [u8; 9] = [0, 0, 0, 13, 0, 0, 0, 0, 0];

/// The header that ends the answer to a multi.
const END: [u8; 9] = [0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff, 0xff, 0xff];

pub(super) fn case(
    item: &'static str,
    name: &'static str,
    ask: Ask,
    then: Vec<Step>,
    expected: Expected,
) -> Case {
    let script = [vec![ReadConnect, Write(granted())], then].concat().into();
    Case { name, item, stage: Stage::InTheSession, ask, script, expected }
}

pub(super) fn cases() -> Vec<Case> {
    [headers(), bodies(), multis(), chroots()].concat()
}

fn headers() -> Vec<Case> {
    let get = |item, name, steps: Vec<Step>, expected| {
        case(item, name, Ask::GetData, [vec![ReadRequest], steps, vec![Hold]].concat(), expected)
    };
    let raw = |bytes: Vec<u8>| vec![Write(bytes)];
    let two =
        [vec![ReadRequest, ReadRequest], vec![Reply(0, 0, data()), Reply(-1, 0, data()), Hold]].concat();
    vec![
        get("reply: unknown xid", "an unknown xid", vec![Reply(1_000, 0, data())], Expected::Mismatch),
        get("reply: unknown xid", "xid 0", raw(reply(0, 0, &data())), Expected::Mismatch),
        get("reply: unknown xid", "xid -3", raw(reply(-3, 0, &[])), Expected::Mismatch),
        get(
            "reply: repeated xid",
            "a repeated reply",
            vec![Reply(0, 0, data()), Reply(0, 0, data())],
            Expected::Answer,
        ),
        get("reply: xid out of order", "the next xid", vec![Reply(1, 0, data())], Expected::Mismatch),
        case("reply: xid out of order", "two replies out of order", Ask::TwoReads, two, Expected::Mismatch),
        get("reply: xid -2 unasked", "xid -2 unasked", raw(reply(-2, 0, &[])), Expected::Unsolicited),
        get("reply: xid -2 unasked", "xid -4 unasked", raw(reply(-4, 0, &[])), Expected::Unsolicited),
        get("reply: xid -2 unasked", "xid -8 unasked", raw(reply(-8, 0, &[])), Expected::Unsolicited),
        get(
            "reply: xid -1 with a bad event",
            "a short event",
            raw(reply(-1, 0, &[0, 0, 0])),
            Expected::Protocol,
        ),
        get(
            "reply: xid -1 with a bad event",
            "an event with a path that is no text",
            raw(event(1, 3, &[0xff, 0xfe])),
            Expected::Protocol,
        ),
        get(
            "reply: xid -1 with a bad event",
            "an event with a path of 2^31-1",
            raw(reply(-1, 0, &[&[0, 0, 0, 3, 0, 0, 0, 3][..], &HUGE].concat())),
            Expected::Protocol,
        ),
        get(
            "reply: unknown error code",
            "an unknown error code",
            vec![Reply(0, -9_999, vec![])],
            Expected::Code(-9_999),
        ),
        get(
            "reply: unknown error code",
            "a positive error code",
            vec![Reply(0, 17, vec![])],
            Expected::Code(17),
        ),
        get("reply: short body", "a short header", raw(frame(&[0; 9])), Expected::Protocol),
        Case {
            name: "another session on each connection",
            item: "connect response: another session id",
            stage: Stage::InTheSession,
            ask: Ask::GetData,
            script: [ReadConnect, GrantAnother, ReadRequest].into(),
            expected: Expected::Closed,
        },
    ]
}

fn bodies() -> Vec<Case> {
    let body = |item, name, ask, body: Vec<u8>| {
        case(item, name, ask, vec![ReadRequest, Reply(0, 0, body), Hold], Expected::Malformed)
    };
    let with_stat = |bytes: &[u8]| [bytes, &STAT].concat();
    vec![
        body("reply: short body", "no body", Ask::GetData, vec![]),
        body("reply: short body", "a short body", Ask::GetData, data()[..70].to_vec()),
        body("reply: long body", "a long body", Ask::GetData, [&data()[..], &[1, 2, 3]].concat()),
        body(
            "reply: vector of -2 or 2^31-1",
            "a vector of -2",
            Ask::GetChildren,
            with_stat(&(-2i32).to_be_bytes()),
        ),
        body("reply: vector of -2 or 2^31-1", "a vector of 2^31-1", Ask::GetChildren, with_stat(&HUGE)),
        body(
            "reply: vector of -2 or 2^31-1",
            "a vector of 2^24",
            Ask::GetChildren,
            with_stat(&(1i32 << 24).to_be_bytes()),
        ),
        body(
            "reply: buffer of -7 or 2^31-1",
            "a buffer of -7",
            Ask::GetData,
            with_stat(&(-7i32).to_be_bytes()),
        ),
        body("reply: buffer of -7 or 2^31-1", "a buffer of 2^31-1", Ask::GetData, with_stat(&HUGE)),
        body(
            "reply: invalid UTF-8",
            "a name that is no text",
            Ask::GetChildren,
            with_stat(&[0, 0, 0, 1, 0, 0, 0, 2, 0xc3, 0x28]),
        ),
    ]
}

fn multis() -> Vec<Case> {
    let multi = |item, name, body: Vec<u8>, expected| {
        case(item, name, Ask::Multi, vec![ReadRequest, Reply(0, 0, body), Hold], expected)
    };
    // Each result of which is a multi again.
    let deep = [0, 0, 0, 14, 0, 0, 0, 0, 0].repeat(10_000);
    let fewer = "reply: multi with fewer results";
    vec![
        multi("reply: deep multi", "a multi in a multi, 10,000 deep", deep, Expected::Malformed),
        multi("reply: deep multi", "a multi of nonsense", vec![9; 64], Expected::Malformed),
        multi(fewer, "a multi without results", END.to_vec(), Expected::Protocol),
        multi(fewer, "a multi with fewer results", [CHECKED, END].concat(), Expected::Protocol),
        multi(
            fewer,
            "a multi with more results",
            [CHECKED, CHECKED, CHECKED, END].concat(),
            Expected::Malformed,
        ),
        multi(fewer, "a multi without an end", vec![], Expected::Malformed),
    ]
}

fn chroots() -> Vec<Case> {
    let item = "reply: path outside the chroot";
    let answer = |body: Vec<u8>| vec![ReadRequest, Reply(0, 0, body), Hold];
    // The header of a create that succeeded, and its path.
    let result = |path| [&[0, 0, 0, 1, 0, 0, 0, 0, 0][..], &text(path), &END].concat();
    vec![
        case(
            item,
            "another node created than was asked for",
            Ask::Create,
            answer(created("/app/m")),
            Expected::Malformed,
        ),
        case(
            item,
            "another node created than was asked for by a multi",
            Ask::MultiCreate,
            answer(result("/app/m")),
            Expected::Protocol,
        ),
        case(
            item,
            "a node created outside the chroot",
            Ask::Create,
            answer(created("/elsewhere/n")),
            Expected::Malformed,
        ),
        case(
            item,
            "a node created beside the chroot",
            Ask::Create,
            answer(created("/apple/n")),
            Expected::Malformed,
        ),
        case(
            item,
            "a node created outside the chroot by a multi",
            Ask::MultiCreate,
            answer(result("/elsewhere/n")),
            Expected::Protocol,
        ),
    ]
}
