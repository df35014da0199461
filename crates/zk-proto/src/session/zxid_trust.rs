//! An ensemble that was wiped, or restored from a backup, refuses whoever has seen a later zxid, and would do so for ever.
//!
//! A server refuses such a client by closing the connection, and so does one that has no quorum: only the question without
//! a zxid tells the two apart. It is asked when the session is presumed expired anyway, every other round. A session that
//! it resumes is not used, since the server may be behind what the session has seen.

use super::{Session, link::Link};
use crate::{error::Cause, event::Event, state::ExpiryCause, time::Timestamp};

/// What is thought of the newest zxid seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZxidTrust {
    /// Servers that are behind it are to be avoided.
    Trusted,
    /// This round asks without it.
    Probing,
    /// The session was resumed without it. If every server refuses in each of the next rounds, which show it, the ensemble was
    /// set back. One such round may have other reasons: servers that lag, or have lost their quorum, refuse as well.
    Doubted {
        /// Rounds in a row in which all refused.
        rounds: u32,
    },
}

/// So many rounds in a row are no accident.
const ROUNDS: u32 = 3;

impl<T> Session<T> {
    /// The zxid for a connect request.
    pub(super) fn zxid_to_show(&self) -> i64 {
        if self.is_probing() { 0 } else { self.last_zxid }
    }

    /// Whether this round only asks whether the servers know the session.
    pub(super) fn is_probing(&self) -> bool {
        self.zxid_trust == ZxidTrust::Probing
    }

    /// A server took the connection and closed it when it had read the connect request.
    pub(super) fn connect_refused(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    /// A round is over, and no server granted a session.
    pub(super) fn round_failed(&mut self, now: Timestamp) {
        let refusals = std::mem::take(&mut self.refusals);
        let (refused, refused_by_all) =
            (refusals > 0, u32::try_from(refusals).unwrap_or(u32::MAX) >= self.hosts.count());
        let negotiated = self.granted.as_ref().map(|granted| granted.negotiated_timeout);
        let expires = self.last_heard.after(negotiated.unwrap_or(self.config.session_timeout));
        self.zxid_trust = match self.zxid_trust {
            ZxidTrust::Doubted { rounds } if refused_by_all && rounds.saturating_add(1) < ROUNDS => {
                ZxidTrust::Doubted { rounds: rounds.saturating_add(1) }
            }
            ZxidTrust::Doubted { .. } if refused_by_all => {
                self.expire_session(now, ExpiryCause::ZxidAhead);
                self.forget_zxid();
                ZxidTrust::Trusted
            }
            ZxidTrust::Trusted if refused && self.last_zxid > 0 && expires <= now => ZxidTrust::Probing,
            _ => ZxidTrust::Trusted,
        };
    }

    /// The session that was asked for was resumed. Tells whether it may be used; if not, the connection is given up.
    pub(super) fn may_resume(&mut self, now: Timestamp) -> bool {
        let probing = self.is_probing();
        if probing {
            self.zxid_trust = ZxidTrust::Doubted { rounds: 0 };
            self.refusals = 0;
            self.events.push_back(Event::DropTransport(Cause::Probed));
            self.out.clear();
            self.link = Link::Idle { retry_at: now };
            self.hosts.end_round();
            self.start_dialing(now);
        } else {
            // A server that shows no less than we have seen knows the session: nothing is doubted any more.
            self.zxid_trust = ZxidTrust::Trusted;
            self.refusals = 0;
        }
        !probing
    }

    /// The session is over, or a new one begins: what it has seen counts no more if the servers are behind it.
    pub(super) fn session_changes(&mut self) {
        if self.is_probing() {
            self.forget_zxid();
        }
        self.zxid_trust = ZxidTrust::Trusted;
        self.refusals = 0;
    }

    fn forget_zxid(&mut self) {
        self.last_zxid = 0;
        self.watches_zxid = 0;
    }
}
