//! Why a server does not start.

use std::{io, net::SocketAddr};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is reachable from other machines.
    #[error(
        "{0} can be reached from other machines: this server keeps nothing on disk and is for tests; call \
         `allow_remote` if they shall reach it all the same"
    )]
    NotLoopback(SocketAddr),
    /// An ensemble needs a port for each server.
    #[error("no ensemble of {0} servers: 1 to 255 are possible, and a fixed port is for one server alone")]
    Servers(usize),
    /// The operating system gives no port.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}
