//! One ZooKeeper session as a state machine without I/O.
//!
//! This crate knows the protocol's behaviour — handshake, matching of replies, pings and liveness, reconnects and their
//! pace, watches and their restoration, expiry, and what became of each request when a connection ends — but it opens no
//! socket, reads no clock and draws no random number of its own. Bytes, [`Timestamp`]s and a seed are arguments; bytes,
//! events and "call me again at" come back. `zk-session` drives it with tokio; tests and simulations drive it with a
//! virtual clock.
//!
//! The heart is [`Session`]; its documentation draws the states and gives the order of calls.
//!
//! ```
//! use std::time::Duration;
//! use zk_proto::{Config, ConnectString, Session, Timestamp};
//!
//! let servers: ConnectString = "zk1.example:2181,zk2.example:2181".parse()?;
//! let start = Timestamp::from_epoch(Duration::from_secs(5));
//! let mut session: Session<u32> = Session::new(Config::new(servers.hosts), start, 42);
//!
//! // A new session wants to be connected at once, to one of its hosts in an order drawn from the seed.
//! let round = session.poll_connect().expect("a first round without a pause");
//! assert_eq!(round.hosts.len(), 2);
//! # Ok::<(), zk_proto::ConnectStringError>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod auth;
mod backoff;
mod config;
mod connect_string;
mod error;
mod event;
mod handshake;
mod hosts;
mod liveness;
mod outbound;
mod path;
mod pending;
mod quorum_proof;
mod request;
mod sasl;
mod secret;
mod session;
mod set_watches;
mod state;
mod time;
mod watches;
mod xid;

pub use auth::{Credential, Sasl};
pub use config::Config;
pub use connect_string::{ConnectString, ConnectStringError};
pub use error::{Cause, ProtocolError, RequestError};
pub use event::{Event, Reply, WatchNotice};
pub use hosts::Host;
pub use path::is_forbidden_in_paths;
pub use request::{Request, WatchId, WatchOn, WhenDisconnected};
pub use sasl::SaslStep;
pub use secret::Secret;
pub use session::{ConnectRound, Opened, Phase, Session, SessionCredentials};
pub use state::{ExpiryCause, SessionInfo, State, StateChange};
pub use time::Timestamp;
pub use xid::XidCounter;
