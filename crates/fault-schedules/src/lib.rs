//! Seeded faults on real ensembles, what clients saw of them, and a checker of that history.
//!
//! ```text
//!   schedule ──▶ run ──▶ history ──▶ checker ──▶ verdict ──▶ ledger
//!   (a seed)    (real servers,      (records)   (a model)
//!               real processes)
//! ```

pub mod checker;
pub mod expiries;
pub mod history;
pub mod ledger;
pub mod record;
pub mod roles;
pub mod rolling;
pub mod run;
pub mod schedule;
pub mod soak;
mod tree;
pub mod watches;
