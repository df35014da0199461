//! A server, and what is measured before it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::ValueEnum;
use tokio::{process::Command, time::sleep};
use zk_session::{Acl, Client, CreateMode};
use zk_testkit::{Ensemble, FaultProxy, four_letter_word};

use super::{PARENT, Used, node, require_files};
use crate::{
    contender::{Child, Launcher, ROLE},
    loading::{Loads, Shape},
    report::{SIZE, Sample, Subject, is_ours, median, note},
    servers::{AnyError, as_in_use, create_all},
};

/// Members of each group of an MPP cluster.
const GROUP: u32 = 3;
/// The fewest loads that a figure is made of, and for how long a contender loads, in milliseconds.
const LOADS: &str = "3 300";
/// How long a contender may take for one order.
const PATIENCE: Duration = Duration::from_secs(60);
/// From when on a connection is a healthy one, that is replaced at once when it is lost.
const HEALTHY: Duration = Duration::from_millis(1_100);
/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(1);

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Series {
    /// The members of a cluster that is loaded.
    Members,
    /// The groups of three of a Citus cluster that is loaded.
    Groups,
    /// The watches of one session.
    Watches,
    /// The sessions in one process.
    Sessions,
}

impl Series {
    /// Its name in tables and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Groups => "groups",
            Self::Watches => "watches",
            Self::Sessions => "sessions",
        }
    }

    /// The steps.
    pub fn sizes(self) -> &'static [usize] {
        match self {
            Self::Members => &[3, 10, 30, 100, 300, 1_000],
            Self::Groups => &[1, 3, 10, 30, 100],
            Self::Watches => &[10, 100, 1_000, 10_000, 100_000],
            Self::Sessions => &[1, 10, 100, 1_000, 10_000],
        }
    }

    /// Whether it is about the load of a cluster.
    pub fn is_loaded(self) -> bool {
        matches!(self, Self::Members | Self::Groups)
    }

    fn shape(self, size: usize) -> Option<Shape> {
        let size = u32::try_from(size).ok()?;
        match self {
            Self::Members => Some(Shape { groups: None, members: size }),
            Self::Groups => Some(Shape { groups: Some(size), members: GROUP }),
            Self::Watches | Self::Sessions => None,
        }
    }
}

/// A running server with room for everything.
#[derive(Debug)]
pub struct Scene {
    ensemble: Ensemble,
    server: SocketAddr,
    proxy: FaultProxy,
    owner: Client,
    launcher: Launcher,
    idle: Duration,
}

impl Scene {
    /// Starts the server. Sessions will be idle for so many seconds.
    ///
    /// # Errors
    ///
    /// Java or ZooKeeper is missing, or does not come up.
    pub async fn start(idle: u64) -> Result<Self, AnyError> {
        let largest = Series::Sessions.sizes().iter().max().copied().unwrap_or_default();
        // The server inherits the limit. Where it is too low, the step that needs it says so.
        let _ = require_files(largest);
        let builder = as_in_use(1).java_option("-Xmx2g").property("maxClientCnxns", "0");
        let ensemble = builder.start().await?;
        let server = ensemble.hosts().into_iter().next().ok_or("the ensemble has no server")?;
        let owner = Client::builder(&ensemble.connect_string())?.build();
        owner.connected().await?;
        owner.create(PARENT, "", CreateMode::PERSISTENT, &Acl::open()).await?;
        let proxy = FaultProxy::start(server).await?;
        let idle = Duration::from_secs(idle);
        Ok(Self { ensemble, server, proxy, owner, launcher: Launcher::new()?, idle })
    }

    /// Makes the nodes of a step. Within: why it cannot be taken here.
    ///
    /// # Errors
    ///
    /// The server fails.
    pub async fn prepare(&self, series: Series, size: usize) -> Result<Result<(), String>, AnyError> {
        if let Some(shape) = series.shape(size) {
            shape.make(&self.owner).await?;
        }
        match series {
            Series::Watches => {
                let there = self.owner.get_all_children_number(PARENT).await?;
                let nodes: Vec<_> = (usize::try_from(there)?..size)
                    .map(|number| (node(number), Bytes::new(), CreateMode::PERSISTENT))
                    .collect();
                create_all(&self.owner, &nodes).await?;
                Ok(Ok(()))
            }
            Series::Sessions => Ok(require_files(size)),
            Series::Members | Series::Groups => Ok(Ok(())),
        }
    }

    /// One step of one contender.
    ///
    /// # Errors
    ///
    /// In words: it fails, or does something else than it was asked for.
    pub async fn measure(
        &self,
        series: Series,
        size: usize,
        contender: &str,
        round: usize,
    ) -> Result<Sample, String> {
        let mut values = match series {
            Series::Watches => self.watches(size, contender).await?,
            Series::Sessions => self.sessions(size, contender).await?,
            Series::Members | Series::Groups => {
                let shape = series.shape(size).ok_or("a cluster is not that large")?;
                self.loads(shape, contender).await?
            }
        };
        values.insert(SIZE, size as f64);
        let (server, workload) = ("one server".to_owned(), series.name().to_owned());
        let subject = Subject { server, workload, contender: contender.to_owned() };
        Ok(Sample { subject, round, values })
    }

    async fn loads(&self, shape: Shape, contender: &str) -> Result<BTreeMap<&'static str, f64>, String> {
        let mut command = self.launcher.loader(contender)?;
        let group = shape.group().map_or("-".to_owned(), |group| group.to_string());
        command.args([self.ensemble.connect_string(), shape.scope(), group]);
        let mut child = Child::start(command).await?;
        // The first one is another.
        let _: Loads = child.ask("next 1 0", PATIENCE).await?;
        let loads: Loads = child.ask(&format!("next {LOADS}"), PATIENCE).await?;
        if loads.seen != shape.seen() {
            return Err(format!("it has not loaded the whole cluster: {:?}", loads.seen));
        }
        let count = loads.times_ms.len() as f64;
        let load_ms = median(loads.times_ms).ok_or("it has loaded nothing")?;
        Ok(BTreeMap::from([("load_ms", load_ms), ("cpu_ms_per_load", loads.cpu_seconds * 1e3 / count)]))
    }

    async fn watches(&self, size: usize, contender: &str) -> Result<BTreeMap<&'static str, f64>, String> {
        let order = format!("watches {size}");
        let mut values = self.memory(&order, size, contender).await?;
        let mut child = Child::start(self.command(contender, &self.proxy.address().to_string())?).await?;
        let begun: Used = child.ask(&order, PATIENCE).await?;
        values.extend(begin(&begun, size));
        match self.restore(child, size).await {
            Ok(restored) => values.extend(restored),
            Err(why) if is_ours(contender) => return Err(why),
            // What it takes to leave the watches is known all the same.
            Err(why) => note(&format!("{contender}: {why}")),
        }
        Ok(values)
    }

    /// Cuts the connection, and waits until all watches are on another one.
    async fn restore(&self, mut child: Child, size: usize) -> Result<[(&'static str, f64); 2], String> {
        // What another step has left goes with its connection.
        self.wait_for_watches(size).await?;
        sleep(HEALTHY).await;
        let start = Instant::now();
        let cut = self.proxy.counts().cut;
        self.proxy.reset();
        while self.proxy.counts().cut == cut {
            sleep(EVERY).await;
        }
        let restored: Result<Used, String> = child.ask("restored", PATIENCE).await;
        let restored = restored.map_err(|why| format!("its connection was cut, and since then it {why}"))?;
        // Some clients answer calls before their watches are there.
        self.wait_for_watches(size).await?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let cpu_us_each = restored.cpu_seconds * 1e6 / size as f64;
        Ok([("restore_ms", milliseconds), ("restore_cpu_us_each", cpu_us_each)])
    }

    async fn sessions(&self, size: usize, contender: &str) -> Result<BTreeMap<&'static str, f64>, String> {
        let order = format!("sessions {size}");
        let connect_string = self.ensemble.connect_string();
        let mut values = self.memory(&order, size, contender).await?;
        let mut child = Child::start(self.command(contender, &connect_string)?).await?;
        let begun: Used = child.ask(&order, PATIENCE).await?;
        values.extend(begin(&begun, size));
        let idle: Used = child.ask(&format!("idle {}", self.idle.as_millis()), self.idle + PATIENCE).await?;
        values.insert("idle_cpu_us_each", idle.cpu_seconds * 1e6 / idle.seconds / size as f64);
        Ok(values)
    }

    /// What an order leaves in memory, in a process of its own that counts.
    async fn memory(
        &self,
        order: &str,
        size: usize,
        contender: &str,
    ) -> Result<BTreeMap<&'static str, f64>, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let program = program.with_file_name("scale-counted");
        if !program.exists() {
            return Err("build all programs of the package `benches`: scale-counted is missing".to_owned());
        }
        let mut command = Command::new(program);
        command.args([ROLE, contender, &self.ensemble.connect_string()]);
        let used: Used = Child::start(command).await?.ask(order, PATIENCE).await?;
        let heap = used.heap_bytes.ok_or("it does not count")?;
        Ok(BTreeMap::from([("heap_each", heap as f64 / size as f64)]))
    }

    fn command(&self, contender: &str, connect_string: &str) -> Result<Command, String> {
        let mut command = self.launcher.command(contender)?;
        command.arg(connect_string);
        Ok(command)
    }

    /// Waits until the server has so many watches.
    async fn wait_for_watches(&self, count: usize) -> Result<(), String> {
        let expected = format!("Total watches:{count}");
        let start = Instant::now();
        loop {
            let answer = four_letter_word(self.server, "wchs").await.map_err(|error| error.to_string())?;
            if answer.lines().any(|line| line.trim() == expected) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(format!("{count} watches were left, and the server says: {answer}"));
            }
            sleep(EVERY).await;
        }
    }
}

/// What it took to begin.
fn begin(used: &Used, size: usize) -> [(&'static str, f64); 3] {
    let size = size as f64;
    [
        ("begin_ms", used.seconds * 1e3),
        ("begin_cpu_us_each", used.cpu_seconds * 1e6 / size),
        ("resident_each", used.resident_bytes as f64 / size),
    ]
}
