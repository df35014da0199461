//! Servers that are behind what the session has seen.

use std::time::Duration;

use zk_jute::{Decode, ErrorCode, FrameDecoder, FrameLimit, OpCode, records::ConnectRequest};
use zk_proto::{Cause, Event, ExpiryCause, Opened, State};

use crate::harness::{NEGOTIATED, SESSION, Wire, dropped};

/// A session that has seen zxid 4,711 and whose servers close every connection, as they do without a quorum or to a client
/// that has seen what they have not.
struct Refused(Wire);

impl Refused {
    fn new() -> Self {
        let mut wire = Wire::connected();
        wire.submit(0, OpCode::GET_DATA);
        wire.requests();
        wire.reply(1, 4_711, ErrorCode::OK, b"");
        wire.lose();
        Self(wire)
    }

    /// Waits for the next round, lets all of its servers refuse, and returns the zxid that they were shown.
    fn round(&mut self) -> i64 {
        let mut zxids = Vec::new();
        for _ in 0..3 {
            zxids.push(self.ask().last_zxid_seen);
            self.0.lose();
        }
        assert!(zxids.iter().all(|zxid| *zxid == zxids[0]), "{zxids:?}");
        zxids[0]
    }

    /// The next connect request.
    fn ask(&mut self) -> ConnectRequest {
        let wire = &mut self.0;
        wire.drain();
        let round = loop {
            if let Some(round) = wire.session.poll_connect() {
                break round;
            }
            wire.now = wire.now.max(wire.session.poll_timeout().expect("a round is to come"));
            wire.session.handle_timeout(wire.now);
            wire.drain();
        };
        let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
        wire.sent.clear();
        wire.received.clear();
        wire.frames = FrameDecoder::new(FrameLimit::MAX);
        wire.session.transport_opened(wire.now, opened);
        let frame = wire.sent_frames().remove(0);
        ConnectRequest::from_bytes(&frame).unwrap()
    }

    /// Lets rounds pass until one asks without a zxid, and returns its first request, unanswered.
    fn until_probe(&mut self) -> ConnectRequest {
        loop {
            let request = self.ask();
            if request.last_zxid_seen == 0 {
                assert_eq!(self.0.session.state(), State::Lost, "never earlier");
                return request;
            }
            self.0.lose();
        }
    }
}

#[test]
fn a_wiped_ensemble_is_found_out_and_a_new_session_begun() {
    let mut refused = Refused::new();
    assert_eq!(refused.until_probe().session_id, SESSION);
    refused.0.answer_connect(Duration::ZERO, 0, None);
    assert!(refused.0.events().iter().any(|event| matches!(event, Event::SessionExpired { .. })));
    let request = refused.ask();
    assert_eq!((request.session_id, request.last_zxid_seen), (0, 0));
    refused.0.answer_connect(NEGOTIATED, 77, None);
    assert_eq!(refused.0.session.session().map(|info| info.generation), Some(2));
}

#[test]
fn servers_without_a_quorum_are_asked_both_ways_and_the_session_goes_on_from_what_it_has_seen() {
    let mut refused = Refused::new();
    refused.until_probe();
    for _ in 0..2 {
        refused.0.lose();
        assert_eq!(refused.ask().last_zxid_seen, 0, "the whole round");
    }
    refused.0.lose();
    for _ in 0..3 {
        assert_eq!((refused.round(), refused.round()), (4_711, 0));
    }
    assert_eq!(refused.round(), 4_711);
    // The quorum is back just when nothing was shown: the answer may be that of a server that is behind.
    assert_eq!(refused.ask().last_zxid_seen, 0);
    refused.0.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(dropped(&refused.0.events()), Some(&Cause::Probed));
    let request = refused.ask();
    assert_eq!((request.session_id, request.last_zxid_seen), (SESSION, 4_711));
    refused.0.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(refused.0.session.state(), State::Connected);
    assert_eq!(refused.0.session.session().map(|info| info.generation), Some(1));
}

#[test]
fn an_ensemble_restored_from_a_backup_that_knows_the_session_ends_it_all_the_same() {
    let mut refused = Refused::new();
    refused.until_probe();
    refused.0.answer_connect(NEGOTIATED, SESSION, Some(false));
    let expired = |event: &Event<u32>| {
        matches!(event, Event::SessionExpired { cause: ExpiryCause::ZxidAhead, session }
            if session.session_id == SESSION)
    };
    // Servers that have lost their quorum refuse as well: one round, or two, are not believed.
    for _ in 0..2 {
        assert_eq!(refused.round(), 4_711);
        assert!(!refused.0.events().iter().any(expired));
    }
    assert_eq!(refused.round(), 4_711);
    assert!(refused.0.events().iter().any(expired));
    let request = refused.ask();
    assert_eq!((request.session_id, request.last_zxid_seen), (0, 0));
}
