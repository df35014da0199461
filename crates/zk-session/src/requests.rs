//! The typed calls: one file per operation.

mod create;
mod delete;
mod exists;
mod get_children;
mod get_data;
pub(crate) mod multi;
mod set_data;
mod sync;
