//! What the agent believes, and that it says so when that changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dcs_zk::Lease;
use tokio::sync::{Notify, watch};

use super::report::{Event, Report};

/// What the agent takes itself for while it does not lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It knows of no leader.
    Nowhere,
    /// It follows a leader.
    Behind(String),
}

#[derive(Debug, Clone)]
enum Standing {
    Starting,
    Leading(Lease),
    Not(Place),
}

/// A handle on the belief, which the agent and the watchdog share.
#[derive(Debug, Clone)]
pub(crate) struct Belief(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// The lease, for the watchdog.
    lease: watch::Sender<Option<Lease>>,
    nobody_reads: Notify,
}

#[derive(Debug)]
struct Inner {
    standing: Standing,
    /// Whether it was said that ZooKeeper does not answer.
    no_answer: bool,
    report: Report,
}

impl Belief {
    pub(crate) fn new(report: Report) -> Self {
        let inner = Inner { standing: Standing::Starting, no_answer: false, report };
        Self(Arc::new(Shared {
            inner: Mutex::new(inner),
            lease: watch::Sender::new(None),
            nobody_reads: Notify::new(),
        }))
    }

    /// The lease, while it lasts.
    pub(crate) fn lease(&self) -> Option<Lease> {
        match &self.lock().standing {
            Standing::Leading(lease) if lease.is_valid() => Some(lease.clone()),
            _ => None,
        }
    }

    /// Leases as they come and go.
    pub(crate) fn watch_lease(&self) -> watch::Receiver<Option<Lease>> {
        self.0.lease.subscribe()
    }

    /// Resolves when nobody reads the report.
    pub(crate) async fn nobody_reads(&self) {
        self.0.nobody_reads.notified().await;
    }

    /// ZooKeeper gave or renewed a lease.
    pub(crate) fn leads(&self, lease: Lease, why: &str) {
        let mut inner = self.lock();
        let led_before = matches!(
            &inner.standing,
            Standing::Leading(before) if before.fencing_token() == lease.fencing_token() && before.is_valid()
        );
        let answers_again = std::mem::take(&mut inner.no_answer);
        inner.standing = Standing::Leading(lease.clone());
        self.0.lease.send_replace(Some(lease));
        let event = match (led_before, answers_again) {
            (false, _) => Event::Leads,
            (true, true) => Event::Answers,
            (true, false) => Event::Renewed,
        };
        self.say(&mut inner, event, why);
    }

    /// ZooKeeper says that we do not lead.
    pub(crate) fn follows(&self, place: Place, why: &str) {
        let mut inner = self.lock();
        let answers_again = std::mem::take(&mut inner.no_answer);
        let unchanged = matches!(&inner.standing, Standing::Not(before) if *before == place);
        let led = matches!(inner.standing, Standing::Leading(_));
        inner.standing = Standing::Not(place);
        self.0.lease.send_replace(None);
        match (led, unchanged, answers_again) {
            (true, ..) => self.say(&mut inner, Event::Lost, why),
            (false, true, false) => {}
            (false, true, true) => self.say(&mut inner, Event::Answers, why),
            (false, false, _) => self.say(&mut inner, Event::Follows, why),
        }
    }

    /// Nobody can say. A lease goes on to its end.
    pub(crate) fn no_answer(&self, why: &str) {
        let mut inner = self.lock();
        if !std::mem::replace(&mut inner.no_answer, true) {
            self.say(&mut inner, Event::NoAnswer, why);
        }
    }

    /// The watchdog looked at the clock.
    pub(crate) fn lease_may_have_ended(&self) {
        let mut inner = self.lock();
        let Standing::Leading(lease) = inner.standing.clone() else { return };
        if lease.is_valid() {
            return;
        }
        inner.standing = Standing::Not(Place::Nowhere);
        self.0.lease.send_replace(None);
        self.say(&mut inner, Event::Lost, "the lease ended without being renewed");
    }

    /// We are about to go.
    pub(crate) fn leaves(&self, why: &str) {
        let mut inner = self.lock();
        inner.standing = Standing::Not(Place::Nowhere);
        self.0.lease.send_replace(None);
        self.say(&mut inner, Event::Leaves, why);
    }

    /// Another server, or another session.
    pub(crate) fn connected(&self, server: &str, session: i64, which: &str) {
        let mut inner = self.lock();
        self.say(&mut inner, Event::Connected { server, session }, which);
    }

    /// Something that is worth a line.
    pub(crate) fn note(&self, what: &str) {
        let mut inner = self.lock();
        self.say(&mut inner, Event::Note, what);
    }

    fn say(&self, inner: &mut Inner, event: Event<'_>, why: &str) {
        let (lease, leader) = match &inner.standing {
            Standing::Leading(lease) => (Some(lease.clone()), None),
            Standing::Not(Place::Behind(leader)) => (None, Some(leader.as_str())),
            Standing::Starting | Standing::Not(Place::Nowhere) => (None, None),
        };
        if inner.report.print(event, lease, leader, why).is_err() {
            self.0.nobody_reads.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here is left half changed by a panic.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
