//! Servers without a quorum that still answer reads (`readonlymode.enabled`), for clients that say they will do.
//!
//! ```text
//!  new session ─▶ read-only server: a local session, known to that server alone
//!                    │ 100 ms later, then ever more seldom (also if nothing came of a move): do others have a quorum (`isro`)?
//!                    │ one has, or the connection is lost
//!                    ▼
//!                 a new session elsewhere; no ephemeral nodes were lost (there can be none), watches are kept
//!
//!  session of the quorum ─▶ read-only server: refused by those of today, and tried again until there is a quorum; resumed by
//!                           older ones
//! ```

use std::time::Duration;

use super::link::{ConnectRound, Link};
use crate::{
    error::Cause, event::Event, handshake::Granted, hosts::Host, session::Session, state::State,
    time::Timestamp,
};

/// The pause before the first search.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause between searches.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The search for a server with a quorum, beside a link to one without.
#[derive(Debug)]
pub(super) struct Search {
    next: Timestamp,
    pause: Duration,
}

impl Search {
    /// `pause`: that of the search which has led to a move and back here.
    pub(super) fn new(now: Timestamp, pause: Option<Duration>) -> Self {
        let pause = pause.unwrap_or(FIRST_PAUSE);
        Self { next: now.after(pause), pause }
    }
}

impl<T> Session<T> {
    /// Whether the session is connected to a server without a quorum: it answers reads with what it knew last, and refuses
    /// writes with [`NOT_READ_ONLY`](zk_jute::ErrorCode::NOT_READ_ONLY).
    pub fn is_read_only(&self) -> bool {
        matches!(&self.link, Link::Established(established) if established.read_write_search.is_some())
    }

    /// This server of [`Event::FindReadWrite`] has a quorum: the session moves there.
    pub fn read_write_found(&mut self, now: Timestamp, host: Host, connection: u64) {
        if connection == self.connection && self.is_read_only() && self.hosts.contains(&host) {
            self.hosts.prefer(host);
            // It may say so and grant no session (it is behind us, or full): the next search comes later then, or the session
            // would hardly ever be connected.
            if let Link::Established(established) = &self.link {
                self.moved_after = established.read_write_search.as_ref().map(|search| search.pause);
            }
            self.lose_link(now, Cause::ReadWriteFound);
        }
    }

    /// The session to ask for. A local one is unknown elsewhere, and leaves nothing that could be taken up.
    pub(super) fn session_to_resume(&self) -> Option<&Granted> {
        self.granted.as_ref().filter(|_| !self.local)
    }

    pub(super) fn read_write_search_at(&self) -> Option<Timestamp> {
        let Link::Established(established) = &self.link else { return None };
        let search = established.read_write_search.as_ref()?;
        (self.state == State::Connected && self.closing.is_none() && self.hosts.count() > 1)
            .then_some(search.next)
    }

    pub(super) fn check_read_only(&mut self, now: Timestamp) {
        if self.read_write_search_at().is_none_or(|at| at > now) {
            return;
        }
        let budget = self.attempt_budget(now);
        let Link::Established(established) = &mut self.link else { return };
        let Some(search) = &mut established.read_write_search else { return };
        search.pause = search.pause.saturating_mul(2).min(LONGEST_PAUSE);
        search.next = now.after(search.pause);
        let round = ConnectRound::new(self.hosts.others(&established.host, &mut self.rng), budget);
        self.events.push_back(Event::FindReadWrite { round, connection: self.connection });
    }
}
