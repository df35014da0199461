//! A server with a cluster in it, and the program as people run it.

#![allow(dead_code, reason = "every test binary uses another part")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::Value;
use zk_session::{Acl, Client, CreateMode};
use zk_testkit::Ensemble;

/// A standalone server and a session to prepare data with.
pub(crate) struct Server {
    pub(crate) ensemble: Ensemble,
    pub(crate) client: Client,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let ensemble = Ensemble::builder()
            .servers(1)
            .max_session_timeout(Duration::from_secs(60))
            .start()
            .await
            .unwrap();
        let client = Client::builder(&ensemble.connect_string()).unwrap().build();
        Self { ensemble, client }
    }

    pub(crate) fn hosts(&self) -> String {
        self.ensemble.connect_string()
    }

    /// Creates a znode; the leader key and member keys are ephemeral, as in Patroni.
    pub(crate) async fn put(&self, path: &str, value: &str) {
        let ephemeral = path.ends_with("/leader") || path.contains("/members/");
        let mode = if ephemeral { CreateMode::EPHEMERAL } else { CreateMode::PERSISTENT };
        self.client.create_with_parents(path, value.to_owned(), mode, &Acl::open()).await.unwrap();
    }

    /// Every znode below `/` but ZooKeeper's own: value, version and owner.
    pub(crate) async fn tree(&self) -> BTreeMap<String, (String, i32, i64)> {
        let mut tree = BTreeMap::new();
        let mut todo = vec![String::new()];
        while let Some(path) = todo.pop() {
            let node = if path.is_empty() { "/" } else { &path };
            let (data, stat) = self.client.get_data(node).await.unwrap();
            tree.insert(
                node.to_owned(),
                (String::from_utf8_lossy(&data).into_owned(), stat.version, stat.ephemeral_owner),
            );
            let (children, _) = self.client.get_children(node).await.unwrap();
            let children = children.into_iter().map(|child| format!("{path}/{child}"));
            todo.extend(children.filter(|child| child != "/zookeeper"));
        }
        tree
    }

    /// How many sessions there are, by the server's own count.
    pub(crate) async fn sessions(&self) -> usize {
        let dump = self.ensemble.four_letter_word(0, "cons").await.unwrap();
        dump.lines().filter(|line| line.contains("sid=")).count()
    }
}

/// The program, without any configuration of whoever runs the tests.
pub(crate) fn dcsctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dcsctl"));
    command.env_clear().args(arguments);
    command
}

/// Runs the program to its end, without holding up the test's own sessions.
pub(crate) async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Standard output of a run that must succeed and say nothing on standard error.
pub(crate) async fn succeed(command: Command) -> String {
    let output = run(command).await;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The one line of standard error of a run that must fail with this code.
pub(crate) async fn fail(command: Command, code: i32) -> String {
    let output = run(command).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("dcsctl: "), "{stderr}");
    stderr.trim_end().to_owned()
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A running program whose lines are read as they come. It is killed in the end.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that answers, and when it was read; panics after 20 s.
    pub(crate) fn line(&self, wanted: impl Fn(&str) -> bool) -> (String, Instant) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if wanted(&line) {
                return (line, Instant::now());
            }
            seen.push(line);
        }
        panic!("the line did not come, only {seen:#?}");
    }

    /// The next JSON line with this event.
    pub(crate) fn event(&self, event: &str) -> (Value, Instant) {
        let (line, at) = self.line(|line| json(line)["event"] == event);
        (json(&line), at)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and gives the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file for `-c`.
pub(crate) fn file(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
