//! The reads.

use std::collections::BTreeMap;

use bytes::Bytes;
use dcs_model::Cluster;
use futures_util::future::{try_join, try_join_all};
use zk_session::{Client, Error, ErrorCode, OneshotWatcher, Stat};

use super::{Groups, build::build};
use crate::paths::{Paths, parse_group};

/// A znode as it was read; `None` if it is absent.
pub(crate) type Node = Option<(Bytes, Stat)>;

/// The znodes of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) initialize: Node,
    pub(crate) config: Node,
    pub(crate) leader: Node,
    pub(crate) status: Node,
    pub(crate) leader_optime: Node,
    pub(crate) members: Vec<(String, Bytes, Stat)>,
    pub(crate) failover: Node,
    pub(crate) sync: Node,
    pub(crate) history: Node,
    pub(crate) failsafe: Node,
}

/// A cluster, and the watches that were left on its leader and config keys.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) cluster: Cluster,
    /// The leader key's own facts.
    pub(crate) leader: Option<Stat>,
    /// Whether the `status` key exists: its value does not tell.
    pub(crate) status_exists: bool,
    pub(crate) watchers: Vec<OneshotWatcher>,
}

/// Loads a cluster and leaves watches on the leader and config keys of `paths`; answers to `ZooKeeper._load_cluster`.
pub(crate) async fn fetch(client: Client, paths: Paths, groups: Groups) -> Result<Fetched, Error> {
    match groups {
        Groups::Plain => one(&client, &paths.with_group(None), true).await,
        Groups::One(group) => one(&client, &paths.with_group(Some(group)), true).await,
        Groups::All => all(&client, &paths).await,
    }
}

async fn all(client: &Client, paths: &Paths) -> Result<Fetched, Error> {
    let groups: Vec<u32> =
        children(client, paths.base()).await?.iter().filter_map(|child| parse_group(child)).collect();
    let watched = paths.group().unwrap_or(0);
    let loads = groups.iter().map(|&group| {
        let paths = paths.with_group(Some(group));
        async move { one(client, &paths, group == watched).await }
    });
    let mut clusters: BTreeMap<u32, Fetched> =
        groups.iter().copied().zip(try_join_all(loads).await?).collect();
    // The watched group is the coordinator's as a rule; a group that does not exist yet leaves nothing to watch.
    let mut watchers = Vec::new();
    for fetched in clusters.values_mut() {
        watchers.append(&mut fetched.watchers);
    }
    let coordinator = clusters.remove(&0);
    let leader = coordinator.as_ref().and_then(|fetched| fetched.leader);
    let status_exists = coordinator.as_ref().is_some_and(|fetched| fetched.status_exists);
    let mut cluster = coordinator.map(|fetched| fetched.cluster).unwrap_or_default();
    cluster.workers = clusters.into_iter().map(|(group, fetched)| (group, fetched.cluster)).collect();
    Ok(Fetched { cluster, leader, status_exists, watchers })
}

/// One cluster in two dependent round trips. All reads of a trip are sent by the calls, before the first is awaited.
async fn one(client: &Client, paths: &Paths, watch: bool) -> Result<Fetched, Error> {
    // The leader key is watched by `exists`, which also tells when an absent key appears.
    let watches =
        watch.then(|| (client.exists_and_watch(&paths.leader()), client.exists_and_watch(&paths.config())));
    let leader = node(client, &paths.leader());
    let config = node(client, &paths.config());
    let members = children(client, &paths.members());
    let initialize = node(client, &paths.initialize());
    let history = node(client, &paths.history());
    let sync = node(client, &paths.sync());
    let status = node(client, &paths.status());
    let leader_optime = node(client, &paths.leader_optime());
    let failover = node(client, &paths.failover());
    let failsafe = node(client, &paths.failsafe());

    let mut watchers = Vec::new();
    if let Some((leader, config)) = watches {
        let ((_, leader), (_, config)) = try_join(leader, config).await?;
        watchers.extend([leader, config]);
    }
    let mut snapshot = Snapshot {
        leader: leader.await?,
        config: config.await?,
        initialize: initialize.await?,
        history: history.await?,
        sync: sync.await?,
        status: status.await?,
        leader_optime: leader_optime.await?,
        failover: failover.await?,
        failsafe: failsafe.await?,
        members: Vec::new(),
    };
    let names = members.await?;
    let reads: Vec<_> = names.iter().map(|name| node(client, &paths.member_unchecked(name))).collect();
    let nodes = try_join_all(reads).await?;
    // A member that vanished since the list was read is simply absent.
    snapshot.members = names
        .into_iter()
        .zip(nodes)
        .filter_map(|(name, node)| node.map(|(data, stat)| (name, data, stat)))
        .collect();
    let leader = snapshot.leader.as_ref().map(|(_, stat)| *stat);
    let status_exists = snapshot.status.is_some();
    Ok(Fetched { cluster: build(&snapshot), leader, status_exists, watchers })
}

fn node(client: &Client, path: &str) -> impl Future<Output = Result<Node, Error>> + Send + use<> {
    let read = client.get_data(path);
    async move { absent_is_none(read.await) }
}

fn children(client: &Client, path: &str) -> impl Future<Output = Result<Vec<String>, Error>> + Send + use<> {
    let read = client.get_children(path);
    async move { Ok(absent_is_none(read.await)?.map(|(names, _)| names).unwrap_or_default()) }
}

fn absent_is_none<R>(read: Result<R, Error>) -> Result<Option<R>, Error> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(ErrorCode::NO_NODE) => Ok(None),
        Err(error) => Err(error),
    }
}
