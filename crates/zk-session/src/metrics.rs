//! What a client measures: the name, unit, labels and meaning of every metric.
//!
//! The constants are always here; the numbers are recorded with the feature `metrics`, by the recorder that the program has
//! installed for the [`metrics`](https://docs.rs/metrics) facade. Without the feature nothing is counted, and it costs
//! nothing. Names, units and labels are stable: a change of one is a breaking change of this crate.
//!
//! Every metric has the label `client`: the name given with [`ClientBuilder::name`](crate::ClientBuilder::name), or `default`.
//! Clients of one process that share a name share their series, and overwrite each other's gauges. Labels have few values each,
//! and never a path, an error text or anything secret.
//!
//! # When gauges are set
//!
//! State and server when they change; and **every gauge once a second**, by the session's own task: one wake-up a second and
//! client, none without the feature. Bytes are added up and told in that same second. Everything else is recorded when it
//! happens. Nothing is set any more after the end of the client.
//!
//! A recorder that is installed while clients run is found within a second; call [`describe`] to tell it the descriptions.
//!
//! The [table](crate::telemetry#metrics) shows all of them together.

#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod recorder;
mod seam;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::{Recorder, Stopwatch};
#[cfg(feature = "metrics")]
pub(crate) use recorder::{Recorder, Stopwatch};
pub(crate) use seam::Record;

/// What can be done with the numbers of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// It has a value for each time that something happened.
    Histogram,
}

/// A metric of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// `seconds`, `bytes` or `count`.
    pub unit: &'static str,
    /// Its labels, beside `client`.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

macro_rules! table {
    ($($constant:ident: $kind:ident $name:literal, $unit:literal, $labels:expr, $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            #[doc = concat!("\n\n", stringify!($kind), " `", $name, "`, in ", $unit, "; labels: ", stringify!($labels), ".")]
            pub const $constant: Metric =
                Metric { name: $name, kind: Kind::$kind, unit: $unit, labels: &$labels, meaning: $meaning };
        )+

        /// Every metric.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

table! {
    STATE: Gauge "zk_session_state", "count", ["state"],
        "1 for the state that the session is in (`connecting`, `connected`, `lost`, `closed`), 0 for the others.";
    SERVER: Gauge "zk_session_server", "count", ["server"],
        "1 for the server that the session is connected to; 0 for one that it has left.";
    DISCONNECTED: Gauge "zk_session_disconnected_seconds", "seconds", [],
        "For how long there has been no connection, its beginning included; 0 while connected.";
    DISCONNECTIONS: Histogram "zk_session_disconnection_duration_seconds", "seconds", ["cause"],
        "How long each time without a connection lasted, by what had ended the connection before; `start`: before the first one. A client that is closed without a connection ends one, too.";
    DISCONNECTS: Counter "zk_session_disconnects_total", "count", ["cause"],
        "Connections that ended after they had been ready, by cause; `closed`: by the client's own end.";
    CONNECTS: Counter "zk_session_connects_total", "count", ["cause", "outcome"],
        "Attempts to connect (a round of dialling until a transport opens, and what follows on it), by what had ended the connection before (`start`: there was none), and by outcome: `connected`, or the cause of the failure.";
    SESSIONS: Counter "zk_session_sessions_total", "count", [],
        "Sessions begun, or taken up from another client: the generation.";
    EXPIRIES: Counter "zk_session_expiries_total", "count", ["cause"],
        "Sessions that are over for certain without having been closed: `refused`, `replaced`, `zxid_ahead`.";
    LEASE_REMAINING: Gauge "zk_session_lease_remaining_seconds", "seconds", [],
        "For how long no other session can own this one's ephemeral nodes (`Status::lease_until`) with a margin of zero: take off the margin that you lead by. 0 without a committed write, and when it is over.";
    IN_FLIGHT: Gauge "zk_session_requests_in_flight", "count", [],
        "Requests sent and not answered.";
    WAITING: Gauge "zk_session_requests_waiting", "count", [],
        "Requests that wait to be sent.";
    OLDEST_UNANSWERED: Gauge "zk_session_oldest_unanswered_seconds", "seconds", [],
        "How long ago the oldest unanswered request or ping was sent; 0 when everything is answered.";
    REQUEST_DURATION: Histogram "zk_session_request_duration_seconds", "seconds", ["op", "outcome"],
        "From the call to the end of a request that has reached the session's task, by ZooKeeper's name of the operation and by outcome: `ok`, `rejected` (the server gave an error code), `unknown`, `not_sent`, `session_expired`, `overloaded`, `too_large`, `closed`.";
    PING_ROUND_TRIP: Histogram "zk_session_ping_round_trip_seconds", "seconds", [],
        "From a ping to its answer.";
    WATCH_EVENTS: Counter "zk_session_watch_events_total", "count", ["event"],
        "What watches were told, counted for each watcher: ZooKeeper's kinds of event, `resync`, `unsupported`, `session_lost`, `closed`.";
    SUSPICION: Counter "zk_session_suspicion_total", "count", ["step"],
        "Steps of the suspicion that a silent server is dead: `probe`, `probe_answered`, `probe_failed`, `spare_dialled`, `spare_opened`, `spare_failed`, `spare_dropped`, `moved`.";
    RECEIVED: Counter "zk_session_received_bytes_total", "bytes", [],
        "Bytes of the protocol received on the session's connections, without TLS's own; probes are not counted.";
    SENT: Counter "zk_session_sent_bytes_total", "bytes", [],
        "Bytes of the protocol sent on the session's connections, without TLS's own; probes are not counted.";
}

/// Tells the installed recorder the unit and the meaning of every metric. Each client does so when it is built; call it after
/// installing a recorder later than that.
#[cfg(feature = "metrics")]
pub fn describe() {
    for metric in ALL {
        let unit = metrics::Unit::from_string(metric.unit).unwrap_or(metrics::Unit::Count);
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, unit, metric.meaning),
            Kind::Gauge => metrics::describe_gauge!(metric.name, unit, metric.meaning),
            Kind::Histogram => metrics::describe_histogram!(metric.name, unit, metric.meaning),
        }
    }
}

#[cfg(not(feature = "metrics"))]
/// Does nothing without the feature `metrics`.
pub fn describe() {}
