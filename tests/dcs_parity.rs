//! `crates/dcs-zk/PARITY.md` against the real Patroni and against what is here.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use dcs_zk::{Config, DcsZk, Failsafe};
use zk_testkit::Ensemble;

const PARITY: &str = include_str!("../crates/dcs-zk/PARITY.md");

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands between backticks.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names in the first column of the table under this heading.
fn first_column(heading: &str) -> BTreeSet<String> {
    let section = PARITY.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cell = row[2..].split(" | ").next().expect("a row has cells");
        names(cell).map(str::to_owned).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_method_of_patroni_has_a_row() {
    let python = std::env::var_os("DCS_ZK_PYTHON")
        .map_or_else(|| workspace().join(".venv/bin/python"), std::path::PathBuf::from);
    let script = "
import inspect, patroni.dcs as d, patroni.dcs.zookeeper as z
for c in (z.ZooKeeper, z.PatroniKazooClient, z.PatroniSequentialThreadingHandler, d.AbstractDCS):
    for name, value in vars(c).items():
        if callable(value) or isinstance(value, (property, staticmethod)):
            if c is not d.AbstractDCS or not name.startswith('_') and name not in vars(z.ZooKeeper):
                print(c.__name__, name)
";
    let output = Command::new(&python)
        .args(["-c", script])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; run scripts/install-deps.sh python", python.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut real: std::collections::BTreeMap<&str, BTreeSet<String>> = std::collections::BTreeMap::new();
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        let (class, method) = line.split_once(' ').unwrap();
        real.entry(class).or_default().insert(method.to_owned());
    }
    assert_eq!(real.len(), 4);
    for (class, methods) in real {
        assert_eq!(first_column(&format!("class {class}")), methods, "{class}");
    }
}

#[test]
fn every_method_and_test_that_is_named_exists() {
    let mut sources = String::new();
    read_all(&workspace().join("crates/dcs-zk/src"), &mut sources);
    let (mut methods, mut tests) = (0, 0);
    for name in names(PARITY) {
        if let Some(method) = name.strip_prefix("DcsZk::").filter(|method| *method != "name") {
            let declared = [format!("pub fn {method}("), format!("pub async fn {method}(")];
            assert!(
                declared.iter().any(|declared| sources.contains(declared)),
                "{name} is not in the sources"
            );
            methods += 1;
        } else if let Some((file, test)) = name.split_once("::")
            && name != "file::test"
            && file.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            && file != "dcs_model"
        {
            let path = workspace().join(format!("tests/{file}.rs"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(text.contains(&format!("fn {test}(")), "{name} is not a test");
            tests += 1;
        }
    }
    assert!(methods > 40 && tests > 50, "{methods} methods and {tests} tests found");
}

fn read_all(directory: &Path, into: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

async fn two_members() -> (Ensemble, DcsZk, DcsZk) {
    let longest = Duration::from_secs(60);
    let ensemble = Ensemble::builder().servers(1).max_session_timeout(longest).start().await.unwrap();
    let member = |name: &str| {
        DcsZk::connect(Config::new("demo", &ensemble.connect_string()).unwrap().with_name(name).unwrap())
    };
    let (a, b) = (member("a"), member("b"));
    (ensemble, a, b)
}

#[tokio::test]
async fn taking_the_lead_never_overwrites_another() {
    let (_ensemble, a, b) = two_members().await;
    let lease = a.take_leader().await.unwrap().expect("nobody leads");
    assert!(b.take_leader().await.unwrap().is_none());
    assert_eq!(b.get_cluster().await.unwrap().leader.as_ref().unwrap().session, lease.session_id());
}

#[tokio::test]
async fn what_was_loaded_is_kept_until_it_is_reset() {
    let (_ensemble, a, b) = two_members().await;
    assert_eq!((a.cluster(), a.last_seen(), a.failsafe()), (None, None, None));
    let topology: Failsafe = [("b".to_owned(), "http://b:8008/patroni".to_owned())].into_iter().collect();
    b.get_cluster().await.unwrap();
    b.write_failsafe(topology.clone()).await.unwrap();
    let before = dcs_zk::now();
    let loaded = a.get_cluster().await.unwrap();
    assert_eq!(a.cluster(), Some(loaded));
    assert!(a.last_seen().is_some_and(|seen| seen >= before));
    a.reset_cluster();
    assert_eq!(a.cluster(), None);
    assert_eq!(a.failsafe(), Some(topology), "what a leader goes by when ZooKeeper is gone");
    a.get_cluster().await.unwrap();
    assert!(a.cluster().is_some());
}
