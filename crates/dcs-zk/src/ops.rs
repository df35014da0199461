//! The operations, one file per key.

mod config;
mod delete_cluster;
mod failover;
pub(crate) mod failsafe;
pub(crate) mod fenced;
mod history;
mod initialize;
pub(crate) mod leader;
pub(crate) mod member;
mod set_or_create;
pub(crate) mod status;
mod sync;
