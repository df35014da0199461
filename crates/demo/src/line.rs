//! A line of an agent: what `dcsctl agent --json` prints.

use std::time::Duration;

use dcs_zk::Timestamp;
use serde::Deserialize;

/// What is read of a line.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) event: String,
    pub(crate) leading: bool,
    pub(crate) leader: Option<String>,
    boottime_us: u64,
    lease_until_boottime_us: Option<u64>,
    pub(crate) server: Option<String>,
    pub(crate) session: Option<String>,
}

impl Line {
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// When it was said, on the clock of leases.
    pub(crate) fn at(&self) -> Timestamp {
        Timestamp::from_epoch(Duration::from_micros(self.boottime_us))
    }

    /// When the lease ends, of one who leads.
    pub(crate) fn lease_until(&self) -> Option<Timestamp> {
        Some(Timestamp::from_epoch(Duration::from_micros(self.lease_until_boottime_us?)))
    }
}
