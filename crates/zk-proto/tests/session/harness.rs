//! `Wire` plays the driver and the server: it dials whatever the session wants, answers the handshake, and hands back the
//! frames the session sent. The clock stands still but for `Wire::advance`.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use zk_jute::{
    Decode, ErrorCode, EventType, FrameDecoder, FrameLimit, KeeperState, OpCode, Raw, Reader,
    records::{ConnectRequest, ConnectResponse, ReplyHeader, RequestHeader, WatcherEvent},
    write_frame,
    xid::WATCH_EVENT_XID,
};
use zk_proto::{
    Cause, Config, ConnectRound, Credential, Event, Host, Opened, Reply, Request, RequestError, Session,
    Timestamp, WatchId, WatchOn, WhenDisconnected,
};

pub(crate) const SESSION: i64 = 0x1234;
pub(crate) const NEGOTIATED: Duration = Duration::from_secs(30);
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// A request as the server sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) xid: i32,
    pub(crate) op: OpCode,
    pub(crate) body: Bytes,
}

pub(crate) struct Wire {
    pub(crate) session: Session<u32>,
    pub(crate) now: Timestamp,
    pub(crate) frames: FrameDecoder,
    pub(crate) sent: BytesMut,
    pub(crate) received: BytesMut,
    pub(crate) events: Vec<Event<u32>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
        config.read_timeout = Some(READ_TIMEOUT);
        Self::with(config)
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::seeded(config, 1)
    }

    pub(crate) fn seeded(config: Config, seed: u64) -> Self {
        let now = Timestamp::from_epoch(Duration::from_secs(1_000));
        Self {
            session: Session::new(config, now, seed),
            now,
            frames: FrameDecoder::new(FrameLimit::MAX),
            sent: BytesMut::new(),
            received: BytesMut::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn connected() -> Self {
        let mut wire = Self::new();
        wire.connect(SESSION);
        wire.events();
        wire
    }

    /// A session that has sent a write, token 0, and no more.
    pub(crate) fn awaiting_an_answer() -> Self {
        let mut wire = Self::connected();
        wire.submit(0, OpCode::SET_DATA);
        wire.requests();
        wire
    }

    /// Dials, and answers the handshake with this session.
    pub(crate) fn connect(&mut self, session_id: i64) -> ConnectRequest {
        let request = self.open();
        self.answer_connect(NEGOTIATED, session_id, Some(false));
        request
    }

    /// Dials the first host of the round and returns the connect request.
    pub(crate) fn open(&mut self) -> ConnectRequest {
        let round = self.round();
        let opened = Opened { host: round.hosts[0].clone(), failed: vec![], started_at: self.now };
        self.sent.clear();
        self.received.clear();
        self.frames = FrameDecoder::new(FrameLimit::MAX);
        self.session.transport_opened(self.now, opened);
        let frame = self.sent_frames().remove(0);
        ConnectRequest::from_bytes(&frame).unwrap()
    }

    pub(crate) fn round(&mut self) -> ConnectRound {
        self.drain();
        self.session.poll_connect().expect("a round of connects")
    }

    pub(crate) fn answer_connect(&mut self, timeout: Duration, session_id: i64, read_only: Option<bool>) {
        let timeout = i32::try_from(timeout.as_millis()).unwrap();
        let password = Bytes::from_static(&[7; 16]);
        let response = ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only };
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &response, &()).unwrap();
        self.receive(&bytes);
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        self.session.handle_bytes(self.now, &mut self.received);
    }

    pub(crate) fn reply(&mut self, xid: i32, zxid: i64, err: ErrorCode, body: &'static [u8]) {
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, &ReplyHeader { xid, zxid, err }, &Raw(Bytes::from_static(body))).unwrap();
        self.receive(&bytes);
    }

    /// Answers all of these at once.
    pub(crate) fn reply_all(&mut self, xids: &[i32]) {
        let mut bytes = BytesMut::new();
        for xid in xids {
            write_frame(&mut bytes, &ReplyHeader { xid: *xid, zxid: 1, err: ErrorCode::OK }, &()).unwrap();
        }
        self.receive(&bytes);
    }

    pub(crate) fn watcher_event(&mut self, event_type: EventType, path: &str) {
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

    pub(crate) fn sent_frames(&mut self) -> Vec<Bytes> {
        while self.session.poll_transmit(self.now, &mut self.sent) {}
        std::iter::from_fn(|| self.frames.decode(&mut self.sent).unwrap()).collect()
    }

    pub(crate) fn requests(&mut self) -> Vec<Sent> {
        let parse = |frame: Bytes| {
            let mut reader = Reader::new(&frame);
            let RequestHeader { xid, op } = RequestHeader::decode(&mut reader).unwrap();
            Sent { xid, op, body: reader.rest() }
        };
        self.sent_frames().into_iter().map(parse).collect()
    }

    pub(crate) fn submit(&mut self, token: u32, op: OpCode) {
        self.submit_with(token, op, None, WhenDisconnected::Fail);
    }

    pub(crate) fn submit_with(
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
    pub(crate) fn advance(&mut self, by: Duration) {
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

    pub(crate) fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    pub(crate) fn events(&mut self) -> Vec<Event<u32>> {
        self.drain();
        std::mem::take(&mut self.events)
    }

    pub(crate) fn outcomes(&mut self) -> Vec<(u32, Result<Reply, RequestError>)> {
        let outcome = |event| match event {
            Event::Reply { token, outcome } => Some((token, outcome)),
            _ => None,
        };
        self.events().into_iter().filter_map(outcome).collect()
    }

    pub(crate) fn lose(&mut self) {
        self.session.transport_lost(self.now, Cause::ConnectionClosed);
    }
}

pub(crate) fn dropped(events: &[Event<u32>]) -> Option<&Cause> {
    events.iter().find_map(|event| match event {
        Event::DropTransport(cause) => Some(cause),
        _ => None,
    })
}

pub(crate) fn with_credentials() -> Wire {
    let mut config = Config::new((1..=3).map(|n| Host::new(format!("zk{n}"), 2181)).collect());
    config.credentials = vec![Credential::new("digest", "user:pass"), Credential::new("ip", "x")];
    Wire::with(config)
}
