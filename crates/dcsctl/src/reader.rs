//! Looking at a scope: what `list` and `watch` have in common. Nothing is written.

use std::{sync::Arc, time::Duration};

use dcs_model::Cluster;
use dcs_zk::{Config, DcsError, DcsZk, Groups, Timings};
use serde::Serialize;

use crate::{
    cli::ReadArgs,
    failure::Failure,
    settings::Settings,
    table,
    view::{Document, Kind},
};

/// The time that links may be silent follows from it; nobody here sleeps for a loop.
const LOOP_WAIT: Duration = Duration::from_secs(1);

/// Keys of a cluster without groups.
const PLAIN_KEYS: [&str; 10] = [
    "initialize",
    "config",
    "leader",
    "members",
    "failover",
    "history",
    "status",
    "optime",
    "sync",
    "failsafe",
];

/// A session to read one scope with.
pub(crate) struct Reader {
    dcs: DcsZk,
    config: Arc<Config>,
    settings: Settings,
    group: Option<u32>,
    extended: bool,
    timeout: Duration,
}

/// A scope as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) kind: Kind,
    pub(crate) cluster: Arc<Cluster>,
}

impl Reader {
    /// Starts a session; whether ZooKeeper answers, the first load tells.
    pub(crate) fn connect(args: &ReadArgs) -> Result<Self, Failure> {
        let settings = Settings::read(&args.connect())?;
        let dcs = DcsZk::connect(for_reading(settings.config()?, args.timeout)?);
        let config = dcs.config();
        Ok(Self { dcs, config, settings, group: args.group, extended: args.extended, timeout: args.timeout })
    }

    /// The session.
    pub(crate) fn dcs(&self) -> &DcsZk {
        &self.dcs
    }

    /// Loads the scope; a failure if it does not exist.
    pub(crate) async fn load(&self) -> Result<Loaded, Failure> {
        let children = self.dcs.scope_children().await.map_err(|error| self.unreachable(&error))?;
        let Some(children) = children else { return Err(self.no_such_scope().await) };
        let kind = match self.group {
            Some(group) if children.contains(&group.to_string()) => Kind::Group(group),
            Some(group) => return Err(self.no_such_group(group, &children)),
            None if self.is_citus(&children) => Kind::AllGroups,
            None => Kind::Plain,
        };
        let groups = match kind {
            Kind::Plain => Groups::Plain,
            Kind::Group(group) => Groups::One(group),
            Kind::AllGroups => Groups::All,
        };
        let cluster = self.dcs.get_groups(groups).await.map_err(|error| self.unreachable(&error))?;
        Ok(Loaded { kind, cluster })
    }

    /// Whether the scope is a Citus cluster: configured so, or with groups and nothing else.
    fn is_citus(&self, children: &[String]) -> bool {
        self.config.paths().group().is_some()
            || (children.iter().any(|child| is_group(child))
                && !children.iter().any(|child| PLAIN_KEYS.contains(&child.as_str())))
    }

    /// The table.
    pub(crate) fn table(&self, loaded: &Loaded) -> String {
        table::render(self.config.scope(), loaded.kind, &loaded.cluster, self.extended)
    }

    /// The JSON document.
    pub(crate) fn document<'a>(&'a self, loaded: &'a Loaded) -> impl Serialize + use<'a> {
        Document::new(self.config.scope(), self.config.paths().base(), loaded.kind, &loaded.cluster)
    }

    /// Ends the session.
    pub(crate) async fn close(&self) {
        self.dcs.close().await;
    }

    fn unreachable(&self, error: &DcsError) -> Failure {
        let DcsError::Unavailable { .. } = error else { return Failure::Failed(error.to_string()) };
        // While there is no connection, the session knows the reason for each server.
        let (within, servers) = (self.timeout, self.config.connect_string());
        let problem = why_disconnected(&self.dcs).unwrap_or_else(|| format!("{servers}: {error}"));
        Failure::Failed(format!(
            "ZooKeeper cannot be reached within {within:?}: {problem}; check the servers and -d or zookeeper.hosts, \
             or give it longer with --timeout"
        ))
    }

    async fn no_such_scope(&self) -> Failure {
        let base = self.config.paths().base();
        let namespace = base.rsplit_once('/').map_or("", |(namespace, _)| namespace);
        let scope = self.config.scope();
        let begin = format!("the scope {scope:?} does not exist: there is no {base}");
        let mut scopes = match self.children_of(namespace).await {
            None => return Failure::Failed(format!("{begin}; check --scope and --namespace")),
            Some(scopes) if scopes.is_empty() => {
                return Failure::Failed(format!(
                    "{begin}, and nothing else in {namespace}; check --namespace"
                ));
            }
            Some(scopes) => scopes,
        };
        scopes.sort();
        Failure::Failed(format!("{begin}; give one of those in {namespace}: {}", scopes.join(", ")))
    }

    /// The scopes of a namespace. A namespace is seen as a scope of the one above it; that of the root is not asked for.
    async fn children_of(&self, namespace: &str) -> Option<Vec<String>> {
        let (above, last) = namespace.rsplit_once('/')?;
        let mut settings = self.settings.clone();
        settings.set("PATRONI_NAMESPACE", Some(above.to_owned()));
        settings.set("PATRONI_SCOPE", Some(last.to_owned()));
        let config = for_reading(settings.config().ok()?, self.timeout).ok()?;
        let dcs = DcsZk::connect(config);
        let children = dcs.scope_children().await;
        dcs.close().await;
        children.ok().map(Option::unwrap_or_default)
    }

    fn no_such_group(&self, group: u32, children: &[String]) -> Failure {
        let base = self.config.paths().base();
        let begin = format!("the group {group} does not exist: there is no {base}/{group}");
        let mut groups: Vec<&str> =
            children.iter().map(String::as_str).filter(|child| is_group(child)).collect();
        groups.sort_by_key(|group| (group.len(), *group));
        Failure::Failed(match groups.as_slice() {
            [] => format!("{begin}, nor any other group; leave --group out"),
            groups => format!("{begin}; give one of {}, or leave --group out", groups.join(", ")),
        })
    }
}

/// Why there is no connection; `None` while there is one.
pub(crate) fn why_disconnected(dcs: &DcsZk) -> Option<String> {
    let cause = dcs.session_status().cause?.to_string();
    let config = dcs.config();
    let servers = config.connect_string();
    Some(match cause.strip_prefix("no server can be reached: ") {
        Some(each) => each.to_owned(),
        None => format!("{servers}: {cause}"),
    })
}

/// The configuration with times that fit to looking once.
fn for_reading(config: Config, timeout: Duration) -> Result<Config, Failure> {
    let timings = Timings::new(LOOP_WAIT + timeout * 2, LOOP_WAIT, timeout)
        .map_err(|error| Failure::Usage(format!("--timeout: {error}")))?;
    Ok(config.with_timings(timings))
}

/// Whether the child of a scope is the directory of a group, by its name.
fn is_group(child: &str) -> bool {
    child.parse::<u32>().is_ok_and(|group| group.to_string() == child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_by_name() {
        assert!(is_group("0") && is_group("12"));
        for other in ["", "01", "+1", "-1", "x", "4294967296"] {
            assert!(!is_group(other), "{other}");
        }
    }
}
