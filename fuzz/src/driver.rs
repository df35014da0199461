//! A driver and the network around it, for a session that is fed whatever an input says. It keeps the contract of
//! [`Session`]; the other end need not.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use zk_jute::records::{ConnectRequest, ConnectResponse, ReplyHeader, RequestHeader};
use zk_jute::{Decode, Encode, ErrorCode, FrameDecoder, FrameLimit, OpCode, Raw, Reader, write_frame, xid};
use zk_proto::{
    Cause, Config, ConnectRound, Credential, Event, Opened, Phase, Request, Session, State, Timestamp,
    WatchId, WatchOn, WhenDisconnected,
};

/// The password of every session that is granted honestly. It is no UTF-8: a server cannot make a client send it as text.
pub(crate) const PASSWORD: [u8; 16] = *b"\xff\xfeno text at a\xfd\xfc";

/// The credential of the user. It is not to be seen either.
pub(crate) const CREDENTIAL: &str = "user:0therwise-h1dden";

/// Requests that may be pending.
pub(crate) const MAX_REQUESTS: usize = 8;

/// Bytes that may wait.
const MAX_QUEUED_BYTES: usize = 4_096;

pub(crate) struct Driver {
    pub(crate) session: Session<u32>,
    pub(crate) now: Timestamp,
    /// What the session wants dialled, not yet answered.
    pub(crate) round: Option<ConnectRound>,
    /// The same of a spare.
    pub(crate) spare_round: Option<ConnectRound>,
    /// The connection of the last event that names one.
    pub(crate) connection: u64,
    /// Does the link take bytes? If not, they wait in the session.
    pub(crate) writable: bool,
    /// The xids of what the server has read and not answered.
    pub(crate) asked: VecDeque<i32>,
    pub(crate) connect_request: Option<ConnectRequest>,
    pub(crate) dropped: Vec<Cause>,
    pub(crate) replies: usize,
    open: BTreeSet<u32>,
    next_token: u32,
    watches: u64,
    /// Requests of the session's own that may be pending.
    own: usize,
    received: BytesMut,
    sent: BytesMut,
    frames: FrameDecoder,
    /// Has the connect request gone out?
    greeted: bool,
    /// The session that was held when the transport opened.
    ours: Option<i64>,
}

impl Driver {
    pub(crate) fn new(mut config: Config) -> Self {
        config.max_requests = MAX_REQUESTS;
        config.max_queued_bytes = MAX_QUEUED_BYTES;
        let now = Timestamp::from_epoch(Duration::from_secs(1_000));
        let mut driver = Self {
            session: Session::new(config, now, 1),
            now,
            round: None,
            spare_round: None,
            connection: 0,
            writable: true,
            asked: VecDeque::new(),
            connect_request: None,
            dropped: Vec::new(),
            replies: 0,
            open: BTreeSet::new(),
            next_token: 0,
            watches: 0,
            own: 0,
            received: BytesMut::new(),
            sent: BytesMut::new(),
            frames: FrameDecoder::new(FrameLimit::MAX),
            greeted: false,
            ours: None,
        };
        driver.settle();
        driver
    }

    /// What the contract asks for after every call, and what must hold then.
    pub(crate) fn settle(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.event(event);
        }
        if let Some(round) = self.session.poll_connect() {
            assert!(round.stagger <= round.budget, "{round:?}");
            self.round = Some(round);
        }
        if self.writable {
            self.transmit();
        }
        let pending = self.session.pending_requests();
        assert!(pending <= MAX_REQUESTS + self.own, "{pending} requests are pending");
        assert!(self.open.len() <= pending + self.own, "{:?} have no end in sight", self.open);
        assert_eq!(self.session.state() == State::Closed, self.session.phase() == Phase::Closed);
        assert!(self.session.phase() != Phase::Ready || self.session.state() == State::Connected);
        assert!(self.session.state() != State::Connected || self.session.phase() == Phase::Ready);
        if self.session.state() == State::Closed {
            assert_eq!((pending, self.session.watches()), (0, 0), "something outlives the end");
            assert!(self.session.session().is_none() && self.session.poll_timeout().is_none());
        }
    }

    fn event(&mut self, event: Event<u32>) {
        match event {
            Event::Reply { token, outcome: _ } => {
                assert!(self.open.remove(&token), "request {token} ended twice");
                self.replies += 1;
            }
            Event::DropTransport(cause) => {
                assert!(!cause.to_string().is_empty() && !cause.kind().is_empty());
                self.dropped.push(cause);
                self.transport_gone();
            }
            Event::UseSpare => self.transport_new(),
            Event::DialSpare(round) => self.spare_round = Some(round),
            Event::DropSpare => self.spare_round = None,
            Event::Probe { connection, .. }
            | Event::FindReadWrite { connection, .. }
            | Event::SaslStep { connection, .. } => self.connection = connection,
            Event::Watch { watches, .. } => assert!(!watches.is_empty(), "a notice for nobody"),
            Event::SessionEstablished(info) => {
                assert!(!info.negotiated_timeout.is_zero() && info.session_id != 0)
            }
            _ => {}
        }
    }

    fn transport_gone(&mut self) {
        self.received.clear();
        self.asked.clear();
        self.connect_request = None;
        self.greeted = true;
    }

    fn transport_new(&mut self) {
        self.transport_gone();
        self.sent.clear();
        self.frames = FrameDecoder::new(FrameLimit::MAX);
        self.greeted = false;
        self.ours = self.session.credentials().map(|ours| ours.session_id());
        self.own = self.own.min(1);
    }

    fn transmit(&mut self) {
        while self.session.poll_transmit(self.now, &mut self.sent) {}
        while let Some(frame) = self.frames.decode(&mut self.sent).expect("frames of the session") {
            if !std::mem::replace(&mut self.greeted, true) {
                let request = ConnectRequest::from_bytes(&frame).expect("a connect request comes first");
                assert!(
                    request.session_id == 0 || Some(request.session_id) == self.ours,
                    "another's session"
                );
                self.connect_request = Some(request);
                continue;
            }
            assert!(
                !frame.windows(16).any(|part| part == PASSWORD),
                "the password in another request: {frame:?}"
            );
            let mut reader = Reader::new(&frame);
            let header = RequestHeader::decode(&mut reader).expect("a request");
            let RequestHeader { xid, op } = header;
            let reserved = match op {
                OpCode::PING => xid == xid::PING_XID,
                OpCode::AUTH => xid == xid::AUTH_XID,
                OpCode::SET_WATCHES | OpCode::SET_WATCHES2 => xid == xid::SET_WATCHES_XID,
                _ => xid > 0,
            };
            assert!(reserved, "{op:?} goes out as {xid}");
            self.asked.push_back(xid);
        }
        assert!(self.sent.is_empty(), "a frame that is not whole");
    }

    /// Moves the clock, doing everything that is due on the way.
    pub(crate) fn advance(&mut self, by: Duration) {
        let end = self.now.after(by);
        // Pings are the most frequent: every 5 ms at least.
        for _ in 0..100_000 {
            let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            let next = self.session.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "due at {due:?}, and at {next:?} again");
            self.settle();
        }
        panic!("too much is due within {by:?}");
    }

    /// The transport opens that the session waits for, if it does.
    pub(crate) fn open(&mut self, failed: usize) {
        let Some(round) = self.round.take() else { return };
        let failed = failed % round.hosts.len().max(1);
        let Some(host) = round.hosts.get(failed) else {
            self.session.dial_failed(self.now, "nobody to dial");
            self.settle();
            return;
        };
        let failed = round.hosts[..failed].to_vec();
        self.transport_new();
        self.session.transport_opened(self.now, Opened { host: host.clone(), failed, started_at: self.now });
        self.settle();
    }

    pub(crate) fn dial_failed(&mut self) {
        if self.round.take().is_some() {
            self.session.dial_failed(self.now, "refused");
            self.settle();
        }
    }

    pub(crate) fn lose(&mut self, cause: Cause) {
        self.transport_gone();
        self.session.transport_lost(self.now, cause);
        self.settle();
    }

    /// Is there a transport to send bytes on?
    pub(crate) fn has_transport(&self) -> bool {
        !matches!(self.session.phase(), Phase::Waiting | Phase::Dialing | Phase::Closed)
    }

    /// Bytes of the server.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        if !self.has_transport() {
            return;
        }
        self.received.extend_from_slice(bytes);
        let before = self.received.len();
        self.session.handle_bytes(self.now, &mut self.received);
        assert!(self.received.len() <= before, "bytes out of nothing");
        self.settle();
    }

    pub(crate) fn receive_frame(&mut self, head: &impl Encode, body: &[u8]) {
        let mut bytes = BytesMut::new();
        write_frame(&mut bytes, head, &Raw(Bytes::copy_from_slice(body)))
            .expect("smaller than a frame can be");
        self.receive(&bytes);
    }

    pub(crate) fn grant(&mut self, session_id: i64, timeout: i32, password: &[u8], read_only: Option<bool>) {
        let password = Bytes::copy_from_slice(password);
        self.connect_request = None;
        let response = ConnectResponse { protocol_version: 0, timeout, session_id, password, read_only };
        self.receive_frame(&response, b"");
    }

    pub(crate) fn reply(&mut self, xid: i32, zxid: i64, err: ErrorCode, body: &[u8]) {
        self.receive_frame(&ReplyHeader { xid, zxid, err }, body);
    }

    pub(crate) fn submit(
        &mut self,
        op: OpCode,
        watch: Option<(WatchOn, WatchId)>,
        deadline: Duration,
        when: WhenDisconnected,
        body: &'static [u8],
    ) {
        let token = self.token();
        let request = Request {
            op,
            body: Bytes::from_static(body),
            watch,
            deadline: self.now.after(deadline),
            when_disconnected: when,
            token,
        };
        self.session.submit(self.now, request);
        self.settle();
    }

    pub(crate) fn add_auth(&mut self) {
        let token = self.token();
        self.own += 1;
        self.session.add_auth(Credential::new("digest", CREDENTIAL), token);
        self.settle();
    }

    pub(crate) fn forget_watch(&mut self, id: WatchId) {
        self.own += 1;
        self.session.forget_watch(id);
        self.settle();
    }

    pub(crate) fn close(&mut self) {
        self.own += 1;
        self.session.close(self.now);
        self.settle();
    }

    /// A watch that has not been asked for yet.
    pub(crate) fn next_watch(&mut self) -> WatchId {
        self.watches += 1;
        WatchId(self.watches)
    }

    fn token(&mut self) -> u32 {
        self.next_token += 1;
        self.open.insert(self.next_token);
        self.next_token
    }

    /// With a server that answers as it should, the session is usable, whatever was before.
    pub(crate) fn recovers(&mut self, session_id: i64) {
        for _ in 0..64 {
            if self.session.state() == State::Connected {
                return;
            }
            if self.round.is_some() {
                self.open(0);
            } else if self.connect_request.is_some() {
                self.grant(session_id, 10_000, &PASSWORD, Some(false));
            } else if let Some(xid) = self.asked.pop_front() {
                self.reply(xid, 1, ErrorCode::OK, b"");
            } else {
                self.advance(Duration::from_millis(500));
            }
        }
        panic!("{:?} for good: {:?}", self.session.phase(), self.session.last_cause());
    }

    /// The end: everything has one, and no secret has been shown.
    pub(crate) fn finish(mut self) {
        let shown = format!("{:?} {:?}", self.session, self.dropped);
        let parts = ["255, 254, 110", "\\xff\\xfeno", CREDENTIAL, "0therwise"];
        assert!(parts.iter().all(|part| !shown.contains(part)), "a secret is shown: {shown}");
        self.close();
        self.advance(Duration::from_secs(3));
        assert_eq!(self.session.state(), State::Closed);
        assert!(self.open.is_empty(), "{:?} never ended", self.open);
        assert_eq!(self.session.poll_timeout(), None);
    }
}
