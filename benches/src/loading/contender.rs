//! dcs-zk as a contender in loading clusters.

use std::time::{Duration, Instant};

use dcs_zk::{Cluster, Config, DcsZk};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Kind, Loads, Seen, SeenGroup};
use crate::{contender::answer, process::cpu_time, servers::AnyError};

/// Loads as it is told until standard input ends.
///
/// # Errors
///
/// The cluster cannot be loaded, or one load gives something else than the one before.
pub fn serve(connect_string: &str, scope: &str, group: Option<u32>) -> Result<(), AnyError> {
    let mut config = Config::new(scope, connect_string)?.with_name("bench")?;
    if let Some(group) = group {
        config = config.with_group(group);
    }
    // One thread, as with the other clients in Rust.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(carry_out(config))
}

async fn carry_out(config: Config) -> Result<(), AnyError> {
    let mut dcs = connected(&config).await?;
    answer("ready")?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        let words: Vec<&str> = order.split_whitespace().collect();
        let [kind, loads, milliseconds] = words[..] else { return Err(format!("no order: {order}").into()) };
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or("no such kind of load")?;
        let (loads, end) = (loads.parse()?, Instant::now() + Duration::from_millis(milliseconds.parse()?));
        let (mut times_ms, mut cpu_seconds, mut seen) = (Vec::new(), 0.0, None);
        while times_ms.len() < loads || Instant::now() < end {
            if kind == Kind::First {
                let forgotten = std::mem::replace(&mut dcs, connected(&config).await?);
                forgotten.close().await;
            }
            let (start, cpu_start) = (Instant::now(), cpu_time());
            let cluster = dcs.get_cluster().await?;
            times_ms.push(start.elapsed().as_secs_f64() * 1e3);
            cpu_seconds += cpu_time() - cpu_start;
            let found = see(&cluster);
            if seen.get_or_insert_with(|| found.clone()) != &found {
                return Err(format!("a load gave {found:?}, another {seen:?}").into());
            }
        }
        let seen = seen.unwrap_or_default();
        answer(&serde_json::to_string(&Loads { times_ms, cpu_seconds, seen })?)?;
    }
    Ok(())
}

/// A DCS that is connected and has loaded nothing.
async fn connected(config: &Config) -> Result<DcsZk, AnyError> {
    let dcs = DcsZk::connect(config.clone());
    dcs.scope_children().await?;
    Ok(dcs)
}

fn see(cluster: &Cluster) -> Seen {
    let first = std::iter::once((0, see_group(cluster)));
    first.chain(cluster.workers.iter().map(|(number, worker)| (*number, see_group(worker)))).collect()
}

fn see_group(cluster: &Cluster) -> SeenGroup {
    let ttl = cluster.config.as_ref().and_then(|config| config.data.get("ttl")?.as_i64());
    SeenGroup {
        initialize: cluster.initialize.clone().unwrap_or_default(),
        ttl: ttl.unwrap_or_default(),
        leader: cluster.leader_name().unwrap_or_default().to_owned(),
        last_lsn: cluster.last_lsn(),
        running: cluster.members.iter().filter(|member| member.is_running()).count(),
        sync_standby: cluster.sync.sync_standby.clone().unwrap_or_default(),
        history: cluster.history.as_ref().map_or(0, |history| history.lines.len()),
        failsafe: cluster.failsafe.as_ref().map_or(0, |failsafe| failsafe.iter().count()),
    }
}
