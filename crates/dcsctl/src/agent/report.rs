//! The agent's lines.

use std::{io, time::SystemTime};

use dcs_zk::Lease;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::output::{self, printable, rfc3339, time_of_day};

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// We lead from now on.
    Leads,
    /// We still lead, for longer.
    Renewed,
    /// We do not lead any more.
    Lost,
    /// We do not lead; somebody else may.
    Follows,
    /// ZooKeeper does not answer.
    NoAnswer,
    /// ZooKeeper answers again; all is as it was.
    Answers,
    /// Another server, or another session.
    Connected {
        server: &'a str,
        session: i64,
    },
    /// We are told to go.
    Leaves,
    Note,
}

impl Event<'_> {
    /// For programs, and what it is called for people.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Leads => ("leads", "LEADS"),
            Self::Renewed => ("renewed", "leads on"),
            Self::Lost => ("lost", "LEADS NO MORE"),
            Self::Follows => ("follows", "follows"),
            Self::NoAnswer => ("no-answer", "no answer"),
            Self::Answers => ("answers", "answers again"),
            Self::Connected { .. } => ("connected", "connected"),
            Self::Leaves => ("leaves", "leaves"),
            Self::Note => ("note", "-"),
        }
    }
}

/// Where the lines go, and in which form.
#[derive(Debug)]
pub(crate) struct Report {
    name: String,
    json: bool,
    renewals: bool,
}

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    /// The same moment on the clock of leases, `CLOCK_BOOTTIME`: comparable between processes of one machine, whatever is
    /// done to the time of day.
    boottime_us: u128,
    name: &'a str,
    event: &'static str,
    /// Whether the agent believes that it leads.
    leading: bool,
    /// Who leads, as far as it knows.
    leader: Option<&'a str>,
    why: &'a str,
    lease_remaining_ms: Option<u64>,
    lease_until: Option<String>,
    lease_until_boottime_us: Option<u128>,
    fencing_token: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

impl Report {
    pub(crate) fn new(name: &str, json: bool, renewals: bool) -> Self {
        Self { name: name.to_owned(), json, renewals }
    }

    /// Prints an event, with what is believed after it: the lease if we lead, else the leader that we know of.
    pub(crate) fn print(
        &self,
        event: Event<'_>,
        lease: Option<Lease>,
        leader: Option<&str>,
        why: &str,
    ) -> io::Result<()> {
        if matches!(event, Event::Renewed) && !self.renewals {
            return Ok(());
        }
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
        let remaining = lease.as_ref().map(Lease::remaining);
        let until = remaining
            .and_then(|remaining| SignedDuration::try_from(remaining).ok())
            .and_then(|remaining| now.checked_add(remaining).ok());
        let (event_name, shown) = event.names();
        if !self.json {
            let mut line = format!("{} {:<8} {shown:<13} ", time_of_day(now), printable(&self.name));
            if let Some(leader) = leader {
                line.push_str(&format!("{}: ", printable(leader)));
            }
            if let Event::Connected { server, session } = event {
                line.push_str(&format!("to {server}, session {session:#x}: "));
            }
            line.push_str(&printable(why));
            if let (Some(remaining), Some(until)) = (remaining, until) {
                let seconds = remaining.as_secs_f64();
                line.push_str(&format!("; lease {seconds:.2} s, until {}", time_of_day(until)));
            }
            return output::line(&line);
        }
        let (server, session) = match event {
            Event::Connected { server, session } => (Some(server), Some(format!("{session:#x}"))),
            _ => (None, lease.as_ref().map(|lease| format!("{:#x}", lease.session_id()))),
        };
        let microseconds = |at: dcs_zk::Timestamp| at.since_epoch().as_micros();
        let line = Line {
            time: rfc3339(now),
            boottime_us: microseconds(dcs_zk::now()),
            name: &self.name,
            event: event_name,
            leading: lease.is_some(),
            leader: leader.or_else(|| lease.as_ref().map(|_| self.name.as_str())),
            why,
            lease_remaining_ms: remaining.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            lease_until: until.map(rfc3339),
            lease_until_boottime_us: lease.as_ref().map(|lease| microseconds(lease.until())),
            fencing_token: lease.as_ref().map(Lease::fencing_token),
            server,
            session,
        };
        output::line(&serde_json::to_string(&line).map_err(io::Error::other)?)
    }
}
