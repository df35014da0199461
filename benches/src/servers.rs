//! What contenders talk to.

use std::{io, process::Stdio, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use zk_session::{Acl, Client, CreateMode};
use zk_testkit::{Ensemble, EnsembleBuilder};

use crate::contender::{GET_PATH, Workload, set_path, watch_path};

/// The argument with which a program becomes the stub server.
pub const STUB_ROLE: &str = "stub";

/// How many nodes are made at a time.
const BATCH: usize = 100;

/// An error of anything that is set up.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Prepared replies from another process.
    Stub,
    /// A ZooKeeper server on its own.
    One,
    /// An ensemble of three ZooKeeper servers.
    Three,
}

impl Kind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stub => "stub",
            Self::One => "one server",
            Self::Three => "three servers",
        }
    }
}

/// A running server or ensemble; it ends when this is dropped.
#[derive(Debug)]
pub struct Servers {
    connect_string: String,
    _running: Running,
}

#[derive(Debug)]
enum Running {
    Stub { _process: Child },
    Real { _ensemble: Ensemble },
}

impl Servers {
    /// Starts them, with the nodes that the workloads want, each with `payload` bytes of data.
    ///
    /// # Errors
    ///
    /// Java or ZooKeeper is missing, or does not come up.
    pub async fn start(kind: Kind, payload: usize) -> Result<Self, AnyError> {
        match kind {
            Kind::Stub => Ok(Self::stub(payload).await?),
            Kind::One => Self::real(1, payload).await,
            Kind::Three => Self::real(3, payload).await,
        }
    }

    /// Where clients connect.
    pub fn connect_string(&self) -> &str {
        &self.connect_string
    }

    /// This program again, as the stub. It ends with its standard input.
    async fn stub(payload: usize) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([STUB_ROLE, &payload.to_string()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let silent = || io::Error::other("the stub does not say where it listens");
        let mut lines = BufReader::new(process.stdout.take().ok_or_else(silent)?).lines();
        let connect_string = lines.next_line().await?.ok_or_else(silent)?;
        Ok(Self { connect_string, _running: Running::Stub { _process: process } })
    }

    async fn real(servers: usize, payload: usize) -> Result<Self, AnyError> {
        let ensemble = ensemble(servers, payload).await?;
        Ok(Self {
            connect_string: ensemble.connect_string(),
            _running: Running::Real { _ensemble: ensemble },
        })
    }
}

/// So many servers as they are run where they are used: with both compilers and room.
pub fn as_in_use(servers: usize) -> EnsembleBuilder {
    let builder = Ensemble::builder().servers(servers).tick_time(Duration::from_secs(2));
    builder.java_option("-Xmx512m").java_option("-XX:TieredStopAtLevel=4")
}

/// Starts real servers, with the nodes that the workloads want, each with `payload` bytes of data.
///
/// # Errors
///
/// Java or ZooKeeper is missing, or does not come up.
pub async fn ensemble(servers: usize, payload: usize) -> Result<Ensemble, AnyError> {
    let ensemble = as_in_use(servers).start().await?;
    make_nodes(&ensemble.connect_string(), payload).await?;
    Ok(ensemble)
}

async fn make_nodes(connect_string: &str, payload: usize) -> Result<(), AnyError> {
    let client = Client::builder(connect_string)?.build();
    client.connected().await?;
    let lanes = |workload: Workload| 0..workload.lanes();
    let mut paths: Vec<String> =
        ["/bench", GET_PATH, "/bench/set", "/bench/ephemeral", "/bench/watch"].map(String::from).to_vec();
    paths.extend(lanes(Workload::PipelinedSet).map(set_path));
    paths.extend(lanes(Workload::WatchFanOut).map(watch_path));
    let data = Bytes::from(vec![b'x'; payload]);
    let nodes: Vec<_> = paths.into_iter().map(|path| (path, data.clone(), CreateMode::PERSISTENT)).collect();
    create_all(&client, &nodes).await?;
    client.close().await;
    Ok(())
}

/// Creates nodes, parents first.
pub(crate) async fn create_all(
    client: &Client,
    nodes: &[(String, Bytes, CreateMode)],
) -> Result<(), AnyError> {
    for batch in nodes.chunks(BATCH) {
        // They are sent in this order.
        let made: Vec<_> = batch
            .iter()
            .map(|(path, data, mode)| client.create(path, data.clone(), *mode, &Acl::open()))
            .collect();
        for made in made {
            made.await?;
        }
    }
    Ok(())
}
