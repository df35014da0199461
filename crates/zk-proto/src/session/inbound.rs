//! Bytes from the server: the connect response, replies and events.

use bytes::{Buf, Bytes, BytesMut};
use zk_jute::{
    Decode, ErrorCode, EventType, FrameLimit, OpCode, Reader,
    records::{ReplyHeader, WatcherEvent},
    xid::{AUTH_XID, PING_XID, SET_WATCHES_XID, WATCH_EVENT_XID},
};

use super::{is_committed_write, link::Link, reading::Delivery};
use crate::{
    error::{Cause, ProtocolError},
    event::{Event, Reply, WatchNotice},
    handshake::{Answer, interpret},
    pending::{Matched, Mismatch},
    request::{WatchId, WatchOn},
    session::Session,
    time::Timestamp,
};

impl<T> Session<T> {
    /// Bytes arrived; complete frames are taken out of `buf`, the rest stays for the next call. `buf` belongs to one
    /// connection: start each with an empty one.
    pub fn handle_bytes(&mut self, now: Timestamp, buf: &mut BytesMut) {
        if let Link::Established(established) = &mut self.link {
            established.liveness.received(now);
            self.last_heard = self.last_heard.max(now);
            self.calm();
        }
        let mut took_frames = false;
        let (bytes, in_flight) = (buf.len(), self.pending.in_flight());
        loop {
            let limit = match &self.link {
                Link::Handshaking { .. } => FrameLimit::CONNECT_RESPONSE,
                Link::Established(_) => self.config.max_frame,
                Link::Idle { .. } | Link::Dialing { .. } | Link::Closed => {
                    buf.clear();
                    return;
                }
            };
            self.frames.set_limit(limit);
            match self.frames.decode(buf) {
                Ok(Some(frame)) => {
                    took_frames = true;
                    let handled = match &self.link {
                        Link::Handshaking { .. } => self.connect_response(now, &frame),
                        _ => self.reply_or_event(now, frame),
                    };
                    if let Err(cause) = handled {
                        self.lose_link(now, cause);
                    }
                }
                Ok(None) => break,
                Err(error) => self.lose_link(now, ProtocolError::Frame(error).into()),
            }
        }
        self.delivery = Delivery {
            bytes,
            taken: bytes.saturating_sub(buf.len()),
            answered: in_flight.saturating_sub(self.pending.in_flight()),
            in_flight,
        };
        if let Link::Established(established) = &mut self.link {
            let incomplete = self.frames.is_mid_frame() || !buf.is_empty();
            established.liveness.partial_frame(now, took_frames, incomplete);
        }
    }

    fn connect_response(&mut self, now: Timestamp, frame: &Bytes) -> Result<(), Cause> {
        let asked = self.session_to_resume().map_or(0, |granted| granted.session_id);
        // Whether the ensemble was set back is not for a server to tell that may just be behind it.
        let allow_read_only = self.config.allow_read_only && (asked == 0 || !self.is_probing());
        match interpret(frame, asked, allow_read_only)? {
            Answer::Granted(granted) => self.session_granted(now, granted),
            Answer::Expired => self.session_refused(now),
        }
        Ok(())
    }

    fn reply_or_event(&mut self, now: Timestamp, mut frame: Bytes) -> Result<(), Cause> {
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut reader)
            .map_err(|source| ProtocolError::Decode { what: "reply header", source })?;
        if header.xid == WATCH_EVENT_XID {
            return self.watcher_event(&mut reader, header.zxid);
        }
        // The same handle on the bytes, and not one more: this is done for every reply.
        let header_len = frame.len().saturating_sub(reader.remaining());
        frame.advance(header_len);
        let body = frame;
        let seen = (self.last_zxid, self.watches_zxid);
        // Events carry zxids of their own that say nothing about what this session has seen (ZOOKEEPER-4655).
        self.last_zxid = self.last_zxid.max(header.zxid);
        if self.link.is_ready() {
            self.watches_zxid = self.last_zxid;
        }
        let handled = match header.xid {
            PING_XID => self.pong(now),
            SET_WATCHES_XID => self.set_watches_reply(now, header.err),
            AUTH_XID => self.auth_reply(now, &header),
            xid if self.is_sasl_reply(xid) => self.sasl_reply(now, &header, &body),
            xid if self.is_restore_reply(xid) => self.restore_reply(now, &header, &body),
            xid => self.reply(now, xid, header, body),
        };
        // A reply that is none tells nothing: with a zxid that no server has, all of them would refuse the session.
        if let Err(Cause::Protocol(_)) = handled {
            (self.last_zxid, self.watches_zxid) = seen;
        }
        handled
    }

    fn pong(&mut self, now: Timestamp) -> Result<(), Cause> {
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let sent_at = established.liveness.ponged().ok_or(ProtocolError::Unsolicited { xid: PING_XID })?;
        self.quorum_proof.answered(now, sent_at);
        let round_trip = now.since(sent_at);
        self.measured(round_trip);
        self.events.push_back(Event::Pong { round_trip });
        Ok(())
    }

    fn reply(&mut self, now: Timestamp, xid: i32, header: ReplyHeader, body: Bytes) -> Result<(), Cause> {
        let Matched { slot, sent_at } =
            self.pending.take_answered(xid).map_err(|mismatch| match mismatch {
                Mismatch::Nothing => ProtocolError::Unsolicited { xid },
                Mismatch::Expected(expected) => ProtocolError::XidMismatch { expected, got: xid },
            })?;
        self.quorum_proof.answered(now, sent_at);
        self.measured(now.since(sent_at));
        if slot.op == OpCode::CLOSE_SESSION {
            self.finish_close(now);
            return Ok(());
        }
        // Without a quorum nothing is committed, whatever is answered.
        if header.err == ErrorCode::OK && is_committed_write(slot.op) && !self.is_read_only() {
            self.quorum_proof.committed(sent_at);
        }
        if slot.op == OpCode::REMOVE_WATCHES {
            self.op_support.remove_watches.answered(header.err);
        }
        let unwanted = slot.watch_unwanted || slot.token.is_none();
        if let Some(token) = slot.token {
            let reply = Reply {
                err: header.err,
                zxid: header.zxid,
                body,
                sent_at,
                generation: self.generation,
                connection: self.connection,
            };
            self.events.push_back(Event::Reply { token, outcome: Ok(reply) });
        }
        if let Some((on, id)) = slot.watch {
            self.arm(on, id, header.err, slot.early_event.filter(|_| !unwanted));
            // The server has left the watch although nobody waits for it any more.
            if unwanted {
                self.forget_watch(id);
            }
        }
        match header.err {
            // These two are about the session, not the request: another connection will tell what became of it.
            ErrorCode::SESSION_MOVED => Err(Cause::SessionMoved),
            ErrorCode::SESSION_EXPIRED => Err(Cause::SessionExpired),
            // The server closes the connection behind this answer (`UnimplementedRequestProcessor`). What waits to be sent
            // goes to the next one.
            ErrorCode::UNIMPLEMENTED => Err(Cause::Unimplemented),
            _ => Ok(()),
        }
    }

    /// Arms the watch of a request that was answered; fires it at once if its event came before the answer.
    fn arm(&mut self, on: WatchOn, id: WatchId, err: ErrorCode, early_event: Option<EventType>) {
        let found = match err {
            ErrorCode::OK => true,
            ErrorCode::NO_NODE => false,
            _ => return,
        };
        match early_event {
            // What it was about is not known any more: whoever watches must look.
            Some(_) if found && on.is_persistent() => {
                self.watches.arm(on, id, found);
                self.events.push_back(Event::Watch { watches: vec![id], notice: WatchNotice::Resync });
            }
            Some(kind) if found || matches!(on, WatchOn::Exists(_)) => {
                let notice = WatchNotice::Event { kind, path: on.path().to_owned(), zxid: None };
                self.events.push_back(Event::Watch { watches: vec![id], notice });
            }
            _ => self.watches.arm(on, id, found),
        }
    }

    fn watcher_event(&mut self, reader: &mut Reader<'_>, zxid: i64) -> Result<(), Cause> {
        let event = WatcherEvent::decode(reader)
            .map_err(|source| ProtocolError::Decode { what: "watcher event", source })?;
        let zxid = Some(zxid).filter(|zxid| *zxid > 0);
        if !self.tell_fired(event.event_type, event.path, zxid) {
            // Ordinary: the watch was forgotten here, but not on the server. Or the event has overtaken the answer to the
            // request that leaves the watch, which some servers allow.
            self.pending.event_without_watch(event.event_type, event.path);
        }
        Ok(())
    }
    /// Tells the watches that an event fires. `false` if there are none.
    pub(super) fn tell_fired(&mut self, kind: EventType, path: &str, zxid: Option<i64>) -> bool {
        let watches = self.watches.fire(kind, path);
        let any = !watches.is_empty();
        if any {
            let notice = WatchNotice::Event { kind, path: path.to_owned(), zxid };
            self.events.push_back(Event::Watch { watches, notice });
        }
        any
    }
}
