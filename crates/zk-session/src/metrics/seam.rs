//! What the session's task tells of what can be measured.

use std::time::Duration;

use zk_proto::{ExpiryCause, Host, Session, State, Timestamp, WatchNotice};

use super::Stopwatch;
use crate::{client::Outcome, status::Status};

/// What there is to record; by default it is not. Words are those of the labels.
#[expect(unused_variables, reason = "the names tell what is given; nothing is done with it here")]
pub(crate) trait Record {
    /// The session is in this state now, at this server if it is connected.
    fn state(&mut self, state: State, server: Option<&Host>) {}
    /// There is a connection again, or will be none any more, after this time without one.
    fn disconnection(&mut self, cause: &'static str, lasted: Duration) {}
    /// A connection that was ready has ended.
    fn disconnected(&mut self, cause: &'static str) {}
    /// An attempt to connect has ended.
    fn connect(&mut self, cause: &'static str, outcome: &'static str) {}
    /// A session begins.
    fn established(&mut self) {}
    /// A session has expired.
    fn expired(&mut self, cause: &ExpiryCause) {}
    /// A ping was answered.
    fn ponged(&mut self, round_trip: Duration) {}
    /// A request has ended.
    fn replied(&mut self, stopwatch: &Stopwatch, outcome: &Outcome) {}
    /// So many watchers were told this.
    fn watch_event(&mut self, notice: &WatchNotice, watchers: usize) {}
    /// A step of the suspicion.
    fn suspicion(&mut self, step: &'static str) {}
    /// Bytes came.
    fn received(&mut self, bytes: usize) {}
    /// Bytes went.
    fn sent(&mut self, bytes: usize) {}
    /// When to call [`sample`](Self::sample) at the latest.
    fn sample_due(&self) -> Option<Timestamp> {
        None
    }
    /// Looks at what changes with time, if it is time. There has been no connection since `lost_at`.
    fn sample<T>(&mut self, session: &Session<T>, status: &Status, lost_at: Option<Timestamp>) {}
}
