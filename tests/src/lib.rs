//! What the integration tests share: the real Patroni as a child process, a server that swallows, and waiting.
//!
//! The tests themselves are the files beside this folder, one per theme; each starts its own ZooKeeper servers with
//! `zk-testkit`.

pub mod deaf_port;
pub mod patroni;
pub mod wait;
