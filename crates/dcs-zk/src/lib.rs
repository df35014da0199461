//! Patroni's distributed configuration store on ZooKeeper, for Rust agents.
//!
//! [`DcsZk`] answers to `patroni.dcs.zookeeper.ZooKeeper`: it reads and writes the same znodes, byte for byte, so that a
//! Rust agent and a Python Patroni share one scope. Where the original has a hole, the documentation of the operation says
//! what is done better.
//!
//! ```no_run
//! use dcs_zk::{Config, DcsZk, MemberData};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::new("demo", "zk1:2181,zk2:2181,zk3:2181")?.with_name("node1")?;
//! let dcs = DcsZk::connect(config);
//! loop {
//!     let cluster = dcs.get_cluster().await?;
//!     let data = MemberData::new("postgres://10.0.0.1:5432/postgres", "http://10.0.0.1:8008/patroni");
//!     dcs.touch_member(&data).await?;
//!     if cluster.is_unlocked() {
//!         if let Some(lease) = dcs.attempt_to_acquire_leader().await? {
//!             println!("leading for {:?}", lease.remaining());
//!         }
//!     }
//!     dcs.watch(cluster.leader.as_ref().map(|leader| leader.version), dcs.loop_wait()).await;
//! }
//! # }
//! ```
#![forbid(unsafe_code)]

mod changes;
pub mod config;
mod dcs;
mod earlier_sessions;
mod error;
mod ha_round;
mod lease;
mod loader;
mod ops;
mod paths;
mod reload;
mod retry;
mod watch;

pub use changes::{ClusterChange, ClusterChanges, CurrentLeader, LeaderChange, LeaderChanges};
pub use config::{Config, ConfigError, Timings};
pub use dcs::DcsZk;
pub use dcs_model::{Cluster, Failover, Failsafe, Leader, Member, MemberData, StatusUpdate, SyncState};
pub use error::{DcsError, ErrorKind};
pub use lease::Lease;
pub use loader::Groups;
pub use ops::{fenced::Fenced, leader::LeaderUpdate, member::Touched};
pub use paths::{MemberName, Paths};
pub use reload::Reloaded;
pub use zk_session::{Timestamp, now};
