//! Ten thousand watches across the restart of their server, while everything that is watched changes.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use zk_session::{Acl, Client, CreateMode, OneshotWatcher, WatchEvent};
use zk_testkit::Ensemble;

use crate::run::RunError;

/// Watches of a round.
const WATCHES: usize = 10_000;
/// Requests of one flight.
const FLIGHT: usize = 500;
const PATIENCE: Duration = Duration::from_secs(120);
/// The nodes.
const DIRECTORY: &str = "/watched";

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Watches {
    /// Servers that were restarted under their watches.
    pub restarts: u64,
    /// Watches that were set on what then changed.
    pub watches: u64,
    /// Those of them that told it.
    pub told: u64,
    /// How long it took.
    pub seconds: u64,
}

impl Watches {
    /// Whether none was missed.
    pub fn is_good(&self) -> bool {
        self.watches > 0 && self.told == self.watches
    }
}

/// So many rounds. `progress` is told of each.
///
/// # Errors
///
/// When it cannot be carried out.
pub async fn watch(rounds: u64, mut progress: impl FnMut(&Watches)) -> Result<Watches, RunError> {
    let began = Instant::now();
    let ensemble = Ensemble::builder().servers(3).max_session_timeout(PATIENCE).start().await?;
    let (watching, writing) = (client(&ensemble), client(&ensemble));
    let acl = Acl::open();
    let failed = |error| RunError::Client("the watched nodes", error);
    writing.create(DIRECTORY, "", CreateMode::PERSISTENT, &acl).await.map_err(failed)?;
    let paths: Vec<String> = (0..WATCHES).map(|n| format!("{DIRECTORY}/{n}")).collect();
    for flight in paths.chunks(FLIGHT) {
        for created in
            join_all(flight.iter().map(|path| writing.create(path, "", CreateMode::PERSISTENT, &acl))).await
        {
            created.map_err(failed)?;
        }
    }
    let mut seen = Watches::default();
    for _ in 0..rounds {
        round(&ensemble, &watching, &writing, &paths, &mut seen).await?;
        seen.seconds = began.elapsed().as_secs();
        progress(&seen);
    }
    Ok(seen)
}

async fn round(
    ensemble: &Ensemble,
    watching: &Client,
    writing: &Client,
    paths: &[String],
    seen: &mut Watches,
) -> Result<(), RunError> {
    let failed = |error| RunError::Client("the watched nodes", error);
    watching.sync(DIRECTORY).await.map_err(failed)?;
    let mut watches: Vec<OneshotWatcher> = Vec::new();
    for flight in paths.chunks(FLIGHT) {
        for set in join_all(flight.iter().map(|path| watching.get_data_and_watch(path))).await {
            let (_, _, watch) = set.map_err(failed)?;
            watches.push(watch);
        }
    }
    seen.watches += watches.len() as u64;
    let session = watching.status().session.map_or(0, |session| session.session_id);
    let home = ensemble.server_of_session(session).await.unwrap_or(0);
    // Half of it changes before the client is back, the other half when it is at another server or its own is up again.
    let (before, after) = paths.split_at(paths.len() / 2);
    ensemble.kill(home).await?;
    change(writing, before).await?;
    ensemble.start_server(home)?;
    change(writing, after).await?;
    ensemble.wait_all().await?;
    seen.restarts += 1;
    let told = tokio::time::timeout(PATIENCE, join_all(&mut watches)).await;
    let told = told.map_err(|_| RunError::Late { what: "what watches tell".to_owned(), limit: PATIENCE });
    let changes = |told: &[WatchEvent]| {
        told.iter().filter(|told| matches!(told, WatchEvent::Changed { .. })).count() as u64
    };
    // What did not come at all is missed like what came as something else.
    seen.told += told.map_or(0, |told| changes(&told));
    Ok(())
}

/// Sets every node once more. What may have been set or not is set again: one change or two are told as one.
async fn change(writing: &Client, paths: &[String]) -> Result<(), RunError> {
    for flight in paths.chunks(FLIGHT) {
        let began = Instant::now();
        let mut left: Vec<&String> = flight.iter().collect();
        while !left.is_empty() {
            let set = join_all(left.iter().map(|path| writing.set_data(path, "changed", None))).await;
            left = left.into_iter().zip(set).filter(|(_, set)| set.is_err()).map(|(path, _)| path).collect();
            if began.elapsed() > PATIENCE {
                return Err(RunError::Late { what: "changes".to_owned(), limit: PATIENCE });
            }
        }
    }
    Ok(())
}

fn client(ensemble: &Ensemble) -> Client {
    // Addresses that the kit itself has written.
    let builder = Client::builder(&ensemble.connect_string()).unwrap_or_else(|error| unreachable!("{error}"));
    builder.session_timeout(PATIENCE / 2).read_timeout(Duration::from_secs(2)).build()
}
