//! What a proxy has done, to tell a fault that landed from one that met nobody.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`FaultProxy`](super::FaultProxy) has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counts {
    /// Connections of clients that it took.
    pub connections: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Connections that it cut: resets, halvings, lost requests and replies.
    pub cut: u64,
    /// Bytes, ends of connections and new connections that a black hole held.
    pub held: u64,
    /// Bytes that came while there was latency.
    pub delayed: u64,
    /// Pauses that slicing and bandwidth have made.
    pub paced: u64,
    /// Bytes that reached one side or the other.
    pub passed: u64,
    /// Requests of clients, without handshakes and pings.
    pub requests: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) delayed: AtomicU64,
    pub(super) paced: AtomicU64,
    pub(super) passed: AtomicU64,
    pub(super) requests: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.connections),
            open: read(&self.open),
            cut: read(&self.cut),
            held: read(&self.held),
            delayed: read(&self.delayed),
            paced: read(&self.paced),
            passed: read(&self.passed),
            requests: read(&self.requests),
        }
    }
}

pub(super) fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

/// A connection while it is open.
pub(super) struct Open<'a>(&'a Counters);

impl<'a> Open<'a> {
    pub(super) fn new(counters: &'a Counters) -> Self {
        count(&counters.connections, 1);
        count(&counters.open, 1);
        Self(counters)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
