//! How a process of a run tells what it sees: one JSON line each, on its standard output.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use zk_session::Error;

use crate::history::{Call, Event, Nanos, Outcome, Record};

/// The time, on the clock of histories.
pub fn now() -> Nanos {
    nanos(zk_session::now())
}

/// A time of the client's, on the clock of histories.
pub fn nanos(time: zk_session::Timestamp) -> Nanos {
    u64::try_from(time.since_epoch().as_nanos()).unwrap_or(Nanos::MAX)
}

/// Writes the records of one process.
#[derive(Debug)]
pub struct Recorder {
    process: String,
    next_op: AtomicU64,
}

impl Recorder {
    /// For the process of this name.
    pub fn new(process: &str) -> Self {
        Self { process: process.to_owned(), next_op: AtomicU64::new(0) }
    }

    /// The process.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// Tells of an event, now. Each line goes out on its own: who is killed between two has told the first.
    pub fn record(&self, event: Event) {
        let record = Record { at: now(), process: self.process.clone(), event };
        let told = serde_json::to_vec(&record).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            io::stdout().lock().write_all(&line)
        });
        if told.is_err() {
            // Whoever listens is gone, and the run with it.
            std::process::exit(1);
        }
    }

    /// The number of the next call: what it writes can be named after it.
    pub fn next_op(&self) -> u64 {
        self.next_op.fetch_add(1, Ordering::Relaxed)
    }

    /// A value that nothing else in the history has.
    pub fn value(&self, op: u64) -> String {
        format!("{}:{op}", self.process)
    }

    /// Tells that a call begins.
    pub fn invoke(&self, op: u64, call: Call) {
        self.record(Event::Invoke { op, call });
    }

    /// Tells how it ended.
    pub fn ended(&self, op: u64, outcome: Result<Outcome, Error>) {
        self.record(match outcome {
            Ok(outcome) => Event::Ok { op, outcome },
            Err(error) if error.is_ambiguous() => Event::Unknown { op, error: error.to_string() },
            Err(error) => Event::Failed { op, error: error.to_string() },
        });
    }
}
