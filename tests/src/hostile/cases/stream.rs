//! Frames that are none, and streams that stop or never stop.

use super::{Ask, Case, Expected, replies::case};
use crate::hostile::{
    bytes::{HUGE, LIMIT, STAT, data, event, frame, reply},
    server::Step::{
        self, AnswerPings, Drip, Flood, HalfClose, Hold, ReadRequest, Repeat, Reply, ReplyInSlices, Reset,
        Write,
    },
};

pub(super) fn cases() -> Vec<Case> {
    let get = |item, name, steps: Vec<Step>, expected| {
        case(item, name, Ask::GetData, [vec![ReadRequest], steps].concat(), expected)
    };
    let raw = |bytes: &[u8]| vec![Write(bytes.to_vec()), Hold];
    let closed = "stream: closed in the header or the body";
    let header = 16;
    let room = usize::try_from(LIMIT).unwrap_or_default() - header - 4 - STAT.len();
    let largest = [&(LIMIT - 16 - 4 - 68).to_be_bytes()[..], vec![b'x'; room].as_slice(), &STAT].concat();
    vec![
        get("stream: frame of 0", "a frame of 0", raw(&frame(&[])), Expected::Protocol),
        get("stream: frame of -1", "a frame of -1", raw(&[0xff; 4]), Expected::BadFrame),
        get("stream: frame of -1", "a frame of -2^31", raw(&i32::MIN.to_be_bytes()), Expected::BadFrame),
        get("stream: frame of 2^31-1", "a frame of 2^31-1", raw(&HUGE), Expected::BadFrame),
        get(
            "stream: frame at the limit",
            "a frame at the limit",
            vec![Reply(0, 0, largest), Hold],
            Expected::Answer,
        ),
        get(
            "stream: frame at the limit",
            "a frame at the limit that never ends",
            raw(&LIMIT.to_be_bytes()),
            Expected::Late,
        ),
        get(
            "stream: frame of the limit + 1",
            "a frame of the limit + 1",
            raw(&(LIMIT + 1).to_be_bytes()),
            Expected::BadFrame,
        ),
        get(
            "stream: slices of one byte",
            "a reply in slices of one byte",
            vec![ReplyInSlices(data()), Hold],
            Expected::Answer,
        ),
        get(closed, "closed", vec![], Expected::Closed),
        get(closed, "closed in the header", vec![Write(vec![0, 0])], Expected::Closed),
        get(closed, "closed in the body", vec![Write(vec![0, 0, 0, 99, 1])], Expected::Closed),
        get("stream: reset", "reset", vec![Reset], Expected::Closed),
        get("stream: half close", "half close", vec![HalfClose, Hold], Expected::Closed),
        get(
            "stream: half close",
            "half close in the body",
            vec![Write(vec![0, 0, 0, 99, 1]), HalfClose, Hold],
            Expected::Closed,
        ),
        get(
            "stream: endless pings",
            "answers to pings without end",
            vec![Flood(reply(-2, 0, &[]))],
            Expected::Unsolicited,
        ),
        get("stream: endless pings", "answers to pings and nothing else", vec![AnswerPings], Expected::Late),
        case(
            "stream: a million events",
            "a million events of a watch",
            Ask::Watched,
            vec![
                ReadRequest,
                Reply(0, 0, vec![]),
                Repeat(1_000_000, event(3, 3, b"/honest")),
                ReadRequest,
                Reply(0, 0, data()),
                Hold,
            ],
            Expected::AnswerOrLate,
        ),
        get(
            "stream: a million events",
            "events without end that nobody asked for",
            vec![Flood(event(3, 3, b"/nobody/asked"))],
            Expected::Late,
        ),
        get(
            "stream: a million events",
            "unknown events without end",
            vec![Flood(event(99, -99, b""))],
            Expected::Late,
        ),
        get(
            "stream: a million events",
            "one byte a second",
            vec![Drip(reply(1, 0, &data()))],
            Expected::Late,
        ),
        get("stream: silence", "silence", vec![Hold], Expected::Late),
        get("stream: TLS alert", "a TLS alert", raw(&[0x15, 3, 3, 0, 2, 2, 70]), Expected::BadFrame),
        get(
            "stream: TLS on one side only",
            "a TLS handshake",
            raw(&[0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76]),
            Expected::BadFrame,
        ),
        get(
            "stream: TLS on one side only",
            "HTTP",
            raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            Expected::BadFrame,
        ),
    ]
}
