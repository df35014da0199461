//! The requests of a session: waiting to be sent, and sent but unanswered, in the order of the calls.

use std::collections::VecDeque;

use bytes::Bytes;
use zk_jute::{EventType, OpCode};

use crate::{
    error::{Cause, RequestError},
    request::{Request, WatchId, WatchOn, WhenDisconnected},
    time::Timestamp,
};

/// One queue for both: the first `in_flight` slots are sent, the others wait.
///
/// A request that ends early (deadline, cancelled) leaves its slot behind, so that the replies that still come find the
/// request they belong to.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    slots: VecDeque<Slot<T>>,
    in_flight: usize,
    queued_bytes: usize,
    /// No request ends before this; `None` if none can. May be too early, never too late.
    next_deadline: Option<Timestamp>,
}

#[derive(Debug)]
pub(crate) struct Slot<T> {
    pub(crate) op: OpCode,
    /// Gone when the request has ended early.
    pub(crate) token: Option<T>,
    pub(crate) watch: Option<(WatchOn, WatchId)>,
    /// Nobody waits for the watch any more.
    pub(crate) watch_unwanted: bool,
    /// An event for the watch came before the answer.
    pub(crate) early_event: Option<EventType>,
    deadline: Option<Timestamp>,
    when_disconnected: WhenDisconnected,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Queued(Bytes),
    Sent {
        xid: i32,
        at: Timestamp,
    },
    /// Ended before it was sent; skipped.
    Void,
}

/// A reply found its request.
pub(crate) struct Matched<T> {
    pub(crate) slot: Slot<T>,
    pub(crate) sent_at: Timestamp,
}

/// A reply did not find its request.
pub(crate) enum Mismatch {
    Nothing,
    Expected(i32),
}

pub(crate) type Ended<T> = (T, RequestError);

impl<T> Pending<T> {
    pub(crate) fn new() -> Self {
        Self { slots: VecDeque::new(), in_flight: 0, queued_bytes: 0, next_deadline: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Those that were sent and are not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    pub(crate) fn push(&mut self, request: Request<T>) {
        self.queued_bytes = self.queued_bytes.saturating_add(request.body.len());
        self.next_deadline =
            Some(self.next_deadline.map_or(request.deadline, |earliest| earliest.min(request.deadline)));
        self.slots.push_back(Slot {
            op: request.op,
            token: Some(request.token),
            watch: request.watch,
            watch_unwanted: false,
            early_event: None,
            deadline: Some(request.deadline),
            when_disconnected: request.when_disconnected,
            stage: Stage::Queued(request.body),
        });
    }

    /// Queues a request of our own, whose answer nobody waits for; it does not outlive the connection.
    pub(crate) fn push_internal(&mut self, op: OpCode, body: Bytes) {
        self.push_unawaited(op, body, WhenDisconnected::Fail);
    }

    /// Queues the request that ends the session.
    pub(crate) fn push_close(&mut self) {
        self.push_unawaited(OpCode::CLOSE_SESSION, Bytes::new(), WhenDisconnected::Wait);
    }

    fn push_unawaited(&mut self, op: OpCode, body: Bytes, when_disconnected: WhenDisconnected) {
        self.queued_bytes = self.queued_bytes.saturating_add(body.len());
        self.slots.push_back(Slot {
            op,
            token: None,
            watch: None,
            watch_unwanted: false,
            early_event: None,
            deadline: None,
            when_disconnected,
            stage: Stage::Queued(body),
        });
    }

    /// Whether a request that is unanswered is to leave a watch on this path.
    pub(crate) fn will_watch(&self, path: &str) -> bool {
        self.slots.iter().any(|slot| slot.watch.as_ref().is_some_and(|(on, _)| on.path() == path))
    }

    /// The next request to send, which counts as sent from now on.
    pub(crate) fn send_next(
        &mut self,
        now: Timestamp,
        xid: impl FnOnce() -> i32,
    ) -> Option<(i32, OpCode, Bytes)> {
        loop {
            let slot = self.slots.get_mut(self.in_flight)?;
            self.in_flight = self.in_flight.saturating_add(1);
            match &mut slot.stage {
                Stage::Queued(body) => {
                    let body = std::mem::take(body);
                    let xid = xid();
                    slot.stage = Stage::Sent { xid, at: now };
                    self.queued_bytes = self.queued_bytes.saturating_sub(body.len());
                    return Some((xid, slot.op, body));
                }
                Stage::Sent { .. } | Stage::Void => {}
            }
        }
    }

    /// When the oldest unanswered request was sent.
    pub(crate) fn oldest_sent(&self) -> Option<Timestamp> {
        self.slots.iter().take(self.in_flight).find_map(|slot| match slot.stage {
            Stage::Sent { at, .. } => Some(at),
            Stage::Queued(_) | Stage::Void => None,
        })
    }

    /// The operation of the oldest unanswered request.
    pub(crate) fn oldest_sent_op(&self) -> Option<OpCode> {
        let sent = self.slots.iter().take(self.in_flight);
        sent.filter(|slot| matches!(slot.stage, Stage::Sent { .. })).map(|slot| slot.op).next()
    }

    /// Takes the request that a reply with this xid answers: the oldest unanswered one, or it is a mismatch.
    pub(crate) fn take_answered(&mut self, got: i32) -> Result<Matched<T>, Mismatch> {
        self.drop_void_front();
        match self.slots.front().map(|slot| &slot.stage) {
            Some(&Stage::Sent { xid, at }) if xid == got => {
                self.in_flight = self.in_flight.saturating_sub(1);
                match self.slots.pop_front() {
                    Some(slot) => Ok(Matched { slot, sent_at: at }),
                    None => Err(Mismatch::Nothing),
                }
            }
            Some(&Stage::Sent { xid, .. }) => Err(Mismatch::Expected(xid)),
            Some(Stage::Queued(_) | Stage::Void) | None => Err(Mismatch::Nothing),
        }
    }

    fn drop_void_front(&mut self) {
        while matches!(self.slots.front().map(|slot| &slot.stage), Some(Stage::Void)) {
            self.slots.pop_front();
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// The connection ended: what was sent is unknown, what was not is not sent or goes on waiting. The end of the session is
    /// asked for again: without an answer it may live on, and asking twice does no harm.
    pub(crate) fn connection_lost(&mut self, cause: &Cause) -> Vec<Ended<T>> {
        let sent = self.in_flight.min(self.slots.len());
        let mut ended = Vec::new();
        let mut closing = false;
        for slot in self.slots.drain(..sent) {
            closing |= slot.op == OpCode::CLOSE_SESSION;
            if let Some(token) = slot.token {
                ended.push((token, RequestError::Unknown(cause.clone())));
            }
        }
        self.in_flight = 0;
        self.retain_queued(
            |slot| slot.when_disconnected == WhenDisconnected::Wait,
            || RequestError::NotSent(cause.clone()),
            &mut ended,
        );
        if closing {
            self.push_close();
        }
        ended
    }

    /// Ends everything that waits to be sent.
    pub(crate) fn fail_queued(&mut self, error: &RequestError) -> Vec<Ended<T>> {
        let mut ended = Vec::new();
        self.retain_queued(|_| false, || error.clone(), &mut ended);
        ended
    }

    fn retain_queued(
        &mut self,
        keep: impl Fn(&Slot<T>) -> bool,
        error: impl Fn() -> RequestError,
        ended: &mut Vec<Ended<T>>,
    ) {
        let waiting = self.slots.split_off(self.in_flight.min(self.slots.len()));
        for mut slot in waiting {
            if (slot.token.is_some() || slot.op == OpCode::CLOSE_SESSION) && keep(&slot) {
                self.slots.push_back(slot);
                continue;
            }
            if let Stage::Queued(body) = &slot.stage {
                self.queued_bytes = self.queued_bytes.saturating_sub(body.len());
            }
            if let Some(token) = slot.token.take() {
                ended.push((token, error()));
            }
        }
    }

    /// An event came that no watch waits for: those of unanswered requests may be meant.
    pub(crate) fn event_without_watch(&mut self, kind: EventType, path: &str) {
        for slot in self.slots.iter_mut().take(self.in_flight) {
            if slot.watch.as_ref().is_some_and(|(on, _)| on.concerns(kind, path)) {
                slot.early_event = Some(kind);
            }
        }
    }

    /// The watch of a request that is still unanswered is not wanted any more. The server will leave it all the same.
    pub(crate) fn forget_watch(&mut self, id: WatchId) {
        for slot in &mut self.slots {
            if slot.watch.as_ref().is_some_and(|(_, watch)| *watch == id) {
                slot.watch_unwanted = true;
            }
        }
    }

    /// When [`expire`](Self::expire) should be called next.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.next_deadline.filter(|_| !self.slots.is_empty())
    }

    /// Ends the requests whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Ended<T>> {
        if self.next_deadline.is_none_or(|deadline| deadline > now) {
            return Vec::new();
        }
        let mut ended = Vec::new();
        let mut next: Option<Timestamp> = None;
        for slot in &mut self.slots {
            let (Some(deadline), true) = (slot.deadline, slot.token.is_some()) else { continue };
            if deadline > now {
                next = Some(next.map_or(deadline, |earliest| earliest.min(deadline)));
                continue;
            }
            let error = match &slot.stage {
                Stage::Queued(body) => {
                    self.queued_bytes = self.queued_bytes.saturating_sub(body.len());
                    slot.stage = Stage::Void;
                    RequestError::NotSent(Cause::Deadline)
                }
                Stage::Sent { .. } | Stage::Void => RequestError::Unknown(Cause::Deadline),
            };
            if let Some(token) = slot.token.take() {
                ended.push((token, error));
            }
        }
        self.next_deadline = next;
        // Requests that ended before they were sent need no slot: no reply will come for them.
        let in_flight = self.in_flight;
        let mut index = 0usize;
        self.slots.retain(|slot| {
            let keep = index < in_flight || !matches!(slot.stage, Stage::Void);
            index = index.saturating_add(1);
            keep
        });
        ended
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_epoch(Duration::from_secs(secs))
    }

    fn request(token: u32, deadline: u64, when_disconnected: WhenDisconnected) -> Request<u32> {
        Request {
            op: OpCode::GET_DATA,
            body: Bytes::from_static(b"body"),
            watch: None,
            deadline: at(deadline),
            when_disconnected,
            token,
        }
    }

    fn send(pending: &mut Pending<u32>, xid: i32) {
        assert_eq!(pending.send_next(at(0), || xid).map(|(xid, ..)| xid), Some(xid));
    }

    #[test]
    fn a_request_that_timed_out_keeps_its_place_for_the_reply() {
        let mut pending = Pending::new();
        for token in 0..3 {
            pending.push(request(token, u64::from(token) + 1, WhenDisconnected::Fail));
        }
        send(&mut pending, 1);
        send(&mut pending, 2);
        assert_eq!(pending.expire(at(1)), [(0, RequestError::Unknown(Cause::Deadline))]);
        assert_eq!(
            pending.expire(at(3)),
            [(1, RequestError::Unknown(Cause::Deadline)), (2, RequestError::NotSent(Cause::Deadline)),]
        );
        assert_eq!((pending.len(), pending.queued_bytes()), (2, 0), "the unsent one is gone whole");
        assert!(pending.take_answered(1).is_ok_and(|matched| matched.slot.token.is_none()));
        assert!(pending.take_answered(2).is_ok());
        assert!(matches!(pending.take_answered(3), Err(Mismatch::Nothing)));
    }

    #[test]
    fn replies_match_in_order_only() {
        let mut pending = Pending::new();
        pending.push(request(0, 9, WhenDisconnected::Fail));
        pending.push(request(1, 9, WhenDisconnected::Fail));
        assert!(matches!(pending.take_answered(7), Err(Mismatch::Nothing)), "nothing was sent yet");
        send(&mut pending, 7);
        send(&mut pending, 8);
        assert!(matches!(pending.take_answered(8), Err(Mismatch::Expected(7))));
        assert!(pending.take_answered(7).is_ok());
        assert!(pending.take_answered(8).is_ok());
    }

    #[test]
    fn a_lost_connection_tells_sent_from_not_sent() {
        let mut pending = Pending::new();
        pending.push(request(0, 9, WhenDisconnected::Wait));
        send(&mut pending, 1);
        pending.push(request(1, 9, WhenDisconnected::Fail));
        pending.push(request(2, 9, WhenDisconnected::Wait));
        let lost = Cause::ConnectionClosed;
        assert_eq!(
            pending.connection_lost(&lost),
            [(0, RequestError::Unknown(lost.clone())), (1, RequestError::NotSent(lost.clone())),]
        );
        assert_eq!((pending.len(), pending.queued_bytes()), (1, 4));
        send(&mut pending, 2);
        assert!(pending.take_answered(2).is_ok_and(|matched| matched.slot.token == Some(2)));
    }
}
