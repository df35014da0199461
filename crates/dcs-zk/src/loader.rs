//! Reading a cluster: pipelined reads into named znodes, then a pure build.
//!
//! Everything whose path is known goes out at once, so that a cluster costs two dependent round trips for any number of
//! members (fixed keys and the list of members; then the members), and three for any number of MPP groups.

mod build;
mod fetch;

pub(crate) use fetch::{Fetched, fetch};

/// What to load of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Groups {
    /// The keys of the scope itself: a cluster without MPP.
    Plain,
    /// One group of an MPP cluster; answers to Patroni on a worker.
    One(u32),
    /// All groups: the coordinator's cluster with its workers; answers to Patroni on the coordinator.
    All,
}
