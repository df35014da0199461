//! What is due when.

use zk_jute::{OpCode, records::RequestHeader, xid::PING_XID};

use super::link::{Established, Link};
use crate::{error::Cause, outbound::put_frame, session::Session, state::State, time::Timestamp};

impl<T> Session<T> {
    /// Does what is due at `now`. Calling it early or twice does no harm.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let ended = self.pending.expire(now);
        self.end_requests(ended);
        if self.closing_at().is_some_and(|at| at <= now) {
            self.finish_close(now);
        }
        match &self.link {
            Link::Idle { retry_at } if *retry_at <= now => self.start_dialing(now),
            Link::Handshaking { deadline, .. } if *deadline <= now => {
                self.lose_link(now, Cause::HandshakeTimeout);
            }
            Link::Established(_) => self.check_liveness(now),
            Link::Idle { .. } | Link::Dialing { .. } | Link::Handshaking { .. } | Link::Closed => {}
        }
        // At the end: a link that ends here may have been silent for longer than the session lasts, after a freeze.
        if self.lost_at().is_some_and(|at| at <= now) {
            let cause = self.last_cause.clone();
            self.change_state(now, State::Lost, cause);
        }
    }

    fn check_liveness(&mut self, now: Timestamp) {
        let Link::Established(established) = &mut self.link else { return };
        if established.ping_at().is_some_and(|at| at <= now) {
            established.liveness.pinged(now);
            put_frame(&mut self.out, &RequestHeader { xid: PING_XID, op: OpCode::PING }, &());
        }
        if self.dead_at().is_some_and(|at| at <= now) {
            let silent = now.since(self.last_heard);
            self.lose_link(now, Cause::ReadTimeout { silent });
        } else if let Some(cause) = self.step_overdue(now) {
            self.lose_link(now, cause);
        } else if self.stalled_at().is_some_and(|at| at <= now) {
            self.lose_link(now, Cause::StalledReply);
        } else {
            self.check_suspicion(now);
            self.check_read_only(now);
        }
    }

    pub(super) fn closing_at(&self) -> Option<Timestamp> {
        if self.state == State::Closed { None } else { self.closing }
    }

    /// When the session is to be presumed expired.
    pub(super) fn lost_at(&self) -> Option<Timestamp> {
        let granted = self.granted.as_ref().filter(|_| self.state == State::Connecting)?;
        Some(self.last_heard.after(granted.negotiated_timeout))
    }

    pub(super) fn link_timeout(&self) -> Option<Timestamp> {
        match &self.link {
            Link::Idle { retry_at } => Some(*retry_at),
            Link::Handshaking { deadline, .. } => Some(*deadline),
            Link::Established(established) => [
                established.ping_at(),
                self.dead_at(),
                self.stalled_at(),
                self.suspicion_at(),
                established.step_due(),
                self.read_write_search_at(),
            ]
            .into_iter()
            .flatten()
            .min(),
            // The driver bounds its dialling itself: each attempt has a budget.
            Link::Dialing { .. } | Link::Closed => None,
        }
    }

    fn dead_at(&self) -> Option<Timestamp> {
        let Link::Established(established) = &self.link else { return None };
        established.liveness.dead_at(self.oldest_request(established))
    }

    fn stalled_at(&self) -> Option<Timestamp> {
        let Link::Established(established) = &self.link else { return None };
        let cap = self.granted.as_ref()?.negotiated_timeout;
        established.liveness.stalled_at(cap, self.oldest_request(established))
    }

    /// When the oldest unanswered request was sent, authentication and the restoration of watches included.
    pub(super) fn oldest_request(&self, established: &Established<T>) -> Option<Timestamp> {
        match established.ready_since {
            Some(_) => self.pending.oldest_sent(),
            None => (!established.awaits_driver()).then_some(established.asked_at),
        }
    }
}
