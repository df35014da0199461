//! The checker of histories: what is good passes, what is bad is caught by the rule that is meant.

mod files;
mod good;
mod growth;
mod leadership;
mod model;
mod mutations;
mod order;
mod sessions;
mod story;
mod structure;
mod watches;
mod writes;
