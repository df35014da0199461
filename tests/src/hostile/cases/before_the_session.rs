//! Instead of granting a session.

use super::{Ask, Case, Expected, Stage};
use crate::hostile::{
    bytes::{HUGE, connect_response, data, event, frame, granted},
    server::Step::{
        self, Drip, Flood, HalfClose, Hold, ReadConnect, ReadRequest, Reply, Reset, Slices, Write,
    },
};

pub(super) fn cases() -> Vec<Case> {
    let answers = |bytes: Vec<u8>| vec![ReadConnect, Write(bytes), Hold];
    let fixed = [0; 16];
    let bad = |item, name, script: Vec<Step>| Case {
        name,
        item,
        stage: Stage::BeforeTheSession,
        ask: Ask::GetData,
        script: script.into(),
        expected: Expected::NotSent,
    };
    let refused = vec![
        bad("connect response: empty", "connect response empty", answers(frame(&[]))),
        bad("connect response: short", "connect response short", answers(frame(&[0, 0, 0]))),
        bad("connect response: short", "connect response, half of it", answers(granted()[..20].to_vec())),
        bad(
            "connect response: huge",
            "connect response of 64 KiB",
            answers([&[0, 1, 0, 0][..], &[0; 65_536]].concat()),
        ),
        bad("connect response: huge", "connect response of 2^31-1, promised only", answers(HUGE.to_vec())),
        bad("connect response: length -1", "connect response of -1", answers(vec![0xff; 4])),
        bad("connect response: length -1", "connect response of -2^31", answers(vec![0x80, 0, 0, 0])),
        bad(
            "connect response: wrong version",
            "connect response, version 1",
            answers(connect_response(1, 1_000, 5, &[7; 16])),
        ),
        bad(
            "connect response: timeout -1",
            "connect response, timeout -1",
            answers(connect_response(0, -1, 5, &[7; 16])),
        ),
        bad(
            "connect response: timeout -1",
            "connect response, timeout 0",
            answers(connect_response(0, 0, 0, &[0; 16])),
        ),
        bad(
            "connect response: password of 0",
            "connect response, password of 0",
            answers(connect_response(0, 1_000, 5, &[])),
        ),
        bad(
            "connect response: password of 17",
            "connect response, password of 17",
            answers(connect_response(0, 1_000, 5, &[7; 17])),
        ),
        bad(
            "connect response: password of 2^31-1",
            "connect response, password of 2^31-1",
            answers(frame(&[&fixed[..], &HUGE].concat())),
        ),
        bad(
            "connect response: session id 0",
            "connect response, session id 0",
            answers(connect_response(0, 1_000, 0, &[7; 16])),
        ),
        bad("connect response: never sent", "connect response never sent", vec![ReadConnect, Hold]),
        bad("connect response: never sent", "connect request never read", vec![Hold]),
        bad(
            "connect response: one byte a second",
            "connect response, one byte a second",
            vec![ReadConnect, Drip(granted())],
        ),
        bad(
            "stream: closed in the header or the body",
            "connect response, closed in the header",
            vec![ReadConnect, Write(vec![0, 0])],
        ),
        bad(
            "stream: closed in the header or the body",
            "connect response, closed in the body",
            vec![ReadConnect, Write(granted()[..20].to_vec())],
        ),
        bad("stream: closed in the header or the body", "closed at once", vec![]),
        bad(
            "stream: closed in the header or the body",
            "closed after the connect request",
            vec![ReadConnect],
        ),
        bad("stream: reset", "reset at once", vec![Reset]),
        bad("stream: reset", "reset after the connect request", vec![ReadConnect, Reset]),
        bad("stream: half close", "half close after the connect request", vec![ReadConnect, HalfClose, Hold]),
        bad("stream: TLS alert", "TLS alert to the connect request", answers(vec![0x15, 3, 3, 0, 2, 2, 70])),
        bad(
            "stream: TLS on one side only",
            "TLS handshake to the connect request",
            answers([&[0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76][..], &[3; 118]].concat()),
        ),
        bad(
            "stream: TLS on one side only",
            "HTTP to the connect request",
            answers(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ),
        bad(
            "reply: xid -1 with a bad event",
            "an event to the connect request",
            answers(event(3, 3, b"/honest")),
        ),
        bad("stream: frame of 0", "empty frames before the session", vec![ReadConnect, Flood(vec![0; 4])]),
        bad("stream: endless pings", "noise before the session", vec![Flood(b"noise ".to_vec())]),
    ];
    [refused, taken()].concat()
}

/// Unusual, and good: a session is granted, and a request answered.
fn taken() -> Vec<Case> {
    let answered = |item, name, connect: Step| Case {
        name,
        item,
        stage: Stage::BeforeTheSession,
        ask: Ask::GetData,
        script: [ReadConnect, connect, ReadRequest, Reply(0, 0, data()), Hold].into(),
        expected: Expected::Answer,
    };
    // As servers of ZooKeeper 3.3 answer.
    let mut no_read_only_byte = granted();
    no_read_only_byte.truncate(40);
    no_read_only_byte[3] -= 1;
    // The record has grown, and may grow again.
    let mut grown = granted();
    grown.extend([9; 8]);
    grown[3] += 8;
    vec![
        answered(
            "connect response: no read-only byte",
            "connect response without a byte for read-only",
            Write(no_read_only_byte),
        ),
        answered("connect response: trailing bytes", "connect response with trailing bytes", Write(grown)),
        answered("stream: slices of one byte", "connect response in slices of one byte", Slices(granted())),
    ]
}
