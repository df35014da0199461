//! Any text where somebody names servers, paths, members or a whole configuration.

use std::collections::BTreeMap;

use dcs_zk::{Config, MemberName, Paths};
use futures_util::FutureExt;
use zk_proto::ConnectString;
use zk_session::{Client, Error, Invalid};

use crate::dcs_json::texts;

/// A secret of the configurations in the corpus.
const SECRET: &str = "hidden-from-all";

/// What a text was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    /// A connect string.
    Servers,
    /// A chroot and a path below it.
    Path,
    /// The name of a member.
    Member,
    /// A namespace and a scope.
    Scope,
    /// Patroni's YAML.
    Patroni,
    /// Patroni's environment, and YAML.
    Environment,
}

/// Reads everything after the first byte as what that byte picks; says what it was, and whether it was accepted.
///
/// # Panics
///
/// If what is accepted is not the same when it is shown and read again, is no path that ZooKeeper takes, leads elsewhere, or a
/// secret is shown.
pub fn hosts_and_paths(input: &[u8]) -> Option<(Text, bool)> {
    let (&kind, text) = input.split_first()?;
    let text = std::str::from_utf8(text).ok()?;
    let (first, second) = text.split_once('\u{1e}').unwrap_or((text, ""));
    Some(match kind % 6 {
        0 => (Text::Servers, servers(text)),
        1 => (Text::Path, path(first, second)),
        2 => (Text::Member, member(text)),
        3 => (Text::Scope, scope(first, second)),
        4 => (Text::Patroni, patroni(text, &BTreeMap::new())),
        _ => (Text::Environment, patroni(first, &environment(second))),
    })
}

fn servers(text: &str) -> bool {
    let Ok(parsed) = text.parse::<ConnectString>() else {
        assert!(Config::new("demo", text).is_err());
        return false;
    };
    let ConnectString { hosts, chroot } = &parsed;
    assert!(!hosts.is_empty());
    for host in hosts {
        let shown = host.to_string();
        assert!(host.port != 0 && !host.name.is_empty(), "{shown}");
        assert!(!shown.contains([',', '/']) && shown.trim() == shown, "{shown:?} is not one host");
    }
    let shown: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let shown = shown.join(",") + chroot.as_deref().unwrap_or_default();
    assert_eq!(shown.parse(), Ok(parsed.clone()), "{shown:?}");
    if let Some(chroot) = chroot {
        assert!(is_path(chroot), "the chroot {chroot:?}");
    }
    let config = Config::new("demo", text).expect("the servers are good, and so is the scope");
    assert_eq!(config.connect_string(), text);
    true
}

/// Asks a client below a chroot for a path. It is never connected: whether the path is good shows before anything is sent.
fn path(chroot: &str, path: &str) -> bool {
    let Ok(builder) = Client::builder(&format!("localhost{chroot}")) else { return false };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let client = builder.build();
    match client.exists(path).now_or_never() {
        Some(Err(Error::Invalid(Invalid::Path { .. }))) => {
            assert!(!is_path(path), "{path:?} is refused");
            false
        }
        Some(other) => panic!("{path:?}: {other:?}"),
        None => {
            assert!(is_path(path), "{path:?} is taken");
            true
        }
    }
}

/// The rules of ZooKeeper's servers (`PathUtils.validatePath`), who see UTF-16.
fn is_path(path: &str) -> bool {
    let forbidden = |unit: u16| matches!(unit, 0..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff);
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.encode_utf16().any(forbidden);
    path == "/" || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part))
}

fn member(text: &str) -> bool {
    texts(text);
    let Ok(name) = MemberName::new(text) else { return false };
    assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
    let paths = Paths::new("service", "demo", None).expect("a scope");
    let path = paths.member(&name);
    assert_eq!(path.strip_prefix("/service/demo/members/"), Some(text), "{path:?} is elsewhere");
    assert!(is_path(&path), "{path:?}");
    true
}

fn scope(namespace: &str, scope: &str) -> bool {
    let Ok(paths) = Paths::new(namespace, scope, None) else { return false };
    check_paths(&paths);
    check_paths(&paths.with_group(Some(3)));
    // The same when it is given as it is shown.
    let above = paths.base().strip_suffix(scope).expect("the scope is the last part");
    assert_eq!(Paths::new(above, scope, None).as_ref(), Ok(&paths), "{above:?}");
    true
}

fn check_paths(paths: &Paths) {
    let directory = paths.directory();
    let keys = [
        paths.initialize(),
        paths.config(),
        paths.leader(),
        paths.members(),
        paths.failover(),
        paths.history(),
        paths.status(),
        paths.leader_optime(),
        paths.sync(),
        paths.failsafe(),
    ];
    for key in keys {
        assert!(is_path(&key) && key.starts_with(&format!("{directory}/")), "{key:?}");
    }
    assert!(directory.starts_with(paths.base()));
}

fn patroni(yaml: &str, environment: &BTreeMap<&str, &str>) -> bool {
    let read = || Config::from_patroni(yaml, |name| environment.get(name).map(|value| (*value).to_owned()));
    let config = match read() {
        Ok(config) => config,
        Err(error) => {
            let shown = error.to_string();
            assert!(!shown.is_empty() && !error.key().is_empty());
            assert!(hides(&shown, yaml, environment), "{shown}");
            return false;
        }
    };
    assert_eq!(read().as_ref(), Ok(&config), "the same text is the same configuration");
    let shown = format!("{config:?}");
    assert!(hides(&shown, yaml, environment), "{shown}");
    check_paths(config.paths());
    if let Some(name) = config.name() {
        assert!(member(name.as_str()));
    }
    assert!(servers(config.connect_string()));
    assert!(!config.connect_timeout().is_zero());
    true
}

/// Is the secret hidden? Where it is more than the value of a credential, it was not meant to be.
fn hides(shown: &str, yaml: &str, environment: &BTreeMap<&str, &str>) -> bool {
    let told = |text: &str| text.matches(SECRET).count();
    let values: usize = environment.values().map(|value| told(value)).sum();
    let in_place = yaml.matches(&format!("digest: \"user:{SECRET}\"")).count();
    told(yaml) + values != in_place || !shown.contains(SECRET)
}

/// `NAME=value`, a line each.
fn environment(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}
