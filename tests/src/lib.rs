//! What the integration tests share: the real Patroni as a child process, servers that swallow or lie, a
//! door in front of a server, and waiting.
//!
//! The tests themselves are the files beside this folder, one per theme; each starts its own ZooKeeper servers with
//! `zk-testkit`.

pub mod deaf_port;
pub mod gate;
pub mod hostile;
pub mod patroni;
pub mod wait;
