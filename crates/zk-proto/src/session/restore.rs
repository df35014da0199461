//! Restoring the watches on a new connection, before anything of the user's is sent.
//!
//! ```text
//!  granted ─┬─▶ in bulk: SetWatches, or SetWatches2 where there are persistent watches ─┬─▶ ready
//!           └─▶ one by one: exists, getChildren2 or addWatch for each watched path ─────┘
//!               (a server of an earlier connection did not know the other)
//! ```
//!
//! One by one does by reading what a server does for `SetWatches` (`DataTree.setWatches`): a node that has changed since
//! the zxid that the watches have seen fires them, and so does one that has come or gone.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use zk_jute::{
    AddWatchMode, Decode, Encode, ErrorCode, EventType, OpCode, Raw,
    records::{
        AddWatchRequest, ExistsRequest, ExistsResponse, GetChildren2Request, GetChildren2Response,
        ReplyHeader, RequestHeader,
    },
};

use super::link::Link;
use crate::{
    error::{Cause, ProtocolError},
    event::{Event, WatchNotice},
    outbound::put_frame,
    session::Session,
    set_watches::write_set_watches,
    state::State,
    time::Timestamp,
};

/// What is unanswered of a restoration.
#[derive(Debug, Default)]
pub(super) struct Restoring {
    /// `SetWatches` requests.
    bulk: usize,
    one_by_one: VecDeque<Restored>,
}

impl Restoring {
    pub(super) fn is_done(&self) -> bool {
        self.bulk == 0 && self.one_by_one.is_empty()
    }
}

/// A watched path whose request is unanswered.
#[derive(Debug)]
struct Restored {
    xid: i32,
    path: Arc<str>,
    list: List,
}

/// The list of watches it is on.
#[derive(Debug, Clone, Copy)]
enum List {
    Data,
    Exists,
    Children,
    Persistent(AddWatchMode),
}

/// Steps.
impl<T> Session<T> {
    pub(super) fn restore_watches(&mut self, now: Timestamp) {
        if self.op_support.set_watches.is_missing() {
            self.restore_one_by_one();
        } else if let Link::Established(established) = &mut self.link {
            established.restoring.bulk = write_set_watches(&self.watches, self.watches_zxid, &mut self.out);
        }
        self.ready_if_restored(now);
    }

    pub(super) fn set_watches_reply(&mut self, now: Timestamp, err: ErrorCode) -> Result<(), Cause> {
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let unanswered = &mut established.restoring.bulk;
        let Some(left) = unanswered.checked_sub(1) else {
            return Err(ProtocolError::Unsolicited { xid: zk_jute::xid::SET_WATCHES_XID }.into());
        };
        *unanswered = left;
        self.op_support.set_watches.answered(err);
        match err {
            ErrorCode::OK => {
                self.ready_if_restored(now);
                Ok(())
            }
            ErrorCode::UNIMPLEMENTED => Err(Cause::Unimplemented),
            err => Err(ProtocolError::SetWatches(err).into()),
        }
    }

    fn restore_one_by_one(&mut self) {
        if self.op_support.add_watch.is_missing() {
            let watches = self.watches.take_persistent(None);
            self.tell_unsupported(watches);
        }
        let watches = &self.watches;
        let lists = [
            (List::Data, &watches.data),
            (List::Exists, &watches.exists),
            (List::Children, &watches.children),
            (List::Persistent(AddWatchMode::PERSISTENT), &watches.persistent),
            (List::Persistent(AddWatchMode::PERSISTENT_RECURSIVE), &watches.recursive),
        ];
        let Link::Established(established) = &mut self.link else { return };
        for (list, path) in lists.iter().flat_map(|(list, paths)| paths.keys().map(move |path| (*list, path)))
        {
            let (op, body) = match list {
                List::Data | List::Exists => (OpCode::EXISTS, ExistsRequest { path, watch: true }.to_bytes()),
                List::Children => {
                    (OpCode::GET_CHILDREN2, GetChildren2Request { path, watch: true }.to_bytes())
                }
                List::Persistent(mode) => (OpCode::ADD_WATCH, AddWatchRequest { path, mode }.to_bytes()),
            };
            let xid = self.xids.next_xid();
            put_frame(&mut self.out, &RequestHeader { xid, op }, &Raw(body));
            established.restoring.one_by_one.push_back(Restored { xid, path: Arc::clone(path), list });
        }
    }

    /// Whether this is the answer that restoring one by one waits for.
    pub(super) fn is_restore_reply(&self, xid: i32) -> bool {
        match &self.link {
            Link::Established(established) => {
                established.restoring.one_by_one.front().is_some_and(|restored| restored.xid == xid)
            }
            _ => false,
        }
    }

    pub(super) fn restore_reply(
        &mut self,
        now: Timestamp,
        header: &ReplyHeader,
        body: &Bytes,
    ) -> Result<(), Cause> {
        let Link::Established(established) = &mut self.link else { return Ok(()) };
        let Some(Restored { path, list, .. }) = established.restoring.one_by_one.pop_front() else {
            return Ok(());
        };
        match header.err {
            ErrorCode::SESSION_MOVED => return Err(Cause::SessionMoved),
            ErrorCode::SESSION_EXPIRED => return Err(Cause::SessionExpired),
            _ => {}
        }
        if let List::Persistent(_) = list {
            self.op_support.add_watch.answered(header.err);
            if header.err == ErrorCode::UNIMPLEMENTED {
                return Err(Cause::Unimplemented);
            }
            if header.err != ErrorCode::OK {
                let watches = self.watches.take_persistent(Some(&path));
                self.tell_unsupported(watches);
            }
        } else if let Some(kind) = self.changed_meanwhile(list, header.err, body)? {
            self.tell_fired(kind, &path, None);
        }
        self.ready_if_restored(now);
        Ok(())
    }

    /// What has happened to a node since its watches last saw it. What cannot be seen is told as a change: whoever looks again
    /// is told why.
    fn changed_meanwhile(
        &self,
        list: List,
        err: ErrorCode,
        body: &Bytes,
    ) -> Result<Option<EventType>, ProtocolError> {
        let malformed =
            |source| ProtocolError::Decode { what: "answer to the restoration of a watch", source };
        let newer = |zxid| zxid > self.watches_zxid;
        Ok(match (list, err) {
            (List::Exists, ErrorCode::OK) => Some(EventType::NODE_CREATED),
            (List::Exists, ErrorCode::NO_NODE) => None,
            (_, ErrorCode::NO_NODE) => Some(EventType::NODE_DELETED),
            (List::Children, ErrorCode::OK) => {
                let stat = GetChildren2Response::from_bytes(body).map_err(malformed)?.stat;
                newer(stat.pzxid).then_some(EventType::NODE_CHILDREN_CHANGED)
            }
            (_, ErrorCode::OK) => {
                let stat = ExistsResponse::from_bytes(body).map_err(malformed)?.stat;
                newer(stat.mzxid).then_some(EventType::NODE_DATA_CHANGED)
            }
            (List::Children, _) => Some(EventType::NODE_CHILDREN_CHANGED),
            _ => Some(EventType::NODE_DATA_CHANGED),
        })
    }

    fn tell_unsupported(&mut self, watches: Vec<crate::request::WatchId>) {
        if !watches.is_empty() {
            self.events.push_back(Event::Watch { watches, notice: WatchNotice::Unsupported });
        }
    }

    /// The connection ended. If the server closed it where the answer to a request was due that not all servers know, it may
    /// be for that.
    pub(super) fn suspect_op(&mut self, cause: &Cause) {
        let Link::Established(established) = &self.link else { return };
        if !matches!(cause, Cause::ConnectionClosed | Cause::Io(_)) {
            return;
        }
        let restoring = &established.restoring;
        if !established.authenticating.is_empty() {
            // It is about those.
        } else if restoring.bulk > 0 {
            self.op_support.set_watches.closed();
        } else if matches!(restoring.one_by_one.front(), Some(Restored { list: List::Persistent(_), .. })) {
            self.op_support.add_watch.closed();
        } else if self.pending.oldest_sent_op() == Some(OpCode::REMOVE_WATCHES) {
            self.op_support.remove_watches.closed();
        }
    }

    pub(super) fn ready_if_restored(&mut self, now: Timestamp) {
        let Link::Established(established) = &mut self.link else { return };
        if established.sasl.is_none()
            && established.authenticating.is_empty()
            && established.restoring.is_done()
            && established.ready_since.is_none()
        {
            established.ready_since = Some(now);
            self.watches_zxid = self.last_zxid;
            self.hosts.end_round();
            let watches = self.watches.persistent_ids();
            if !watches.is_empty() {
                self.events.push_back(Event::Watch { watches, notice: WatchNotice::Resync });
            }
            self.change_state(now, State::Connected, None);
        }
    }
}
