//! Suspicion: preparing to leave a silent server before the read timeout says that it is dead.
//!
//! ```text
//!            nothing received, oldest unanswered older than hedge_after
//!   calm ──────────────────────────────────────────────────────────────▶ suspicious
//!    ▲                                                                       │
//!    │ anything received on the link: the spare is dropped                   │ dial a spare (TCP, TLS), probe the server
//!    ├───────────────────────────────────────────────────────────────────────┤
//!    │ the probe is answered: alive, so it is the quorum that is slow; probe again later, and stay
//!    │                                                                       │
//!    └── the session moves to the spare ◀── silent until move_after, and a spare is ready
//! ```
//!
//! The probe is what tells a dead or cut-off server from a slow quorum. ZooKeeper answers a session's requests in order,
//! pings included: behind a write that waits for a slow quorum everything is silent on a healthy link, and moving would only
//! make that write's outcome unknown.

use std::time::Duration;

use super::link::{ConnectRound, Link, Opened};
use crate::{error::Cause, event::Event, hosts::Host, session::Session, time::Timestamp};

/// The longest default for `hedge_after`.
const HEDGE_AFTER: Duration = Duration::from_millis(500);

/// The least `hedge_after`: shorter ones would only keep the processor busy.
const LEAST_HEDGE_AFTER: Duration = Duration::from_millis(10);

/// Never suspicious before this many smoothed round trips.
const ROUND_TRIPS: u32 = 8;

/// What is under way while a link is suspected.
#[derive(Debug)]
pub(super) struct Suspicion {
    /// A transport to another server that is open and waits.
    spare: Option<Host>,
    /// A spare is being dialled.
    dialling: bool,
    /// When the server last answered a probe.
    answered_at: Option<Timestamp>,
    /// When to probe (and, without a spare, to dial) again.
    next_try: Timestamp,
}

/// Inputs.
impl<T> Session<T> {
    /// The server of [`Event::Probe`] is alive: it has answered the probe on a connection of its own.
    pub fn probe_answered(&mut self, now: Timestamp, connection: u64) {
        if connection != self.connection {
            return;
        }
        let again = now.after(self.hedge_after());
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.answered_at = Some(now);
            suspicion.next_try = again;
        }
    }

    /// The round of [`Event::DialSpare`] has opened a transport; keep it until [`Event::UseSpare`] or [`Event::DropSpare`].
    pub fn spare_opened(&mut self, now: Timestamp, opened: &Opened) {
        match &mut self.suspicion {
            Some(suspicion) if suspicion.dialling => {
                suspicion.dialling = false;
                suspicion.spare = Some(opened.host.clone());
                self.move_if_silent(now);
            }
            // The link has spoken meanwhile.
            _ => self.events.push_back(Event::DropSpare),
        }
    }

    /// No spare could be opened.
    pub fn spare_failed(&mut self) {
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.dialling = false;
        }
    }
}

/// Steps.
impl<T> Session<T> {
    /// `hedge_after` as it is now: configured, or the smaller of a quarter of the read timeout and 500 ms, but never less
    /// than eight smoothed round trips.
    fn hedge_after(&self) -> Duration {
        let configured = self.config.hedge_after.unwrap_or_else(|| {
            let negotiated =
                self.granted.as_ref().map_or(self.config.session_timeout, |ours| ours.negotiated_timeout);
            let read_timeout = self.read_timeout(negotiated);
            read_timeout.checked_div(4).unwrap_or(read_timeout).min(HEDGE_AFTER)
        });
        configured.max(LEAST_HEDGE_AFTER).max(self.round_trip.saturating_mul(ROUND_TRIPS))
    }

    /// How long a server may be silent while another one could be asked.
    pub(super) fn move_after(&self) -> Duration {
        let hedge_after = self.hedge_after();
        self.config.move_after.unwrap_or(hedge_after.saturating_mul(2)).max(hedge_after)
    }

    /// Since when the link has been silent with something unanswered.
    fn silent_since(&self) -> Option<Timestamp> {
        match &self.link {
            Link::Established(established) if established.ready_since.is_some() => {
                established.liveness.silent_since(self.pending.oldest_sent())
            }
            _ => None,
        }
    }

    /// When the next step is due.
    pub(super) fn suspicion_at(&self) -> Option<Timestamp> {
        if !self.config.suspicion || self.hosts.count() < 2 || self.closing.is_some() {
            return None;
        }
        let silent_since = self.silent_since()?;
        let Some(suspicion) = &self.suspicion else { return Some(silent_since.after(self.hedge_after())) };
        let move_at = suspicion.spare.is_some().then(|| self.move_at(silent_since, suspicion));
        [Some(suspicion.next_try), move_at].into_iter().flatten().min()
    }

    /// A server that answers probes is waited for from its last answer on.
    fn move_at(&self, silent_since: Timestamp, suspicion: &Suspicion) -> Timestamp {
        suspicion.answered_at.map_or(silent_since, |at| at.max(silent_since)).after(self.move_after())
    }

    pub(super) fn check_suspicion(&mut self, now: Timestamp) {
        if self.suspicion_at().is_none_or(|at| at > now) {
            return;
        }
        let Some(host) = self.link.host().cloned() else { return };
        let again = now.after(self.hedge_after());
        let suspicion = self.suspicion.get_or_insert(Suspicion {
            spare: None,
            dialling: false,
            answered_at: None,
            next_try: now,
        });
        if suspicion.next_try <= now {
            suspicion.next_try = again;
            self.events.push_back(Event::Probe { host: host.clone(), connection: self.connection });
            if suspicion.spare.is_none() && !suspicion.dialling {
                suspicion.dialling = true;
                let hosts = self.hosts.others(&host, &mut self.rng);
                let budget = self.attempt_budget(now);
                self.events.push_back(Event::DialSpare(ConnectRound::new(hosts, budget)));
            }
        }
        self.move_if_silent(now);
    }

    fn move_if_silent(&mut self, now: Timestamp) {
        let due = match (&self.suspicion, self.silent_since()) {
            (Some(suspicion), Some(silent_since)) if suspicion.spare.is_some() => {
                self.move_at(silent_since, suspicion) <= now
            }
            _ => false,
        };
        if due {
            let silent = now.since(self.last_heard);
            self.lose_link(now, Cause::Suspected { silent });
        }
    }

    /// The link has spoken: nothing is suspected any more.
    pub(super) fn calm(&mut self) {
        if let Some(suspicion) = self.suspicion.take()
            && (suspicion.spare.is_some() || suspicion.dialling)
        {
            self.events.push_back(Event::DropSpare);
        }
    }

    /// The link has ended: the spare that is ready, if any. One that is still being dialled is given up: the round that
    /// follows dials all.
    pub(super) fn take_spare(&mut self) -> Option<Host> {
        let suspicion = self.suspicion.take()?;
        if suspicion.spare.is_none() && suspicion.dialling {
            self.events.push_back(Event::DropSpare);
        }
        suspicion.spare
    }

    /// Takes a measured round trip into the smoothed one.
    pub(super) fn measured(&mut self, round_trip: Duration) {
        let old = self.round_trip;
        let eighth = |duration: Duration| duration.checked_div(8).unwrap_or_default();
        self.round_trip = if old.is_zero() {
            round_trip
        } else {
            old.saturating_sub(eighth(old)).saturating_add(eighth(round_trip))
        };
    }
}
