//! An asynchronous ZooKeeper client for tokio.
//!
//! One task owns the session ([`zk_proto::Session`]); a [`Client`] is a cheap handle that sends it requests and awaits the
//! replies. The client outlives every outage: connections, servers and sessions come and go, and each call ends by its
//! deadline with an answer or with one of three kinds of failure (see [`Error`]).
//!
//! ```no_run
//! use std::time::Duration;
//! use zk_session::{Acl, Client, CreateMode};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("zk1:2181,zk2:2181,zk3:2181")?.session_timeout(Duration::from_secs(30)).build();
//! client.connected().await?;
//! client.create("/greeting", b"hello".as_slice(), CreateMode::PERSISTENT, &Acl::open()).await?;
//! let (data, stat) = client.get_data("/greeting").await?;
//! println!("{} bytes, version {}", data.len(), stat.version);
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! Requests go out in the order of the calls, not of the polls: a call sends when it is made, and the future it returns
//! only waits. Dropping the future gives up the wait, not the request.
//!
//! Where at least 64 requests are under way, and a busy server takes 4 ms or longer for each, answers and events are collected
//! and may come up to 2 ms later than they arrive: waking for each would cost several times the processor time.
//!
//! What a client logs and measures is told in [`telemetry`].
#![forbid(unsafe_code)]

mod acl;
mod board;
mod builder;
mod client;
mod clock;
mod connect;
mod driver;
mod error;
mod events;
#[cfg(feature = "gssapi")]
mod gssapi;
pub mod metrics;
mod path;
mod persistent_watcher;
mod race;
mod requests;
mod sasl;
mod socket;
mod spare;
mod status;
pub mod telemetry;
#[cfg(feature = "tls")]
mod tls;
mod watcher;

pub use acl::Acl;
pub use builder::ClientBuilder;
pub use client::Client;
pub use clock::now;
pub use error::{Error, ErrorKind, Invalid, Rejected};
#[cfg(feature = "gssapi")]
pub use gssapi::Gssapi;
pub use persistent_watcher::PersistentWatcher;
pub use requests::{
    multi::{MultiOp, MultiResult},
    multi_read::{ReadOp, ReadResult},
    reconfig::Reconfig,
    who_am_i::Identity,
};
pub use sasl::Sasl;
pub use status::{SessionEvent, SessionEvents, Status};
#[cfg(feature = "tls")]
pub use tls::{CaSource, ClientIdentity, TlsError, TlsOptions, TlsVersion, Verification};
pub use watcher::{OneshotWatcher, WatchEvent};
pub use zk_jute::{AddWatchMode, CreateMode, ErrorCode, EventType, FrameLimit, Permissions, records::Stat};
pub use zk_proto::{
    Cause, ConnectString, ConnectStringError, ExpiryCause, Host, ProtocolError, Secret, SessionCredentials,
    SessionInfo, State, StateChange, Timestamp, WhenDisconnected, is_forbidden_in_paths,
};
