//! Loading clusters, this workspace's way and Patroni's, side by side.

use std::{
    collections::BTreeMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use benches::{
    contender::{self, Child, Launcher},
    loading::{self, Kind, Loads, PATRONI, Shape},
    report::{Better, DCS_ZK, Metric, Progress, Report, ReportOptions, Sample, Subject, median, note},
    servers::{AnyError, as_in_use},
    spinner::{self, Spinners},
};
use clap::{Parser, Subcommand};
use tokio::process::Command;
use zk_session::Client;
use zk_testkit::FaultProxy;

/// How long it takes to load a cluster: `get_cluster` of dcs-zk, and of Patroni's own classes on kazoo.
///
/// Both load the same keys of a real server through a proxy that delays what passes. In each round they take turns; a load
/// that does not give the whole cluster ends the run. "next" are loads as in an HA loop, whose members are those of the load
/// before; "first" are those of a client that is connected and knows nothing yet.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    report: ReportOptions,

    /// Round trips that the proxy adds, in milliseconds, separated by commas; 0 is always among them
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "2,10")]
    round_trips: Vec<u32>,

    /// Clusters, separated by commas: 20 for that many members, 20x3 for Citus with 20 groups of 3
    #[arg(long, value_name = "SHAPE", value_delimiter = ',', default_value = "3,20,20x3")]
    shapes: Vec<Shape>,

    /// How long a contender loads in each round, in milliseconds; it does so three times at least
    #[arg(long, value_name = "MS", default_value_t = 300)]
    time: u64,

    #[command(subcommand)]
    role: Option<Role>,
}

/// What this program is when it starts itself again.
#[derive(Debug, Subcommand)]
enum Role {
    #[command(hide = true, name = contender::ROLE)]
    Contender { name: String, connect_string: String, scope: String, group: String },
    #[command(hide = true, name = spinner::ROLE)]
    Spin,
}

const METRICS: [Metric; 5] = [
    Metric { key: "load_ms", heading: "load, ms", better: Better::Lower, compared: true },
    Metric { key: "cpu_ms_per_load", heading: "CPU ms/load", better: Better::Lower, compared: true },
    Metric { key: "round_trips", heading: "round trips", better: Better::Lower, compared: false },
    Metric { key: "requests", heading: "requests", better: Better::Lower, compared: false },
    Metric { key: "get_ms", heading: "one get, ms", better: Better::Lower, compared: false },
];

/// The fewest loads of a contender in each round.
const LEAST: usize = 3;
/// How long that may take at most.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many gets tell what the proxy adds, or as many as this time allows, but some.
const GETS: usize = 30;
const GETS_TIME: Duration = Duration::from_millis(400);
const LEAST_GETS: usize = 5;
/// By how much the proxy's timers are late, on the whole: they end at the next full millisecond, and that is noticed at the next.
const LATE: Duration = Duration::from_micros(950);

fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.role {
        Some(Role::Contender { connect_string, scope, group, .. }) => {
            loading::serve(connect_string, scope, group.parse().ok())
        }
        Some(Role::Spin) => {
            spinner::run();
            Ok(())
        }
        None => compare(options),
    };
    if let Err(error) = ended {
        note(&format!("loading: {error}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

#[tokio::main(flavor = "current_thread")]
async fn compare(mut options: Options) -> Result<(), AnyError> {
    options.round_trips.retain(|round_trip| *round_trip > 0);
    // What a round trip costs is told by the difference.
    options.round_trips.insert(0, 0);
    let mut report = Report::new("loading", &METRICS, options.report.clone())?;
    let launcher = Launcher::new()?;
    let ensemble = as_in_use(1).start().await?;
    let owner = Client::builder(&ensemble.connect_string())?.build();
    owner.connected().await?;
    let server = ensemble.hosts().into_iter().next().ok_or("the ensemble has no server")?;
    let proxy = FaultProxy::start(server).await?;
    let probe = Client::builder(&proxy.address().to_string())?.build();
    probe.connected().await?;
    let _spinners = Spinners::start()?;

    let rounds = usize::from(options.report.rounds);
    let mut progress = Progress::new(options.shapes.len() * options.round_trips.len() * (rounds + 1));
    for shape in &options.shapes {
        shape.make(&owner).await?;
        let contenders = connect(&options, &launcher, &proxy, *shape).await?;
        let mut scene = Scene { options: &options, shape: *shape, proxy: &proxy, probe: &probe, contenders };
        // A round of its own warms everybody up.
        for round in 0..=rounds {
            scene.round(round, &mut report, &mut progress).await?;
        }
    }
    probe.close().await;
    owner.close().await;
    report.finish()?;
    Ok(())
}

/// The contenders that are asked for and there; says why another one is not.
async fn connect(
    options: &Options,
    launcher: &Launcher,
    proxy: &FaultProxy,
    shape: Shape,
) -> Result<Vec<(&'static str, Child)>, AnyError> {
    // Nobody waits for a connection through a slow proxy.
    proxy.set_latency(Duration::ZERO);
    let group = shape.group().map_or("-".to_owned(), |group| group.to_string());
    let mut contenders = Vec::new();
    for name in [DCS_ZK, PATRONI].into_iter().filter(|name| options.report.wants(name)) {
        let start = |mut command: Command| {
            command.args([proxy.address().to_string(), shape.scope(), group.clone()]);
            Child::start(command)
        };
        let child = match launcher.loader(name) {
            Ok(command) => start(command).await,
            Err(why) => Err(why),
        };
        match child {
            Ok(child) => contenders.push((name, child)),
            Err(why) => note(&format!("{name}: skipped: {why}")),
        }
    }
    if contenders.is_empty() { Err("there is no contender".into()) } else { Ok(contenders) }
}

/// Both contenders before one cluster.
struct Scene<'a> {
    options: &'a Options,
    shape: Shape,
    proxy: &'a FaultProxy,
    probe: &'a Client,
    contenders: Vec<(&'static str, Child)>,
}

impl Scene<'_> {
    async fn round(
        &mut self,
        round: usize,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Result<(), AnyError> {
        let longest = self.options.round_trips.iter().max().copied();
        let (mut get_base, mut bases) = (0.0, Vec::new());
        for round_trip in self.options.round_trips.clone() {
            let what = if round == 0 { "warm-up".to_owned() } else { format!("round {round}") };
            progress.step(&format!("{}, {round_trip} ms, {what}", self.shape.describe()));
            let get_ms = self.delay(round_trip).await?;
            for kind in Kind::ALL {
                for turn in 0..self.contenders.len() {
                    let at = (turn + round) % self.contenders.len();
                    let (name, mut values) = self.measure(at, kind, round).await?;
                    values.insert("get_ms", get_ms);
                    let load_ms = values.get("load_ms").copied().unwrap_or_default();
                    if round_trip == 0 {
                        get_base = get_ms;
                        bases.push(((kind, name), load_ms));
                    } else if Some(round_trip) == longest
                        && let Some((_, base)) = bases.iter().find(|(of, _)| *of == (kind, name))
                    {
                        // What a get has gained is one round trip, as the proxy really made it. By the longest: the shorter
                        // ones drown in what a busy machine adds.
                        values.insert("round_trips", (load_ms - base) / (get_ms - get_base));
                    }
                    let subject = Subject {
                        server: format!("{round_trip} ms added"),
                        workload: format!("{}, {} load", self.shape.describe(), kind.name()),
                        contender: name.to_owned(),
                    };
                    if round > 0 {
                        report.add(Sample { subject, round, values })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Loads of one contender. Whatever goes wrong ends the run: half a comparison is none.
    async fn measure(
        &mut self,
        at: usize,
        kind: Kind,
        round: usize,
    ) -> Result<(&'static str, BTreeMap<&'static str, f64>), AnyError> {
        let (name, child) = &mut self.contenders[at];
        let (least, time) = if round == 0 { (1, 0) } else { (LEAST, self.options.time) };
        let before = self.proxy.counts().requests;
        let order = format!("{} {least} {time}", kind.name());
        let loads: Loads = child.ask(&order, PATIENCE).await.map_err(|why| format!("{name} {why}"))?;
        let requests = self.proxy.counts().requests - before;
        if loads.seen != self.shape.seen() {
            return Err(format!("{name} loaded {:?}, not {:?}", loads.seen, self.shape.seen()).into());
        }
        let count = loads.times_ms.len() as f64;
        let load_ms = median(loads.times_ms).ok_or_else(|| format!("{name} loaded nothing"))?;
        let cpu_ms = loads.cpu_seconds * 1e3 / count;
        let mut values = BTreeMap::from([("load_ms", load_ms), ("cpu_ms_per_load", cpu_ms)]);
        // Before a first load there is more on the wire: what it takes to connect.
        if kind == Kind::Next {
            values.insert("requests", requests as f64 / count);
        }
        Ok((*name, values))
    }

    /// Has the proxy add a round trip; what one request and its answer take from now on.
    async fn delay(&self, round_trip: u32) -> Result<f64, AnyError> {
        let added = Duration::from_millis(u64::from(round_trip));
        self.proxy.set_latency((added / 2).saturating_sub(LATE));
        let get_ms = self.get_ms().await?;
        if get_ms + 1.0 < f64::from(round_trip) {
            return Err(format!("the proxy adds no {round_trip} ms: a get takes {get_ms:.2} ms").into());
        }
        Ok(get_ms)
    }

    /// What one request and its answer take through the proxy.
    async fn get_ms(&self) -> Result<f64, AnyError> {
        let (mut times, begun) = (Vec::new(), Instant::now());
        while times.len() < LEAST_GETS || (times.len() < GETS && begun.elapsed() < GETS_TIME) {
            let start = Instant::now();
            self.probe.get_data("/service").await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(median(times).unwrap_or_default())
    }
}
