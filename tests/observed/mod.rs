//! Eyes and ears of the tests: what is recorded, what is logged, and how a secret would look in either.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod events;
pub(crate) mod numbers;
pub(crate) mod secrets;

use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
};

use tracing::Dispatch;
use tracing_subscriber::{filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// What the process has written to its log, at TRACE, other crates included. Threads with a subscriber of their own write
/// nothing here.
#[derive(Clone, Default)]
pub(crate) struct ProcessLog(Arc<Mutex<Vec<u8>>>);

impl ProcessLog {
    /// The log, from the first call in the process on.
    ///
    /// Every test begins with it: without a subscriber for the whole process, what a thread without one of its own happens to
    /// tell first is turned off for all threads, as long as there is only one subscriber.
    pub(crate) fn start() -> Self {
        static LOG: OnceLock<ProcessLog> = OnceLock::new();
        let start = || {
            let log = Self::default();
            let writer = log.clone();
            let format = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
            // `init` takes in what is told to the `log` crate, too: rustls does.
            tracing_subscriber::registry().with(LevelFilter::TRACE).with(format).init();
            log
        };
        LOG.get_or_init(start).clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for ProcessLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives what this thread tells to a subscriber, while the guard lives.
pub(crate) fn tell(subscriber: impl Into<Dispatch>) -> tracing::dispatcher::DefaultGuard {
    ProcessLog::start();
    tracing::dispatcher::set_default(&subscriber.into())
}
