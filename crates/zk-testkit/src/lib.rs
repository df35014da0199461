//! Real ZooKeeper ensembles as child processes, for the tests of this workspace.
//!
//! [`Ensemble::builder`] starts one server or a quorum of them from the jars that Debian packages (or from a
//! `ZOOKEEPER_HOME`), on ports of its own, in a directory of its own. A started [`Ensemble`] can stop, kill,
//! freeze, thaw and restart each server, and says who leads and which server holds a session. Dropping it
//! kills the processes and removes the directory.
//!
//! ```no_run
//! # async fn example() -> Result<(), zk_testkit::TestkitError> {
//! use zk_testkit::Ensemble;
//!
//! let ensemble = Ensemble::builder().servers(3).start().await?;
//! println!("connect to {}", ensemble.connect_string());
//!
//! let old = ensemble.wait_quorum().await?;
//! ensemble.kill(old).await?;
//! let new = ensemble.wait_quorum().await?;
//! assert_ne!(old, new);
//! # Ok(())
//! # }
//! ```
//!
//! A [`FaultProxy`] in front of a server adds latency, holds, resets, refuses, slices, throttles, leaves connections half open,
//! and loses requests or replies. An ensemble has them in front of every client port and between each two servers if its builder
//! is told so; [`Ensemble::partition`] cuts servers off from each other.
//!
//! # What it promises
//!
//! * **Ready means ready.** [`EnsembleBuilder::start`] returns when every server answers `srvr` with a mode;
//!   nothing is inferred from elapsed time.
//! * **Nothing is left behind.** Processes are killed by recorded pid on drop, panics included. If the test
//!   process itself is killed, the kernel kills the servers (`setpriv --pdeathsig`, Linux), and the
//!   directory is swept by a later run.
//! * **Nobody else's ports.** See [`PortLease`] for how concurrent test binaries are kept apart.
//!
//! The crate works on Unix; only on Linux do the servers die with a killed test process.

#![forbid(unsafe_code)]

mod builder;
mod certificates;
mod ensemble;
mod error;
mod four_letter;
mod java;
mod kerberos;
mod network;
mod ports;
mod proxy;
mod scratch;
mod server;
mod spawner;
mod status;

pub use builder::EnsembleBuilder;
pub use certificates::{Authority, Certificate, KeyForm, KeyKind};
pub use ensemble::Ensemble;
pub use error::TestkitError;
pub use four_letter::four_letter_word;
pub use kerberos::Kerberos;
pub use ports::PortLease;
pub use proxy::{Counts, Direction, Fault, FaultProxy, Request};
pub use server::Server;
pub use status::{LeaderProgress, Mode, ServerStatus};
