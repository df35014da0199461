//! What a server shall be.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    engine::{Engine, Settings},
    ensemble::Ensemble,
    error::StartError,
    hub::Hub,
    listener::Door,
    server::{Port, Server, Task},
};

/// Settings of a [`Server`] or an [`Ensemble`]; from [`Server::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct ServerBuilder {
    address: SocketAddr,
    allow_remote: bool,
    tick: Duration,
    min_session_timeout: Option<Duration>,
    max_session_timeout: Option<Duration>,
    container_check: Duration,
    ttl: bool,
    sync_limit: u32,
    seed: Option<u64>,
    wall_clock: Option<SystemTime>,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            tick: Duration::from_secs(2),
            min_session_timeout: None,
            max_session_timeout: None,
            container_check: Duration::from_secs(60),
            ttl: false,
            sync_limit: 5,
            seed: None,
            wall_clock: None,
        }
    }
}

impl ServerBuilder {
    /// ZooKeeper's `tickTime`: the granularity of expiry (default 2 s, at least 1 ms).
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick.max(Duration::from_millis(1));
        self
    }

    /// The shortest session timeout that is granted (default 2 ticks).
    pub fn min_session_timeout(mut self, timeout: Duration) -> Self {
        self.min_session_timeout = Some(timeout);
        self
    }

    /// The longest session timeout that is granted (default 20 ticks).
    pub fn max_session_timeout(mut self, timeout: Duration) -> Self {
        self.max_session_timeout = Some(timeout);
        self
    }

    /// How often containers and znodes with a time to live are looked after: `znode.container.checkIntervalMs` (default
    /// 60 s, at least 1 ms).
    pub fn container_check_interval(mut self, interval: Duration) -> Self {
        self.container_check = interval.max(Duration::from_millis(1));
        self
    }

    /// Whether znodes may have a time to live: `zookeeper.extendedTypesEnabled` (default no, as in ZooKeeper, which then
    /// answers such a create with "unimplemented").
    pub fn ttl_nodes(mut self, on: bool) -> Self {
        self.ttl = on;
        self
    }

    /// How many ticks a follower that is cut off goes on serving (default 5).
    pub fn sync_limit(mut self, ticks: u32) -> Self {
        self.sync_limit = ticks;
        self
    }

    /// What session ids and passwords are drawn from (default: something else each time). With the same seed, the same
    /// [wall clock](Self::wall_clock_starts_at), tokio's clock paused and in-memory connections, a run
    /// is the same every time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// What the wall clock shows when the server starts (default: the time of day). It goes on with tokio's clock.
    pub fn wall_clock_starts_at(mut self, time: SystemTime) -> Self {
        self.wall_clock = Some(time);
        self
    }

    /// Where to listen (default: a free port of 127.0.0.1).
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Whether the address may be one that other machines reach (default no). Whoever reaches the port owns all there is.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.allow_remote = allow;
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// [`StartError::NotLoopback`], [`StartError::Listen`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time and I/O enabled, as [`tokio::spawn`] does.
    ///
    /// # Cancel safety
    ///
    /// Safe: what was started ends when the future is dropped.
    pub async fn start(self) -> Result<Server, StartError> {
        self.start_servers(1).await
    }

    /// Starts several servers on one tree. See [`Ensemble`].
    ///
    /// # Errors
    ///
    /// [`StartError::Servers`] for none, more than 255, or several on one fixed port; those of [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub async fn start_ensemble(self, servers: usize) -> Result<Ensemble, StartError> {
        let is_possible = (1..=255).contains(&servers) && (servers == 1 || self.address.port() == 0);
        if !is_possible {
            return Err(StartError::Servers(servers));
        }
        self.start_servers(servers).await.map(Ensemble::new)
    }

    async fn start_servers(self, servers: usize) -> Result<Server, StartError> {
        if !self.address.ip().is_loopback() && !self.allow_remote {
            return Err(StartError::NotLoopback(self.address));
        }
        let settings = self.settings();
        let wall = self.wall_clock.unwrap_or_else(SystemTime::now).duration_since(UNIX_EPOCH);
        let wall = wall.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let hub = Arc::new(Hub::new(Engine::new(settings, servers), wall));
        let mut ports = Vec::with_capacity(servers);
        for server in 0..servers {
            let failed = |source| StartError::Listen { address: self.address, source };
            let listener = TcpListener::bind(self.address).await.map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let (orders, orders_receiver) = mpsc::unbounded_channel();
            let (insiders, receiver) = mpsc::unbounded_channel();
            let door =
                Door { hub: Arc::clone(&hub), server, address, orders: orders_receiver, insiders: receiver };
            let task = Task::spawn(door.keep(listener));
            ports.push(Port { address, orders, insiders, _task: task });
        }
        let time = Arc::clone(&hub);
        let _time = Task::spawn(async move { time.keep_time().await });
        Ok(Server { hub, ports, _time })
    }

    fn settings(&self) -> Settings {
        Settings {
            tick: self.tick,
            min_session_timeout: self.min_session_timeout.unwrap_or(self.tick.saturating_mul(2)),
            max_session_timeout: self.max_session_timeout.unwrap_or(self.tick.saturating_mul(20)),
            container_check: self.container_check,
            ttl: self.ttl,
            sync_limit: self.tick.saturating_mul(self.sync_limit),
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..)),
        }
    }
}
