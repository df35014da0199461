//! What the integration tests share: the real Patroni as a child process, and a proxy that adds a round-trip time.
//!
//! The tests themselves are the files beside this folder, one per theme; each starts its own ZooKeeper servers with
//! `zk-testkit`.

pub mod delay_proxy;
pub mod patroni;
pub mod wait;
