//! The recorder behind the feature.
//!
//! Handles of the facade are kept for a second at most: one that is kept longer would go on writing into a recorder that was
//! replaced, or into a series that an exporter has dropped for being idle.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use metrics::{Histogram, Label, SharedString, counter, gauge, histogram};
use zk_jute::{ErrorCode, EventType, OpCode};
use zk_proto::{ExpiryCause, Host, Session, State, Timestamp, WatchNotice};

use super::{
    CONNECTS, DISCONNECTED, DISCONNECTIONS, DISCONNECTS, EXPIRIES, IN_FLIGHT, LEASE_REMAINING, Metric,
    OLDEST_UNANSWERED, PING_ROUND_TRIP, RECEIVED, REQUEST_DURATION, Record, SENT, SERVER, SESSIONS, STATE,
    SUSPICION, WAITING, WATCH_EVENTS,
};
use crate::{client::Outcome, clock, status::Status};

/// The time between two looks at what changes with time.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Records for one client.
pub(crate) struct Recorder {
    client: SharedString,
    sample_at: Timestamp,
    /// The server whose gauge is 1.
    server: Option<SharedString>,
    received: u64,
    sent: u64,
    /// Requests are many: their histograms are not looked up for each.
    durations: HashMap<(OpCode, &'static str), Histogram>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("client", &self.client).finish_non_exhaustive()
    }
}

/// When a request was made.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    op: OpCode,
    begun: Timestamp,
}

impl Stopwatch {
    pub(crate) fn start(op: OpCode) -> Self {
        Self { op, begun: clock::now() }
    }
}

impl Recorder {
    pub(crate) fn new(client: &Arc<str>) -> Self {
        super::describe();
        Self {
            client: SharedString::from(Arc::clone(client)),
            sample_at: clock::now(),
            server: None,
            received: 0,
            sent: 0,
            durations: HashMap::new(),
        }
    }

    /// The labels of a metric, in the order in which it names them.
    fn labels(&self, metric: &Metric, values: &[SharedString]) -> Vec<Label> {
        debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
        let own = metric.labels.iter().zip(values).map(|(label, value)| Label::new(*label, value.clone()));
        std::iter::once(Label::new("client", self.client.clone())).chain(own).collect()
    }

    fn set(&self, metric: &Metric, values: &[SharedString], value: f64) {
        gauge!(metric.name, self.labels(metric, values)).set(value);
    }

    fn add(&self, metric: &Metric, values: &[SharedString], count: u64) {
        counter!(metric.name, self.labels(metric, values)).increment(count);
    }

    fn observe(&self, metric: &Metric, values: &[SharedString], duration: Duration) {
        histogram!(metric.name, self.labels(metric, values)).record(duration.as_secs_f64());
    }

    fn set_state(&self, state: State) {
        for one in State::ALL {
            self.set(&STATE, &[one.name().into()], if *one == state { 1.0 } else { 0.0 });
        }
    }

    fn set_time(&self, metric: &Metric, time: Option<Duration>) {
        self.set(metric, &[], time.unwrap_or_default().as_secs_f64());
    }

    /// What was added up, and what changes with time; all of it, so that a series which another client of the same name has
    /// overwritten is right again.
    fn tell<T>(&mut self, now: Timestamp, session: &Session<T>, status: &Status, lost_at: Option<Timestamp>) {
        self.durations.clear();
        self.set_state(status.state);
        if let Some(server) = &self.server {
            self.set(&SERVER, std::slice::from_ref(server), 1.0);
        }
        self.set_time(&DISCONNECTED, lost_at.map(|at| now.since(at)));
        self.set_time(&LEASE_REMAINING, status.lease_until(Duration::ZERO).map(|until| until.since(now)));
        self.set_time(&OLDEST_UNANSWERED, session.oldest_unanswered().map(|at| now.since(at)));
        self.set(&IN_FLIGHT, &[], count(session.requests_in_flight()));
        self.set(&WAITING, &[], count(session.requests_waiting()));
        let (received, sent) = (std::mem::take(&mut self.received), std::mem::take(&mut self.sent));
        self.add(&RECEIVED, &[], received);
        self.add(&SENT, &[], sent);
    }
}

impl Record for Recorder {
    fn state(&mut self, state: State, server: Option<&Host>) {
        let server = server.map(|server| SharedString::from(server.to_string()));
        if self.server != server {
            if let Some(left) = std::mem::replace(&mut self.server, server) {
                self.set(&SERVER, &[left], 0.0);
            }
            if let Some(used) = &self.server {
                self.set(&SERVER, std::slice::from_ref(used), 1.0);
            }
        }
        self.set_state(state);
        // The rest is looked at, too.
        self.sample_at = Timestamp::default();
    }

    fn disconnection(&mut self, cause: &'static str, lasted: Duration) {
        self.observe(&DISCONNECTIONS, &[cause.into()], lasted);
    }

    fn disconnected(&mut self, cause: &'static str) {
        self.add(&DISCONNECTS, &[cause.into()], 1);
    }

    fn connect(&mut self, cause: &'static str, outcome: &'static str) {
        self.add(&CONNECTS, &[cause.into(), outcome.into()], 1);
    }

    fn established(&mut self) {
        self.add(&SESSIONS, &[], 1);
    }

    fn expired(&mut self, cause: &ExpiryCause) {
        self.add(&EXPIRIES, &[cause.kind().into()], 1);
    }

    fn ponged(&mut self, round_trip: Duration) {
        self.observe(&PING_ROUND_TRIP, &[], round_trip);
    }

    fn replied(&mut self, stopwatch: &Stopwatch, outcome: &Outcome) {
        let outcome = match outcome {
            Ok(reply) if reply.err == ErrorCode::OK => "ok",
            Ok(_) => "rejected",
            Err(error) => error.kind(),
        };
        let took = clock::now().since(stopwatch.begun).as_secs_f64();
        if let Some(known) = self.durations.get(&(stopwatch.op, outcome)) {
            known.record(took);
            return;
        }
        let labels = self.labels(&REQUEST_DURATION, &[stopwatch.op.name().into(), outcome.into()]);
        let histogram = histogram!(REQUEST_DURATION.name, labels);
        histogram.record(took);
        self.durations.insert((stopwatch.op, outcome), histogram);
    }

    fn watch_event(&mut self, notice: &WatchNotice, watchers: usize) {
        let event = match notice {
            WatchNotice::Event { kind, .. } => match *kind {
                EventType::NODE_CREATED => "node_created",
                EventType::NODE_DELETED => "node_deleted",
                EventType::NODE_DATA_CHANGED => "node_data_changed",
                EventType::NODE_CHILDREN_CHANGED => "node_children_changed",
                _ => "other",
            },
            WatchNotice::Resync => "resync",
            WatchNotice::Unsupported => "unsupported",
            WatchNotice::SessionLost => "session_lost",
            WatchNotice::Closed => "closed",
            _ => "other",
        };
        self.add(&WATCH_EVENTS, &[event.into()], u64::try_from(watchers).unwrap_or(u64::MAX));
    }

    fn suspicion(&mut self, step: &'static str) {
        self.add(&SUSPICION, &[step.into()], 1);
    }

    fn received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn sample_due(&self) -> Option<Timestamp> {
        Some(self.sample_at)
    }

    fn sample<T>(&mut self, session: &Session<T>, status: &Status, lost_at: Option<Timestamp>) {
        let now = clock::now();
        if now >= self.sample_at {
            self.sample_at = now.after(SAMPLE_EVERY);
            self.tell(now, session, status, lost_at);
        }
    }
}

/// As a gauge takes it; 2^32 requests do not wait.
fn count(requests: usize) -> f64 {
    u32::try_from(requests).unwrap_or(u32::MAX).into()
}
