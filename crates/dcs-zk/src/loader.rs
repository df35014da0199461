//! Reading clusters: all keys as they were at one moment, then a pure build.
//!
//! What a load needs is asked for with one `multiRead`, which a server answers between two transactions and never in the middle
//! of one (`CommitProcessor` lets reads run out before it commits; one request is one read). Only the names are not known
//! beforehand: the groups of an MPP scope, and the members. They are guessed from the load before, and the same request asks
//! for them. Where the guess was wrong the whole is asked for again with the names it gave:
//!
//! ```text
//!   names known → multiRead(names, all keys of them) → the same names? → build
//!        ^                                                 | no
//!        +-------------------------------------------------+
//! ```
//!
//! That is one round trip as a rule, and two for the first load (fixed keys and the list of members; then the members), three
//! with MPP groups. A member that comes or goes meanwhile costs another. The watches go out before the reads, in one flight
//! with them: what changes after the reads fires them.

mod build;
mod fetch;
mod plan;
mod reads;

pub(crate) use fetch::{Fetched, Load, fetch};
pub(crate) use plan::Layout;

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
