//! From a scope to a cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
};

use bytes::Bytes;
use dcs_model::Cluster;
use futures_util::future::try_join;
use zk_session::{Client, Error, OneshotWatcher, ReadOp, Timestamp};

use super::{
    Groups,
    build::build,
    plan::{Layout, Plan, Snapshot},
    reads::at_one_moment,
};
use crate::{ops::leader::Fence, paths::Paths, retry::until};

/// A cluster, and the watches that were left on its leader and config keys.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) cluster: Cluster,
    /// Our own cluster's leader key: its value, and what binds a write to it.
    pub(crate) leader: Option<(Bytes, Fence)>,
    /// Whether the `status` and `failsafe` keys exist: their values do not tell.
    pub(crate) status_exists: bool,
    pub(crate) failsafe_exists: bool,
    pub(crate) watchers: Vec<OneshotWatcher>,
    /// The groups and members there were.
    pub(crate) layout: Layout,
}

/// How often everything is read again on servers that cannot read at one moment. After that only what members say about
/// themselves may have changed meanwhile: each writes every round, and of hundreds one always does.
const PATIENCE: u32 = 3;

/// What to load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) paths: &'a Paths,
    pub(crate) groups: Groups,
    /// Whether the server catches up with the leader first.
    pub(crate) synced: bool,
    /// Whether watches are left on the leader and config keys.
    pub(crate) watched: bool,
    pub(crate) deadline: Timestamp,
}

/// Loads a cluster; answers to `ZooKeeper._load_cluster`.
///
/// `guess`: the groups and members of the load before.
pub(crate) async fn fetch(
    client: Client,
    load: Load<'_>,
    guess: Layout,
    no_multi_read: &AtomicBool,
) -> Result<Fetched, Error> {
    // A server answers a session in order: what is read behind the sync is read after it.
    let sync = load.synced.then(|| client.sync(load.paths.base()));
    let watched = load.paths.with_group(match load.groups {
        Groups::Plain => None,
        Groups::One(group) => Some(group),
        Groups::All => load.paths.group().or(Some(0)),
    });
    // By `exists`, which also tells when an absent key appears.
    let watches = load
        .watched
        .then(|| (client.exists_and_watch(&watched.leader()), client.exists_and_watch(&watched.config())));
    let mut layout = only(load.groups, guess);
    let mut torn = 0;
    let (mut snapshots, layout) = loop {
        let plan = Plan::new(load.paths, load.groups, &layout);
        let client = until(&client, load.deadline);
        let excused = |op: &ReadOp| torn >= PATIENCE && plan.is_member(op);
        let Some(answers) = at_one_moment(&client, &plan.ops(), no_multi_read, excused).await? else {
            torn += 1;
            continue;
        };
        let (snapshots, found) = plan.take(answers)?;
        if found == layout {
            break (snapshots, found);
        }
        layout = found;
    };
    if let Some(sync) = sync {
        sync.await?;
    }
    let mut watchers = Vec::new();
    if let Some((leader, config)) = watches {
        let ((_, leader), (_, config)) = try_join(leader, config).await?;
        watchers.extend([leader, config]);
    }

    let own = snapshots.get(&load.paths.group());
    let fetched_leader = own.and_then(|own| {
        let (name, stat) = own.leader.as_ref()?;
        let directory = own.directory.as_ref().map(|(_, stat)| stat);
        Some((name.clone(), Fence::new(directory, *stat)))
    });
    let first = match load.groups {
        Groups::Plain => None,
        Groups::One(group) => Some(group),
        Groups::All => Some(0),
    };
    let first = snapshots.remove(&first).unwrap_or_default();
    let mut cluster = build(&first);
    cluster.workers = workers(&snapshots);
    Ok(Fetched {
        cluster,
        leader: fetched_leader,
        status_exists: first.status.is_some(),
        failsafe_exists: first.failsafe.is_some(),
        watchers,
        layout,
    })
}

fn workers(snapshots: &BTreeMap<Option<u32>, Snapshot>) -> BTreeMap<u32, Cluster> {
    snapshots.iter().filter_map(|(group, snapshot)| Some(((*group)?, build(snapshot)))).collect()
}

/// What is guessed about what is asked for.
fn only(groups: Groups, mut guess: Layout) -> Layout {
    let one = match groups {
        Groups::Plain => None,
        Groups::One(group) => Some(group),
        Groups::All => {
            guess.remove(&None);
            return guess;
        }
    };
    let members: BTreeSet<String> = guess.remove(&one).unwrap_or_default();
    Layout::from([(one, members)])
}
