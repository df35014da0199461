//! What a client of TLS hears instead of a handshake.

use super::{Ask, Case, Expected, Stage};
use crate::hostile::{
    bytes::granted,
    server::Step::{self, Drip, Flood, HalfClose, Hold, ReadAny, Reset, Write},
};

pub(super) fn cases() -> Vec<Case> {
    let one_side = "stream: TLS on one side only";
    let bad = |item, name, script: Vec<Step>| Case {
        name,
        item,
        stage: Stage::Tls,
        ask: Ask::GetData,
        script: script.into(),
        expected: Expected::NotSent,
    };
    let answers = |bytes: &[u8]| vec![ReadAny, Write(bytes.to_vec()), Hold];
    // A record of TLS may have 2^14 bytes and a little; this one promises 2^16-1.
    let long_record = [&[0x16, 3, 3, 0xff, 0xff, 2, 0][..], &[0; 65_533]].concat();
    vec![
        bad(one_side, "TLS: a plain connect response", answers(&granted())),
        bad(one_side, "TLS: HTTP", answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        bad(one_side, "TLS: noise", vec![Flood(b"noise ".to_vec())]),
        bad("stream: TLS alert", "TLS: an alert", answers(&[0x15, 3, 3, 0, 2, 2, 40])),
        bad("stream: TLS alert", "TLS: alerts without end", vec![Flood(vec![0x15, 3, 3, 0, 2, 1, 0])]),
        bad("stream: frame of 2^31-1", "TLS: a record that is too long", answers(&long_record)),
        bad("stream: silence", "TLS: silence", vec![Hold]),
        bad(
            "connect response: one byte a second",
            "TLS: one byte a second",
            vec![ReadAny, Drip(vec![0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76])],
        ),
        bad("stream: half close", "TLS: half close", vec![ReadAny, HalfClose, Hold]),
        bad("stream: reset", "TLS: reset", vec![ReadAny, Reset]),
        bad("stream: closed in the header or the body", "TLS: closed", vec![ReadAny]),
    ]
}
