//! zk-jute
