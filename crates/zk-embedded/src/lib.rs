//! A ZooKeeper inside the process, for tests: the real wire protocol on a loopback port, without a JVM.
//!
//! One line starts a [`Server`]; any client of the protocol can use it. It behaves as ZooKeeper 3.8.0 does — stats, versions,
//! zxids, order of events and replies, error codes and quirks included — and a differential test against the real server keeps
//! it so. What it does not have, and where it differs on purpose, is listed in the README.
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = zk_embedded::Server::start().await?;
//! println!("zkCli.sh -server {}", server.connect_string());
//! # Ok(())
//! # }
//! ```
//!
//! Time is tokio's: under a paused clock (tokio's `test-util`) a session expires in no time, and with a
//! [seed](ServerBuilder::seed) a run over [in-memory connections](Server::connect) is the same every time. [`Faults`] make
//! requests, connections and sessions go wrong; an [`Ensemble`] has followers that lag and can be cut off.
//!
//! # Inside
//!
//! Everything that decides is without I/O: the tree, the checks of a write, sessions, watches, and the engine that puts them
//! together. The tasks around it only carry frames and keep time.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation
    )
)]

mod acl;
mod builder;
mod connection;
mod engine;
mod ensemble;
mod error;
mod faults;
mod faults_api;
mod four_letter;
mod hub;
mod listener;
mod moment;
mod outbox;
mod path;
mod prepare;
mod replica;
mod server;
mod sessions;
mod transaction;
mod tree;
mod watches;

pub use builder::ServerBuilder;
pub use engine::SessionView;
pub use ensemble::Ensemble;
pub use error::StartError;
pub use faults::{Fault, FaultId, Match};
pub use faults_api::Faults;
pub use server::Server;
pub use zk_jute::{ErrorCode, OpCode};
