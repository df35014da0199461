//! A proxy in front of one server that does what networks do at night.
//!
//! What passes and what does not is decided by calls, at once and for all its connections:
//!
//! ```no_run
//! # async fn example(server: std::net::SocketAddr) -> std::io::Result<()> {
//! use std::time::Duration;
//! use zk_jute::OpCode;
//! use zk_testkit::{Direction, FaultProxy};
//!
//! let proxy = FaultProxy::start(server).await?;
//! println!("connect to {}", proxy.address());
//! proxy.set_latency(Duration::from_millis(50));
//! proxy.black_hole(Direction::ToClient, true);
//! proxy.black_hole(Direction::ToClient, false);
//! proxy.set_slices(Some(3));
//! proxy.set_bandwidth(Some(10_000));
//! proxy.reset();
//! proxy.half_open(Direction::ToServer);
//! proxy.refuse(true).await?;
//! proxy.refuse(false).await?;
//! // The server carries out the next create, and the client never learns of it.
//! let lost = proxy.lose_reply(|request| request.op == OpCode::CREATE2);
//! lost.happened().await;
//! # Ok(())
//! # }
//! ```
//!
//! It understands ZooKeeper's frames where it has to (not TLS); anything else is passed on as it is. What servers say to each
//! other has no frames: see [`FaultProxy::start_opaque`].

mod announcement;
mod counts;
mod door;
mod link;
mod pace;
mod rules;
mod way;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};
use zk_jute::OpCode;

pub(crate) use announcement::Announced;
use counts::Counters;
pub use counts::Counts;
use pace::Pace;
pub use rules::{Fault, Request};
use rules::{Rules, Then};

/// A way through the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// The proxy. Dropping it cuts its connections and lets nobody in.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    controls: Arc<Controls>,
    task: JoinHandle<()>,
}

/// What is decided by calls and obeyed by the connections.
#[derive(Debug)]
struct Controls {
    server: SocketAddr,
    /// Whether the bytes are not to be understood.
    is_opaque: bool,
    /// What is said instead of the address in an election connection's first message.
    announced: watch::Sender<Option<Announced>>,
    latency: watch::Sender<Duration>,
    pace: watch::Sender<Pace>,
    to_server_held: watch::Sender<bool>,
    to_client_held: watch::Sender<bool>,
    /// Whether connections are to be refused, and whether they are.
    refuse: watch::Sender<bool>,
    refused: watch::Sender<bool>,
    /// Counts the resets.
    resets: watch::Sender<u64>,
    /// Counts the connections' halvings, with the direction of the last.
    halvings: watch::Sender<(u64, Direction)>,
    rules: Rules,
    counters: Counters,
}

impl Controls {
    fn held(&self, direction: Direction) -> &watch::Sender<bool> {
        match direction {
            Direction::ToServer => &self.to_server_held,
            Direction::ToClient => &self.to_client_held,
        }
    }
}

impl FaultProxy {
    /// Starts a proxy to `server` on a port of its own. It passes everything.
    ///
    /// # Errors
    ///
    /// The operating system gives no port.
    pub async fn start(server: SocketAddr) -> std::io::Result<Self> {
        Self::start_as(server, false).await
    }

    /// The same for what is not said in ZooKeeper's frames, and may look as if it were. There are no single requests in it.
    ///
    /// # Errors
    ///
    /// The operating system gives no port.
    pub async fn start_opaque(server: SocketAddr) -> std::io::Result<Self> {
        Self::start_as(server, true).await
    }

    async fn start_as(server: SocketAddr, is_opaque: bool) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let controls = Arc::new(Controls {
            server,
            is_opaque,
            announced: watch::Sender::new(None),
            latency: watch::Sender::new(Duration::ZERO),
            pace: watch::Sender::new(Pace::default()),
            to_server_held: watch::Sender::new(false),
            to_client_held: watch::Sender::new(false),
            refuse: watch::Sender::new(false),
            refused: watch::Sender::new(false),
            resets: watch::Sender::new(0),
            halvings: watch::Sender::new((0, Direction::ToServer)),
            rules: Rules::default(),
            counters: Counters::default(),
        });
        let task = tokio::spawn(door::keep(listener, address, Arc::clone(&controls)));
        Ok(Self { address, controls, task })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delays every byte that arrives from now on by this, in each direction. A round trip takes twice as long.
    pub fn set_latency(&self, one_way: Duration) {
        self.controls.latency.send_replace(one_way);
    }

    /// Passes bytes on in slices of at most so many, each in a packet of its own (1 ms apart, so that the kernel does not join
    /// them); or as they come again.
    pub fn set_slices(&self, slice: Option<usize>) {
        self.controls.pace.send_modify(|pace| pace.slice = slice);
    }

    /// Passes no more than so many bytes a second on, in each direction of each connection; or as many as come.
    pub fn set_bandwidth(&self, bytes_per_second: Option<u32>) {
        self.controls.pace.send_modify(|pace| pace.bandwidth = bytes_per_second);
    }

    /// Lets nothing out in this direction, not even that a side has closed, or lets it out again with all that was held
    /// meanwhile, as TCP does after a partition. Connections stay open. New ones reach the server when it is over, unless the
    /// client has given up.
    pub fn black_hole(&self, direction: Direction, on: bool) {
        self.controls.held(direction).send_replace(on);
    }

    /// Refuses new connections, as a host without a server does, or takes them again. The open ones stay. Returns when it is
    /// so.
    ///
    /// # Errors
    ///
    /// The port cannot be had again.
    pub async fn refuse(&self, on: bool) -> std::io::Result<()> {
        let mut refused = self.controls.refused.subscribe();
        self.controls.refuse.send_replace(on);
        let obeyed = refused.wait_for(|refused| *refused == on);
        match tokio::time::timeout(2 * door::PATIENCE, obeyed).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(std::io::Error::other("the proxy has lost its port")),
        }
    }

    /// Resets every connection (RST), on both sides.
    pub fn reset(&self) {
        self.controls.resets.send_modify(|resets| *resets += 1);
    }

    /// Resets every connection for the side that receives in this direction, and leaves it open for the side that sends: it is
    /// told nothing, and what it sends is lost.
    pub fn half_open(&self, receives: Direction) {
        self.controls.halvings.send_modify(|(count, direction)| {
            *count += 1;
            *direction = receives;
        });
    }

    /// What the proxy has done so far.
    pub fn counts(&self) -> Counts {
        self.controls.counters.read()
    }

    /// Has an address in the first message of election connections replaced: what a server calls itself.
    pub(crate) fn announce(&self, announced: Announced) {
        self.controls.announced.send_replace(Some(announced));
    }

    /// Cuts the connection of the next such request, before the server gets the request.
    pub fn lose_request(&self, when: impl Fn(&Request) -> bool + Send + 'static) -> Fault {
        self.controls.rules.add(when, Then::LoseRequest)
    }

    /// Passes the next such request on, and cuts the connection when the server has answered it. The client does not get the
    /// answer.
    pub fn lose_reply(&self, when: impl Fn(&Request) -> bool + Send + 'static) -> Fault {
        self.controls.rules.add(when, Then::LoseReply)
    }

    /// Holds the next such request and everything that clients send after it, as
    /// [`black_hole`](Self::black_hole) to the server does: until that is turned off.
    pub fn hold_request(&self, when: impl Fn(&Request) -> bool + Send + 'static) -> Fault {
        self.controls.rules.add(when, Then::Hold)
    }

    /// Replaces the op code of every such request from now on: one that servers do not know shows what older servers say.
    pub fn replace_op(&self, op: OpCode, by: OpCode) -> Fault {
        self.controls.rules.add(move |request| request.op == op, Then::ReplaceOp(by))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
        self.reset();
    }
}
