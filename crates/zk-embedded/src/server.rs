//! A running server.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::DuplexStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Faults, ServerBuilder, SessionView, error::StartError, hub::Hub};

/// Bytes that fit into one direction of an in-memory connection.
const DUPLEX: usize = 64 * 1024;

/// A ZooKeeper server in this process. It ends, with all its connections, when it is dropped.
///
/// ```
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = zk_embedded::Server::start().await?;
/// let client = zk_session::Client::builder(&server.connect_string())?.build();
/// assert!(client.exists("/zookeeper").await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    pub(crate) hub: Arc<Hub>,
    pub(crate) ports: Vec<Port>,
    pub(crate) _time: Task,
}

/// One way in.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    pub(crate) orders: mpsc::UnboundedSender<(bool, oneshot::Sender<io::Result<()>>)>,
    pub(crate) insiders: mpsc::UnboundedSender<DuplexStream>,
    pub(crate) _task: Task,
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Task {
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Server {
    /// Starts a server with the settings of ZooKeeper's own defaults, on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`ServerBuilder::start`].
    ///
    /// # Cancel safety
    ///
    /// Safe: what was started ends when the future is dropped.
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Settings.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr_of(0)
    }

    /// The same, as ZooKeeper clients take it.
    pub fn connect_string(&self) -> String {
        let addresses: Vec<String> = self.ports.iter().map(|port| port.address.to_string()).collect();
        addresses.join(",")
    }

    /// A connection in memory: no port, no kernel, and exact under a paused clock.
    pub fn connect(&self) -> DuplexStream {
        self.connect_to(0)
    }

    /// What can be made to go wrong.
    pub fn faults(&self) -> Faults<'_> {
        Faults { server: self }
    }

    /// All sessions, by id.
    pub fn sessions(&self) -> Vec<SessionView> {
        self.hub.with(|engine, now| engine.sessions(now))
    }

    /// The zxid of the last transaction.
    pub fn last_zxid(&self) -> i64 {
        self.hub.with(|engine, _| engine.last_zxid())
    }

    pub(crate) fn addr_of(&self, server: usize) -> SocketAddr {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        self.ports.get(server).map_or(nowhere, |port| port.address)
    }

    pub(crate) fn connect_to(&self, server: usize) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(DUPLEX);
        if let Some(port) = self.ports.get(server) {
            // The task lives as long as this: if it does not, the client finds the connection closed.
            let _ = port.insiders.send(theirs);
        }
        ours
    }
}
