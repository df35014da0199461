//! The examples of `dcs-zk`, built and run: each does what it says, and stops as it should.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
    time::{Duration, Instant},
};

use dcs_zk::{Config, DcsZk, MemberData, Timings};
use integration_tests::wait::eventually;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

/// Builds the examples once, and tells where they are.
fn example(name: &str) -> PathBuf {
    static BUILT: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        // The whole workspace, for the same features as its tests have: then most of it is built already.
        let output = std::process::Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--message-format=json", "--manifest-path"])
            .arg(manifest)
            .args(["--example", "follow_leader", "--example", "register_member", "--example", "contend"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "the examples do not build");
        let messages = String::from_utf8(output.stdout).unwrap();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        messages
            .filter_map(|message| {
                let name = message["target"]["name"].as_str()?.to_owned();
                Some((name, PathBuf::from(message["executable"].as_str()?)))
            })
            .collect()
    });
    built.iter().find(|(built, _)| built == name).unwrap_or_else(|| panic!("no {name}: {built:?}")).1.clone()
}

/// An example that runs; killed when dropped.
struct Running {
    process: Child,
    lines: mpsc::UnboundedReceiver<(Instant, String)>,
}

impl Running {
    fn start(name: &str, args: &[&str]) -> Self {
        let mut process =
            Command::new(example(name)).args(args).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = output.next_line().await {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    async fn line(&mut self) -> (Instant, String) {
        timeout(30 * SECOND, self.lines.recv()).await.expect("a line in time").expect("a line, and no end")
    }

    /// The next line that begins like this; others are skipped.
    async fn line_with(&mut self, begin: &str) -> (Instant, String) {
        loop {
            let (at, line) = self.line().await;
            if line.starts_with(begin) {
                return (at, line);
            }
        }
    }

    /// Everything that was said up to now.
    fn said(&mut self) -> Vec<(Instant, String)> {
        std::iter::from_fn(|| self.lines.try_recv().ok()).collect()
    }

    async fn signal(&self, signal: &str) {
        let pid = self.process.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    }

    /// Waits for the end; it must be one without a complaint.
    async fn ends(mut self) {
        let status = timeout(10 * SECOND, self.process.wait()).await.expect("it stops").unwrap();
        assert!(status.success(), "{status}");
    }
}

async fn ensemble(longest: Duration) -> Ensemble {
    Ensemble::builder().servers(1).max_session_timeout(longest).start().await.unwrap()
}

fn member(hosts: &str, name: &str) -> DcsZk {
    let timings = Timings::new(4 * SECOND, SECOND, SECOND).unwrap();
    DcsZk::connect(Config::new("demo", hosts).unwrap().with_name(name).unwrap().with_timings(timings))
}

async fn is_member(dcs: &DcsZk, name: &str) -> bool {
    let cluster = eventually(20 * SECOND, "the cluster", async || dcs.get_cluster().await.ok()).await;
    cluster.has_member(name)
}

#[tokio::test]
async fn help_is_given_and_mistakes_are_named() {
    let run = async |name: &str, args: &[&str]| {
        let output = Command::new(example(name)).args(args).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    };
    for name in ["follow_leader", "register_member", "contend"] {
        let (code, text) = run(name, &["--help"]).await;
        assert!(code == 0 && text.contains("--connect") && text.contains("--scope"), "{name}: {text}");
        let (code, _) = run(name, &[]).await;
        assert_eq!(code, 2, "{name} without its arguments");
    }
    let (code, text) = run("follow_leader", &["--connect", "zk:99999", "--scope", "demo"]).await;
    assert!(code == 2 && text.contains("zookeeper.hosts: ") && text.contains("see --help"), "{code}: {text}");
    let (code, text) = run("contend", &["--connect", "zk", "--scope", "demo", "--name", "a/b"]).await;
    assert!(code == 2 && text.starts_with("error: name: "), "{code}: {text}");
    let (code, text) =
        run("contend", &["--connect", "zk", "--scope", "demo", "--name", "a", "--ttl", "0"]).await;
    assert!(code == 2 && text.starts_with("error: ttl: "), "{code}: {text}");
}

#[tokio::test]
async fn the_leader_is_followed() {
    let ensemble = ensemble(60 * SECOND).await;
    let hosts = ensemble.connect_string();
    let mut follower = Running::start("follow_leader", &["--connect", &hosts, "--scope", "demo"]);
    assert_eq!(follower.line().await.1, "nobody leads");
    let a = member(&hosts, "a");
    a.get_cluster().await.unwrap();
    a.touch_member(&MemberData::new("postgres://a:5432/postgres", "http://a:8008/patroni")).await.unwrap();
    let lease = a.attempt_to_acquire_leader().await.unwrap().unwrap();
    let told = format!("a leads, at postgres://a:5432/postgres (fencing token {})", lease.fencing_token());
    assert_eq!(follower.line().await.1, told);
    a.close().await;
    assert_eq!(follower.line().await.1, "nobody leads");
    ensemble.freeze(0).unwrap();
    let (_, unknown) = follower.line().await;
    assert!(unknown.starts_with("unknown for ") && unknown.ends_with("ZooKeeper does not tell"), "{unknown}");
    ensemble.thaw(0).unwrap();
    assert_eq!(follower.line().await.1, "nobody leads");
    follower.signal("-INT").await;
    follower.ends().await;
}

#[tokio::test]
async fn a_member_is_registered_and_its_key_goes_or_stays() {
    // Sessions of 4 s, whatever is asked for.
    let ensemble = ensemble(4 * SECOND).await;
    let hosts = ensemble.connect_string();
    let looking = member(&hosts, "looking");
    let args = [
        "--connect",
        &hosts,
        "--scope",
        "demo",
        "--name",
        "m",
        "--conn-url",
        "postgres://m:5432/postgres",
        "--api-url",
        "http://m:8008/patroni",
    ];
    let mut registers = Running::start("register_member", &args);
    registers.line_with("registered").await;
    let cluster = looking.get_cluster().await.unwrap();
    assert_eq!(cluster.members[0].conn_url().as_deref(), Some("postgres://m:5432/postgres"));
    registers.signal("-TERM").await;
    registers.line_with("stops, and is no member any more").await;
    registers.ends().await;
    assert!(!is_member(&looking, "m").await, "the key goes with the process");

    let mut keeps = Running::start("register_member", &[&args[..], &["--keep"]].concat());
    keeps.line_with("registered").await;
    keeps.signal("-INT").await;
    keeps.line_with("stops, and leaves the key to the session's timeout of 4s").await;
    keeps.ends().await;
    assert!(is_member(&looking, "m").await, "the key outlives the process");
    let start = Instant::now();
    eventually(10 * SECOND, "the session's timeout", async || {
        (!is_member(&looking, "m").await).then_some(())
    })
    .await;
    assert!(start.elapsed() > SECOND, "not at once: {:?}", start.elapsed());
}

fn token(line: &str) -> i64 {
    line.strip_prefix("acts as the leader, with token ").unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_contender_that_was_frozen_knows_first_of_all_that_it_does_not_lead() {
    let ensemble = ensemble(60 * SECOND).await;
    let hosts = ensemble.connect_string();
    let contender = |name| {
        Running::start("contend", &["--connect", &hosts, "--scope", "demo", "--name", name, "--ttl", "6"])
    };
    let mut one = contender("one");
    let (acted, first) = one.line_with("acts").await;
    let mut two = contender("two");
    let looking = member(&hosts, "looking");
    eventually(20 * SECOND, "both members", async || {
        let cluster = looking.get_cluster().await.ok()?;
        (cluster.has_member("one") && cluster.has_member("two")).then_some(())
    })
    .await;
    assert!(two.said().is_empty(), "one of them leads");

    one.signal("-STOP").await;
    let stopped = Instant::now();
    let (took_over, second) = two.line_with("acts").await;
    let last = one.said().last().map_or(acted, |(at, _)| *at);
    assert!(last < took_over, "never two at once");
    assert!(token(&second) > token(&first));
    // The length of the freeze: twice its ttl, counted from the signal.
    tokio::time::sleep_until((stopped + 12 * SECOND).into()).await;
    assert!(one.said().is_empty());
    one.signal("-CONT").await;
    let (_, first_act) = one.line().await;
    assert_eq!(first_act, "does not lead any more");
    // And it stays so while the other leads.
    assert!(timeout(3 * SECOND, one.lines.recv()).await.is_err(), "a second leader");
    assert!(!two.said().is_empty());

    // A leader that stops hands over at once, not after its ttl.
    two.signal("-TERM").await;
    let (gone, _) = two.line_with("stops, and holds no lock").await;
    two.ends().await;
    let (back, third) = one.line_with("acts").await;
    assert!(token(&third) > token(&second));
    assert!(back.saturating_duration_since(gone) < 3 * SECOND, "{:?}", back.saturating_duration_since(gone));

    // ZooKeeper goes: the lease ends on the clock, before the session does.
    ensemble.kill(0).await.unwrap();
    let killed = Instant::now();
    let (ended, _) = one.line_with("does not lead any more").await;
    assert!(ended.saturating_duration_since(killed) < 6 * SECOND);
    one.signal("-INT").await;
    one.line_with("stops, and holds no lock").await;
    one.ends().await;
}
