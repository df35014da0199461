//! The typed calls: one file per operation.

mod add_auth;
mod add_watch;
mod create;
mod create_container;
pub(crate) mod create_ttl;
mod create_with_parents;
mod delete;
mod delete_recursive;
mod exists;
mod get_acl;
mod get_all_children_number;
mod get_children;
mod get_data;
mod get_ephemerals;
pub(crate) mod multi;
pub(crate) mod multi_read;
pub(crate) mod reconfig;
mod set_acl;
mod set_data;
mod sync;
pub(crate) mod who_am_i;
