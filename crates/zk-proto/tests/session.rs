//! The state machine stepped with a virtual clock: no sleeping, no sockets.
//!
//! `Wire` plays the driver and the server: it dials whatever the session wants, answers the handshake, and hands back the
//! frames the session sent.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Decode, Encode, ErrorCode, EventType, FrameDecoder, FrameLimit, KeeperState, OpCode, Raw, Reader,
    records::{
        AuthPacket, ConnectRequest, ConnectResponse, GetSASLRequest, RemoveWatchesRequest, ReplyHeader,
        RequestHeader, SetSASLResponse, SetWatches, SetWatches2, WatcherEvent,
    },
    write_frame,
    xid::{PING_XID, SET_WATCHES_XID, WATCH_EVENT_XID},
};
use zk_proto::{
    Cause, Config, ConnectRound, Credential, Event, ExpiryCause, Host, Opened, ProtocolError, Reply, Request,
    RequestError, Sasl, Session, SessionCredentials, State, Timestamp, WatchId, WatchNotice, WatchOn,
    WhenDisconnected,
};

const SESSION: i64 = 0x1234;
const NEGOTIATED: Duration = Duration::from_secs(30);
const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// A request as the server sees it.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    xid: i32,
    op: OpCode,
    body: Bytes,
}

struct Wire {
    session: Session<u32>,
    now: Timestamp,
    frames: FrameDecoder,
    sent: BytesMut,
    received: BytesMut,
    events: Vec<Event<u32>>,
}

impl Wire {
    fn new() -> Self {
        let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
        config.read_timeout = Some(READ_TIMEOUT);
        Self::with(config)
    }

    fn with(config: Config) -> Self {
        let now = Timestamp::from_epoch(Duration::from_secs(1_000));
        Self {
            session: Session::new(config, now, 1),
            now,
            frames: FrameDecoder::new(FrameLimit::MAX),
            sent: BytesMut::new(),
            received: BytesMut::new(),
            events: Vec::new(),
        }
    }

    fn connected() -> Self {
        let mut wire = Self::new();
        wire.connect(SESSION);
        wire.events();
        wire
    }

    /// Dials, and answers the handshake with this session.
    fn connect(&mut self, session_id: i64) -> ConnectRequest {
        let request = self.open();
        self.answer_connect(NEGOTIATED, session_id, Some(false));
        request
    }

    /// Dials the first host of the round and returns the connect request.
    fn open(&mut self) -> ConnectRequest {
        let round = self.round();
        let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: self.now };
        self.sent.clear();
        self.received.clear();
        self.frames = FrameDecoder::new(FrameLimit::MAX);
        self.session.transport_opened(self.now, opened);
        let frame = self.sent_frames().remove(0);
        ConnectRequest::from_bytes(&frame).unwrap()
    }

    fn round(&mut self) -> ConnectRound {
        self.drain();
        self.session.poll_connect().expect("a round of connects")
    }

    fn answer_connect(&mut self, timeout: Duration, session_id: i64, read_only: Option<bool>) {
        let timeout = i32::try_from(timeout.as_millis()).unwrap();
        let password = Bytes::from_static(&[7; 16]);
        let response = ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        self.receive(&bytes);
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.session.handle_bytes(self.now, &mut self.received);
    }

    fn reply(&mut self, xid: i32, zxid: i64, err: ErrorCode, body: &'static [u8]) {
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &ReplyHeader { xid, zxid, err }, &Raw(Bytes::from_static(body))).unwrap();
        self.receive(&bytes);
    }

    fn watcher_event(&mut self, event_type: EventType, path: &str) {
        let mut bytes = BytesMut::new();
        let header = ReplyHeader { xid: WATCH_EVENT_XID, zxid: 999_999, err: ErrorCode::OK };
        write_frame(
            &mut bytes,
            &header,
            &WatcherEvent { event_type, state: KeeperState::SYNC_CONNECTED, path },
        )
        .unwrap();
        self.receive(&bytes);
    }

    fn sent_frames(&mut self) -> Vec<Bytes> {
        while self.session.poll_transmit(self.now, &mut self.sent) {}
        std::iter::from_fn(|| self.frames.decode(&mut self.sent).unwrap()).collect()
    }

    fn requests(&mut self) -> Vec<Sent> {
        let parse = |frame: Bytes| {
            let mut reader = Reader::new(&frame);
            let RequestHeader { xid, op } = RequestHeader::decode(&mut reader).unwrap();
            Sent { xid, op, body: reader.rest() }
        };
        self.sent_frames().into_iter().map(parse).collect()
    }

    fn submit(&mut self, token: u32, op: OpCode) {
        self.submit_with(token, op, None, WhenDisconnected::Fail);
    }

    fn submit_with(
        &mut self,
        token: u32,
        op: OpCode,
        watch: Option<(WatchOn, WatchId)>,
        when: WhenDisconnected,
    ) {
        let request = Request {
            op,
            body: Bytes::from_static(b"body"),
            watch,
            deadline: self.now.after(Duration::from_secs(10)),
            when_disconnected: when,
            token,
        };
        self.session.submit(self.now, request);
    }

    /// Moves the clock, doing everything that is due on the way.
    fn advance(&mut self, by: Duration) {
        let end = self.now.after(by);
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            assert_ne!(
                self.session.poll_timeout(),
                Some(due),
                "a timeout that was handled must not come again"
            );
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    fn events(&mut self) -> Vec<Event<u32>> {
        self.drain();
        std::mem::take(&mut self.events)
    }

    fn outcomes(&mut self) -> Vec<(u32, Result<Reply, RequestError>)> {
        let outcome = |event| match event {
            Event::Reply { token, outcome } => Some((token, outcome)),
            _ => None,
        };
        self.events().into_iter().filter_map(outcome).collect()
    }

    fn lose(&mut self) {
        self.session.transport_lost(self.now, Cause::ConnectionClosed);
    }
}

fn dropped(events: &[Event<u32>]) -> Option<&Cause> {
    events.iter().find_map(|event| match event {
        Event::DropTransport(cause) => Some(cause),
        _ => None,
    })
}

#[test]
fn the_first_connection_asks_for_a_new_session_and_announces_it() {
    let mut wire = Wire::new();
    let request = wire.connect(SESSION);
    assert_eq!((request.session_id, request.last_zxid_seen, request.timeout), (0, 0, 30_000));
    assert_eq!(request.read_only, Some(false), "old servers and new ones tell clients apart by this byte");
    let events = wire.events();
    assert!(matches!(&events[0], Event::SessionEstablished(info)
        if info.session_id == SESSION && info.negotiated_timeout == NEGOTIATED && info.generation == 1));
    assert!(matches!(&events[1], Event::State(change)
        if change.from == State::Connecting && change.to == State::Connected && change.server.is_some()));
}

#[test]
fn nothing_but_the_connect_request_is_written_before_its_answer() {
    let mut wire = Wire::new();
    wire.submit_with(1, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    wire.open();
    assert!(wire.sent_frames().is_empty());
    wire.answer_connect(NEGOTIATED, SESSION, None);
    assert_eq!(wire.requests().len(), 1);
}

#[test]
fn replies_find_their_requests_and_carry_the_time_they_were_sent() {
    let mut wire = Wire::connected();
    let sent_at = wire.now;
    for token in 0..3 {
        wire.submit(token, OpCode::GET_DATA);
    }
    let sent = wire.requests();
    assert_eq!(sent.iter().map(|sent| sent.xid).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(sent[0].body.as_ref(), b"body");
    wire.advance(Duration::from_secs(1));
    for (xid, err) in [(1, ErrorCode::OK), (2, ErrorCode::NO_NODE), (3, ErrorCode::OK)] {
        wire.reply(xid, 100, err, b"answer");
    }
    let outcomes = wire.outcomes();
    assert_eq!(outcomes.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [0, 1, 2]);
    let reply = outcomes[1].1.as_ref().unwrap();
    assert_eq!(
        (reply.err, reply.zxid, reply.body.as_ref(), reply.sent_at),
        (ErrorCode::NO_NODE, 100, b"answer".as_ref(), sent_at)
    );
}

#[test]
fn a_reply_out_of_order_drops_the_connection_and_leaves_the_request_unknown() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.submit(1, OpCode::SET_DATA);
    wire.requests();
    wire.reply(2, 100, ErrorCode::OK, b"");
    let events = wire.events();
    let mismatch = Cause::Protocol(ProtocolError::XidMismatch { expected: 1, got: 2 });
    assert_eq!(dropped(&events), Some(&mismatch));
    let ended = events.iter().filter(|event| {
        matches!(event, Event::Reply { outcome: Err(RequestError::Unknown(cause)), .. } if *cause == mismatch)
    });
    assert_eq!(ended.count(), 2);
    wire.connect(SESSION);
    assert_eq!(wire.session.state(), State::Connected, "usable again");
}

#[test]
fn unasked_pongs_and_replies_are_refused() {
    for xid in [PING_XID, SET_WATCHES_XID, -4, 5] {
        let mut wire = Wire::connected();
        wire.reply(xid, 1, ErrorCode::OK, b"");
        let expected = Cause::Protocol(ProtocolError::Unsolicited { xid });
        assert_eq!(dropped(&wire.events()), Some(&expected));
    }
}

#[test]
fn a_lost_connection_resumes_the_session_with_its_password_and_zxid() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.reply(1, 4_711, ErrorCode::OK, b"");
    wire.lose();
    let request = wire.connect(SESSION);
    assert_eq!((request.session_id, request.last_zxid_seen), (SESSION, 4_711));
    assert_eq!(request.password.as_ref(), [7; 16]);
    assert_eq!(wire.session.session().map(|info| info.generation), Some(1));
}

#[test]
fn what_was_sent_is_unknown_and_what_was_not_is_not_sent() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.submit(1, OpCode::SET_DATA);
    wire.submit_with(2, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.lose();
    let closed = Cause::ConnectionClosed;
    assert_eq!(
        wire.outcomes(),
        [(0, Err(RequestError::Unknown(closed.clone()))), (1, Err(RequestError::NotSent(closed.clone()))),]
    );
    wire.submit(3, OpCode::SET_DATA);
    assert_eq!(
        wire.outcomes(),
        [(3, Err(RequestError::NotSent(closed)))],
        "fails at once while disconnected"
    );
    wire.connect(SESSION);
    assert_eq!(wire.requests().len(), 1, "the one that waits goes out on the next connection");
}

#[test]
fn a_silent_server_is_left_one_read_timeout_after_its_last_byte() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(7_999));
    assert_eq!(wire.requests().len(), 1, "one ping at half the read timeout");
    assert_eq!(wire.session.state(), State::Connected);
    wire.advance(Duration::from_millis(1));
    assert!(matches!(dropped(&wire.events()), Some(Cause::ReadTimeout { .. })));
}

#[test]
fn a_client_that_writes_every_second_notices_a_silent_server_just_the_same() {
    let mut wire = Wire::connected();
    for token in 0..8 {
        wire.submit(token, OpCode::SET_DATA);
        wire.requests();
        assert_eq!(wire.session.state(), State::Connected);
        wire.advance(Duration::from_secs(1));
    }
    assert_eq!(wire.session.state(), State::Connecting);
}

#[test]
fn pings_go_out_on_schedule_whatever_the_traffic() {
    let mut wire = Wire::connected();
    let mut pings = 0;
    for token in 0..240 {
        wire.advance(Duration::from_millis(100));
        wire.submit(token, OpCode::GET_DATA);
        for sent in wire.requests() {
            if sent.op == OpCode::PING {
                assert_eq!(sent.xid, PING_XID);
                pings += 1;
            }
            wire.reply(sent.xid, 1, ErrorCode::OK, b"");
        }
    }
    assert_eq!(pings, 6, "24 s are six halves of 8 s");
}

#[test]
fn a_frozen_process_does_not_take_its_own_silence_for_the_servers() {
    let mut wire = Wire::connected();
    wire.now = wire.now.after(Duration::from_secs(20));
    wire.session.handle_timeout(wire.now);
    assert_eq!(wire.session.state(), State::Connected);
    let sent = wire.requests();
    assert_eq!(sent.len(), 1);
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_millis(3_999));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_large_reply_that_trickles_counts_as_life_but_not_for_ever() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    wire.receive(&[0, 1, 0, 0]);
    for _ in 0..7 {
        wire.advance(Duration::from_secs(4));
        wire.requests();
        wire.receive(&[0]);
        assert_eq!(wire.session.state(), State::Connected);
    }
    wire.advance(Duration::from_secs(3));
    assert_eq!(dropped(&wire.events()), Some(&Cause::StalledReply));
}

#[test]
fn a_deadline_ends_the_request_and_not_the_connection() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_secs(4));
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(4));
    wire.requests();
    wire.reply(PING_XID, 1, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(3));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::Unknown(Cause::Deadline)))]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected, "the late reply finds its slot");
    assert!(wire.outcomes().is_empty(), "and nobody is told twice");
}

#[test]
fn expiry_by_a_refusal_begins_the_next_generation() {
    let mut wire = Wire::connected();
    wire.submit_with(
        0,
        OpCode::GET_DATA,
        Some((WatchOn::Data("/a".into()), WatchId(1))),
        WhenDisconnected::Fail,
    );
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.lose();
    wire.submit_with(1, OpCode::CREATE, None, WhenDisconnected::Wait);
    wire.events();
    wire.open();
    wire.answer_connect(Duration::ZERO, 0, None);
    let events = wire.events();
    assert!(dropped(&events).is_some());
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::SessionExpired { session, cause: ExpiryCause::Refused }
        if session.session_id == SESSION))
    );
    assert!(
        events.iter().any(|event| matches!(event, Event::Watch { watches, notice: WatchNotice::SessionLost }
        if watches == &[WatchId(1)]))
    );
    assert!(
        events.iter().any(|event| matches!(
            event,
            Event::Reply { token: 1, outcome: Err(RequestError::SessionExpired) }
        ))
    );
    let request = wire.connect(77);
    assert_eq!(request.session_id, 0);
    assert!(wire.events().iter().any(|event| matches!(event, Event::SessionEstablished(info)
        if info.session_id == 77 && info.generation == 2)));
}

#[test]
fn another_session_id_is_an_expiry_even_if_the_server_does_not_say_so() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert!(wire.session.quorum_proof().is_some());
    wire.lose();
    wire.connect(99);
    let events = wire.events();
    let expired = events.iter().position(|event| {
        matches!(event, Event::SessionExpired { cause: ExpiryCause::Replaced { by: 99 }, session } if session.session_id == SESSION)
    });
    let established = events.iter().position(|event| matches!(event, Event::SessionEstablished(_)));
    assert!(expired.is_some() && expired < established, "expired before connected");
    assert_eq!(wire.session.quorum_proof(), None, "the proof was the old session's");
}

#[test]
fn a_session_is_lost_when_no_server_spoke_for_the_negotiated_timeout_and_may_come_back() {
    let mut wire = Wire::connected();
    wire.lose();
    let _ = wire.round();
    wire.session.dial_failed(wire.now, "zk1: refused");
    let mut rounds = 0;
    for _ in 0..299 {
        wire.advance(Duration::from_millis(100));
        if wire.session.poll_connect().is_some() {
            rounds += 1;
            wire.session.dial_failed(wire.now, "zk1: refused");
        }
    }
    assert_eq!(wire.session.state(), State::Connecting);
    wire.advance(Duration::from_millis(100));
    assert_eq!(wire.session.state(), State::Lost);
    assert!((30..=150).contains(&rounds), "a bounded number of rounds in 30 s: {rounds}");
    wire.advance(Duration::from_secs(2));
    let request = wire.connect(SESSION);
    assert_eq!(request.session_id, SESSION, "a recovered ensemble may have kept it");
    assert_eq!(wire.session.state(), State::Connected);
    assert_eq!(wire.session.session().map(|info| info.generation), Some(1));
}

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
    assert!(matches!(&events[0], Event::Watch { watches, notice: WatchNotice::Event { kind, path } }
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
fn servers_that_accept_and_stay_silent_cost_one_budget_together_and_the_last_one_has_its_own() {
    let mut wire = Wire::connected();
    wire.lose();
    let first = wire.round();
    assert_eq!(first.hosts.len(), 3);
    let opened = Opened { host: first.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    wire.advance(first.budget / 3);
    assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
    let rest = wire.round();
    assert_eq!(rest.hosts, first.hosts[1..], "the same round, without the silent one, without a pause");
    assert!(first.budget <= NEGOTIATED / 6);
    let opened =
        Opened { host: rest.hosts[1].clone(), failed: vec![rest.hosts[0].clone()], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    wire.advance(first.budget - Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), None, "nobody is left to be asked instead");
    wire.advance(Duration::from_millis(1));
    assert_eq!(dropped(&wire.events()), Some(&Cause::HandshakeTimeout));
}

#[test]
fn the_lost_server_goes_last() {
    for _ in 0..20 {
        let mut wire = Wire::new();
        let round = wire.round();
        let lost = round.hosts[0].clone();
        let opened = Opened { host: lost.clone(), failed: vec![], started_at: wire.now };
        wire.session.transport_opened(wire.now, opened);
        wire.answer_connect(NEGOTIATED, SESSION, Some(false));
        wire.lose();
        assert_eq!(wire.round().hosts.last(), Some(&lost));
    }
}

#[test]
fn a_server_that_drops_every_connection_at_once_makes_no_hot_loop() {
    let mut wire = Wire::connected();
    let start = wire.now;
    for _ in 0..50 {
        wire.lose();
        while wire.session.poll_timeout().is_some() && {
            wire.drain();
            wire.session.poll_connect().is_none_or(|round| {
                let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
                wire.session.transport_opened(wire.now, opened);
                false
            })
        } {
            let due = wire.session.poll_timeout().unwrap();
            wire.now = wire.now.max(due);
            wire.session.handle_timeout(wire.now);
        }
        wire.received.clear();
        wire.answer_connect(NEGOTIATED, SESSION, Some(false));
        assert_eq!(wire.session.state(), State::Connected);
    }
    assert!(wire.now.since(start) > Duration::from_secs(5), "50 connects took {:?}", wire.now.since(start));
}

#[test]
fn a_read_only_server_is_refused_unless_asked_for() {
    let mut wire = Wire::new();
    wire.open();
    wire.answer_connect(NEGOTIATED, SESSION, Some(true));
    assert_eq!(dropped(&wire.events()), Some(&Cause::ReadOnlyServer));

    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.allow_read_only = true;
    let mut wire = Wire::with(config);
    assert_eq!(wire.open().read_only, Some(true));
    wire.answer_connect(NEGOTIATED, SESSION, Some(true));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn hostile_connect_responses_are_refused_and_the_next_server_is_tried() {
    let response = |timeout: i32, session_id: i64, password: usize| {
        let password = Bytes::from(vec![0; password]);
        let response =
            ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only: Some(false) };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        bytes.to_vec()
    };
    for hostile in [
        vec![0, 0, 0, 0],
        vec![0xff; 4],
        vec![0x7f, 0xff, 0xff, 0xff],
        vec![0, 0, 0, 3, 1, 2, 3],
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
        vec![0x15, 0x03, 0x01, 0, 2, 2, 70],
        response(-1, 0, 16),
        response(30_000, 0, 16),
        response(30_000, 5, 0),
        response(30_000, 5, 17),
    ] {
        let mut wire = Wire::new();
        wire.open();
        wire.receive(&hostile);
        let events = wire.events();
        assert!(matches!(dropped(&events), Some(Cause::Protocol(_))), "{hostile:?} gave {events:?}");
        wire.connect(SESSION);
        assert_eq!(wire.session.state(), State::Connected);
    }
}

#[test]
fn close_sends_what_waits_then_the_close_and_ends_on_the_answer() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.session.close(wire.now);
    wire.session.close(wire.now);
    wire.submit(1, OpCode::SET_DATA);
    let ops: Vec<OpCode> = wire.requests().iter().map(|sent| sent.op).collect();
    assert_eq!(ops, [OpCode::SET_DATA, OpCode::CLOSE_SESSION]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.reply(2, 2, ErrorCode::OK, b"");
    let events = wire.events();
    assert!(matches!(&events[0], Event::Reply { token: 1, outcome: Err(RequestError::Closed) }));
    assert!(matches!(&events[1], Event::Reply { token: 0, outcome: Ok(_) }));
    assert_eq!(wire.session.state(), State::Closed);
    assert_eq!(wire.session.poll_timeout(), None);
}

#[test]
fn close_is_bounded_in_every_state() {
    let mut silent = Wire::connected();
    silent.session.close(silent.now);
    silent.requests();
    silent.advance(Duration::from_secs(2));
    assert_eq!(silent.session.state(), State::Closed);

    let mut dialling = Wire::new();
    let _ = dialling.round();
    dialling.session.close(dialling.now);
    assert_eq!(dialling.session.state(), State::Closed);

    let mut handshaking = Wire::new();
    handshaking.open();
    handshaking.session.close(handshaking.now);
    assert!(dropped(&handshaking.events()).is_some());
    assert_eq!(handshaking.session.state(), State::Closed);

    let mut dropped_while_closing = Wire::connected();
    dropped_while_closing.session.close(dropped_while_closing.now);
    dropped_while_closing.requests();
    dropped_while_closing.lose();
    assert_eq!(dropped_while_closing.session.state(), State::Closed);
}

#[test]
fn closing_a_session_whose_connection_was_just_lost_resumes_it_to_end_it() {
    let mut wire = Wire::connected();
    wire.lose();
    wire.submit_with(0, OpCode::SET_DATA, None, WhenDisconnected::Wait);
    wire.session.close(wire.now);
    wire.open();
    wire.lose();
    assert_eq!(wire.session.state(), State::Connecting, "one server that refuses is not the end");
    wire.connect(SESSION);
    let ops: Vec<OpCode> = wire.requests().iter().map(|sent| sent.op).collect();
    assert_eq!(ops, [OpCode::SET_DATA, OpCode::CLOSE_SESSION]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    wire.reply(2, 2, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Closed);

    let mut nobody = Wire::connected();
    nobody.lose();
    nobody.session.close(nobody.now);
    nobody.advance(Duration::from_secs(2));
    assert_eq!(nobody.session.state(), State::Closed, "bounded");

    let mut replaced = Wire::connected();
    replaced.lose();
    replaced.session.close(replaced.now);
    replaced.connect(99);
    assert_eq!(replaced.session.state(), State::Closed, "ours is over already");
    let events = replaced.events();
    assert!(!events.iter().any(|event| matches!(event, Event::SessionEstablished(_))), "{events:?}");
}

#[test]
fn the_quorum_proof_is_what_was_passed_on_before_a_committed_write() {
    let mut wire = Wire::connected();
    let asked = wire.now;
    wire.submit(0, OpCode::GET_DATA);
    wire.submit(1, OpCode::SYNC);
    wire.requests();
    wire.reply(1, 5, ErrorCode::OK, b"");
    wire.reply(2, 5, ErrorCode::OK, b"");
    wire.advance(Duration::from_secs(4));
    let pinged = wire.now;
    wire.requests();
    wire.reply(PING_XID, 5, ErrorCode::OK, b"");
    assert_eq!(wire.session.quorum_proof(), None, "a follower answers all of these by itself");
    for (wait, proof) in [(1_000, asked), (1_000, pinged)] {
        wire.advance(Duration::from_millis(wait));
        wire.submit(2, OpCode::MULTI);
        let xid = wire.requests()[0].xid;
        wire.reply(xid, 6, ErrorCode::OK, b"");
        assert_eq!(
            wire.session.quorum_proof(),
            Some(proof),
            "what is said half a tick before the write counts, not the write"
        );
    }
}

#[test]
fn nothing_of_what_is_on_its_way_out_is_shown() {
    let mut wire = with_credentials();
    wire.connect(SESSION);
    let debug = format!("{:?}", wire.session);
    assert!(!debug.contains("user:pass"), "{debug}");
    wire.lose();
    let round = wire.round();
    let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.transport_opened(wire.now, opened);
    let debug = format!("{:?}", wire.session);
    assert!(!debug.contains("\\x07"), "the session password is in the connect request: {debug}");
}

#[test]
fn a_refused_identity_takes_no_accepted_one_with_it() {
    let mut wire = Wire::connected();
    wire.session.add_auth(Credential::new("digest", "bad"), 1);
    wire.session.add_auth(Credential::new("digest", "good"), 2);
    wire.requests();
    wire.reply(-4, 0, ErrorCode::AUTH_FAILED, b"");
    wire.advance(Duration::from_secs(2));
    wire.connect(SESSION);
    assert!(wire.requests().is_empty(), "neither was accepted");
    // One whose answer was lost is not kept either.
    wire.session.add_auth(Credential::new("digest", "bad"), 3);
    wire.lose();
    wire.advance(Duration::from_secs(2));
    wire.connect(SESSION);
    assert!(wire.requests().is_empty());
}

#[test]
fn a_spare_is_not_used_once_the_list_of_servers_has_changed() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(600));
    open_spare(&mut wire);
    suspicions(&mut wire);
    wire.session.set_hosts(wire.now, vec![Host::new("zk9", 2181)]);
    assert_eq!(suspicions(&mut wire), ["drop spare", "drop"]);
    assert_eq!(wire.round().hosts, [Host::new("zk9", 2181)]);
}

#[test]
fn session_moved_and_expired_as_answers_change_the_connection() {
    for (err, cause) in
        [(ErrorCode::SESSION_MOVED, Cause::SessionMoved), (ErrorCode::SESSION_EXPIRED, Cause::SessionExpired)]
    {
        let mut wire = Wire::connected();
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.reply(1, 1, err, b"");
        let events = wire.events();
        assert!(matches!(&events[0], Event::Reply { outcome: Ok(reply), .. } if reply.err == err));
        assert_eq!(dropped(&events), Some(&cause));
    }
}

#[test]
fn overload_and_oversize_are_refused_before_anything_is_sent() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.max_requests = 2;
    config.max_request = FrameLimit::new(100).unwrap();
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    let request = |token, len: usize| Request {
        op: OpCode::SET_DATA,
        body: Bytes::from(vec![0; len]),
        watch: None,
        deadline: Timestamp::from_epoch(Duration::from_secs(9_999)),
        when_disconnected: WhenDisconnected::Fail,
        token,
    };
    wire.session.submit(wire.now, request(0, 93));
    assert_eq!(wire.outcomes(), [(0, Err(RequestError::TooLarge { len: 101, limit: 100 }))]);
    for token in 1..=3 {
        wire.session.submit(wire.now, request(token, 92));
    }
    assert_eq!(wire.outcomes(), [(3, Err(RequestError::Overloaded))]);
    assert_eq!(wire.requests().len(), 2);
}

#[test]
fn the_session_password_is_in_no_debug_output() {
    let mut wire = Wire::connected();
    wire.lose();
    wire.connect(SESSION);
    let events = wire.events();
    let debug = format!("{:?} {events:?}", wire.session);
    assert!(!debug.contains("7, 7, 7") && !debug.contains("\\u{7}") && !debug.contains("\\x07"), "{debug}");
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
    assert!(matches!(&events[1], Event::Watch { watches, notice: WatchNotice::Event { kind, path } }
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
fn a_server_that_talks_but_never_answers_is_left_after_a_session_timeout() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::GET_DATA);
    wire.requests();
    for second in 0..30 {
        assert_eq!(wire.session.state(), State::Connected, "after {second} s");
        wire.watcher_event(EventType::NODE_DELETED, "/of/no/interest");
        wire.advance(Duration::from_secs(1));
        wire.requests();
    }
    assert_eq!(dropped(&wire.events()), Some(&Cause::StalledReply));
}

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
    assert_eq!(refused.round(), 4_711);
    assert!(refused.0.events().iter().any(|event| {
        matches!(event, Event::SessionExpired { cause: ExpiryCause::ZxidAhead, session }
            if session.session_id == SESSION)
    }));
    let request = refused.ask();
    assert_eq!((request.session_id, request.last_zxid_seen), (0, 0));
}

fn with_credentials() -> Wire {
    let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    config.credentials = vec![Credential::new("digest", "user:pass"), Credential::new("ip", "x")];
    Wire::with(config)
}

#[test]
fn credentials_go_first_on_every_connection_and_connected_comes_after_the_acknowledgements() {
    let mut wire = with_credentials();
    wire.submit_with(0, OpCode::GET_DATA, None, WhenDisconnected::Wait);
    for session in [SESSION, SESSION] {
        wire.connect(session);
        wire.events();
        let sent = wire.requests();
        assert_eq!(
            sent.iter().map(|sent| (sent.xid, sent.op)).collect::<Vec<_>>(),
            [(-4, OpCode::AUTH), (-4, OpCode::AUTH)]
        );
        let packet = AuthPacket::from_bytes(&sent[0].body).unwrap();
        assert_eq!((packet.scheme, packet.auth.as_deref()), ("digest", Some(b"user:pass".as_ref())));
        wire.reply(-4, 0, ErrorCode::OK, b"");
        assert_eq!(wire.session.state(), State::Connecting);
        wire.reply(-4, 0, ErrorCode::OK, b"");
        assert_eq!(wire.session.state(), State::Connected);
        wire.lose();
    }
}

#[test]
fn a_refused_credential_is_told_and_tried_again_slowly() {
    let mut wire = with_credentials();
    wire.connect(SESSION);
    wire.events();
    wire.reply(-4, 0, ErrorCode::AUTH_FAILED, b"");
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::AuthFailed { scheme, .. }) if &**scheme == "digest")
    );
    wire.submit(1, OpCode::GET_DATA);
    assert!(matches!(wire.outcomes()[..], [(1, Err(RequestError::NotSent(Cause::AuthFailed { .. })))]));
    wire.advance(Duration::from_millis(999));
    assert!(wire.session.poll_connect().is_none(), "not at once");
    wire.advance(Duration::from_millis(1));
    assert_eq!(wire.connect(SESSION).session_id, SESSION, "the session is kept");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    wire.reply(-4, 0, ErrorCode::OK, b"");
    assert_eq!(wire.session.state(), State::Connected, "it heals");
}

#[test]
fn an_identity_added_while_connected_stays_if_it_is_accepted() {
    for (err, kept) in [(ErrorCode::OK, 1), (ErrorCode::AUTH_FAILED, 0)] {
        let mut wire = Wire::connected();
        wire.session.add_auth(Credential::new("digest", "user:pass"), 7);
        assert_eq!(wire.requests().len(), 1);
        wire.reply(-4, 0, err, b"");
        assert!(matches!(&wire.outcomes()[..], [(7, Ok(reply))] if reply.err == err));
        if err == ErrorCode::OK {
            wire.lose();
        } else {
            wire.advance(Duration::from_secs(2));
        }
        wire.connect(SESSION);
        assert_eq!(wire.requests().len(), kept);
    }
    let mut lost = Wire::connected();
    lost.session.add_auth(Credential::new("digest", "user:pass"), 7);
    lost.lose();
    assert_eq!(lost.outcomes(), [(7, Err(RequestError::Unknown(Cause::ConnectionClosed)))]);
}

#[test]
fn sasl_comes_before_everything_else() {
    let mut config = Config::new(vec![Host::new("zk1", 2181)]);
    config.sasl = Some(Sasl::digest_md5("patroni", "secret"));
    config.credentials = vec![Credential::new("digest", "user:pass")];
    let mut wire = Wire::with(config);
    wire.connect(SESSION);
    wire.events();
    let sent = wire.requests();
    assert_eq!(sent.iter().map(|sent| sent.op).collect::<Vec<_>>(), [OpCode::SASL]);
    assert_eq!(GetSASLRequest::from_bytes(&sent[0].body).unwrap().token.as_deref(), Some(b"".as_ref()));
    let challenge = Box::leak(
        SetSASLResponse { token: Some(Bytes::from_static(b"nonce=\"n\",algorithm=md5-sess")) }
            .to_bytes()
            .to_vec()
            .into_boxed_slice(),
    );
    wire.reply(sent[0].xid, 0, ErrorCode::OK, challenge);
    let sent = wire.requests();
    assert_eq!(sent.len(), 1);
    let answer = GetSASLRequest::from_bytes(&sent[0].body).unwrap().token.unwrap();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(
        answer.contains("digest-uri=\"zookeeper/zk-sasl-md5\"") && !answer.contains("secret"),
        "{answer}"
    );
    let impostor = Box::leak(
        SetSASLResponse { token: Some(Bytes::from_static(b"rspauth=0")) }
            .to_bytes()
            .to_vec()
            .into_boxed_slice(),
    );
    wire.reply(sent[0].xid, 0, ErrorCode::OK, impostor);
    assert!(
        matches!(dropped(&wire.events()), Some(Cause::AuthFailed { .. })),
        "the server must prove itself, too"
    );
    assert!(!format!("{:?}", wire.session).contains("secret"));
}

/// What the session asks of its driver about a suspected server, in short.
fn suspicions(wire: &mut Wire) -> Vec<&'static str> {
    let name = |event: Event<u32>| match event {
        Event::Probe { .. } => Some("probe"),
        Event::DialSpare(_) => Some("dial"),
        Event::DropSpare => Some("drop spare"),
        Event::UseSpare => Some("use spare"),
        Event::DropTransport(_) => Some("drop"),
        _ => None,
    };
    wire.events().into_iter().filter_map(name).collect()
}

/// Dials the spare that the session asks for.
fn open_spare(wire: &mut Wire) -> Host {
    wire.drain();
    let position = wire.events.iter().position(|event| matches!(event, Event::DialSpare(_)));
    let Event::DialSpare(round) = wire.events.remove(position.expect("a spare is wanted")) else {
        unreachable!()
    };
    let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: wire.now };
    wire.session.spare_opened(wire.now, &opened);
    opened.host
}

#[test]
fn a_silent_server_that_answers_no_probe_is_left_for_the_spare_after_twice_hedge_after() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(499));
    assert!(suspicions(&mut wire).is_empty());
    wire.advance(Duration::from_millis(1));
    wire.drain();
    assert!(wire.events.iter().any(|event| matches!(event, Event::Probe { .. })));
    let spare = open_spare(&mut wire);
    wire.events();
    assert!(wire.sent_frames().is_empty(), "nothing is sent on a spare");
    wire.advance(Duration::from_millis(499));
    assert_eq!(wire.session.state(), State::Connected, "a pause shorter than move_after moves nobody");
    wire.advance(Duration::from_millis(1));
    let events = wire.events();
    assert!(matches!(dropped(&events), Some(Cause::Suspected { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::UseSpare)));
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Reply { token: 0, outcome: Err(RequestError::Unknown(_)) }))
    );
    let frame = wire.sent_frames().remove(0);
    assert_eq!(ConnectRequest::from_bytes(&frame).unwrap().session_id, SESSION);
    wire.answer_connect(NEGOTIATED, SESSION, Some(false));
    assert_eq!(wire.session.state(), State::Connected);
    assert!(wire.events().iter().any(|event| matches!(event, Event::State(change)
        if change.to == State::Connected && change.server.as_ref() == Some(&spare))));
}

#[test]
fn a_server_that_answers_the_probe_is_waited_for_and_the_read_timeout_is_the_last_word() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(500));
    open_spare(&mut wire);
    let mut probes = 0;
    for _ in 0..14 {
        wire.drain();
        for event in std::mem::take(&mut wire.events) {
            if let Event::Probe { connection, .. } = event {
                probes += 1;
                wire.session.probe_answered(wire.now, connection);
            }
        }
        assert_eq!(wire.session.state(), State::Connected, "a slow quorum moves nobody");
        wire.advance(Duration::from_millis(500));
        wire.requests();
    }
    assert!(probes >= 12, "it is probed again and again: {probes}");
    for _ in 0..10 {
        wire.drain();
        for event in std::mem::take(&mut wire.events) {
            if let Event::Probe { connection, .. } = event {
                wire.session.probe_answered(wire.now, connection);
            }
        }
        wire.advance(Duration::from_millis(100));
        if wire.session.state() != State::Connected {
            break;
        }
    }
    assert!(
        wire.events()
            .iter()
            .any(|event| matches!(event, Event::DropTransport(Cause::ReadTimeout { .. }) | Event::UseSpare))
    );
}

#[test]
fn a_link_that_speaks_again_drops_the_spare() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(600));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);
    wire.reply(1, 1, ErrorCode::OK, b"");
    assert_eq!(suspicions(&mut wire), ["drop spare"]);
    // A spare that opens too late is not kept either.
    let late = Opened { host: Host::new("zk9", 2181), failed: vec![], started_at: wire.now };
    wire.session.spare_opened(wire.now, &late);
    assert_eq!(suspicions(&mut wire), ["drop spare"]);
    wire.advance(Duration::from_secs(3));
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_link_that_breaks_while_it_is_suspected_goes_to_the_spare_at_once() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    wire.advance(Duration::from_millis(600));
    open_spare(&mut wire);
    suspicions(&mut wire);
    wire.lose();
    assert_eq!(suspicions(&mut wire), ["use spare"]);
    assert_eq!(wire.sent_frames().len(), 1);
}

#[test]
fn an_idle_link_is_suspected_by_its_ping_and_slow_round_trips_are_allowed_for() {
    let mut wire = Wire::connected();
    wire.advance(Duration::from_millis(4_499));
    wire.requests();
    assert!(suspicions(&mut wire).is_empty());
    wire.advance(Duration::from_millis(1));
    assert_eq!(suspicions(&mut wire), ["probe", "dial"]);

    let mut slow = Wire::connected();
    for _ in 0..4 {
        slow.submit(0, OpCode::GET_DATA);
        let xid = slow.requests()[0].xid;
        slow.advance(Duration::from_millis(200));
        slow.reply(xid, 1, ErrorCode::OK, b"");
    }
    slow.submit(0, OpCode::GET_DATA);
    slow.requests();
    slow.events();
    slow.advance(Duration::from_millis(1_500));
    assert!(suspicions(&mut slow).is_empty(), "eight round trips of 200 ms have not passed");
    slow.advance(Duration::from_millis(200));
    assert_eq!(suspicions(&mut slow), ["probe", "dial"]);
}

#[test]
fn suspicion_can_be_turned_off_and_needs_a_second_server() {
    let mut off = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    off.suspicion = false;
    for config in [off, Config::new(vec![Host::new("zk1", 2181)])] {
        let mut wire = Wire::with(config);
        wire.connect(SESSION);
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire.events();
        wire.advance(Duration::from_millis(9_999));
        assert!(suspicions(&mut wire).is_empty());
        wire.advance(Duration::from_millis(1));
        assert_eq!(suspicions(&mut wire), ["drop"], "a third of the negotiated timeout");
    }
}

#[test]
fn another_list_of_servers_moves_the_session_only_if_it_must() {
    let mut wire = Wire::connected();
    let hosts = |names: &[&str]| names.iter().map(|name| Host::new(*name, 2181)).collect::<Vec<_>>();
    wire.session.set_hosts(wire.now, hosts(&["zk1", "zk2", "zk3"]));
    wire.session.set_hosts(wire.now, hosts(&["zk3", "zk2", "zk1", "zk4"]));
    assert_eq!(wire.session.state(), State::Connected, "the connected server is still in it");
    assert!(wire.events().is_empty());
    wire.session.set_hosts(wire.now, hosts(&["zk8", "zk9"]));
    assert_eq!(dropped(&wire.events()), Some(&Cause::Reconfigured));
    let mut round = wire.session.poll_connect().expect("at once").hosts;
    round.sort();
    assert_eq!(round, hosts(&["zk8", "zk9"]));
    // While nothing can be reached, a new list is tried at once.
    wire.session.dial_failed(wire.now, "zk8: refused; zk9: refused");
    wire.session.set_hosts(wire.now, hosts(&["zk5"]));
    assert_eq!(wire.connect(SESSION).session_id, SESSION, "the session is kept");
    assert_eq!(wire.session.state(), State::Connected);
}

#[test]
fn a_detached_session_can_be_resumed_by_another_client() {
    let mut wire = Wire::connected();
    wire.submit(0, OpCode::SET_DATA);
    wire.requests();
    let credentials = wire.session.detach(wire.now).expect("there is a session");
    assert!(wire.requests().is_empty(), "no closeSession");
    assert_eq!(wire.session.state(), State::Closed);
    assert!(!format!("{credentials:?}").contains('7'), "{credentials:?}");

    for (answer, generation_of_the_old) in [(SESSION, true), (99, false)] {
        let mut config = Config::new(vec![Host::new("zk1", 2181)]);
        config.resume =
            Some(SessionCredentials::new(credentials.session_id(), credentials.expose_password()));
        let mut heir = Wire::with(config);
        let request = heir.connect(answer);
        assert_eq!((request.session_id, request.password.as_ref()), (SESSION, [7; 16].as_ref()));
        let events = heir.events();
        let expired = events.iter().any(
            |event| matches!(event, Event::SessionExpired { session, .. } if session.session_id == SESSION),
        );
        assert_eq!(expired, !generation_of_the_old, "one that is over by then is announced as an expiry");
        assert!(events.iter().any(|event| matches!(event, Event::SessionEstablished(info)
            if info.session_id == answer && info.generation == 1)));
    }
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
