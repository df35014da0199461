//! The demonstration as people run it.

#![allow(dead_code, reason = "every test binary uses another part")]

use std::{
    fs,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Short times: the whole story takes about 8 s.
pub(crate) const QUICK: [&str; 4] = ["--ttl", "3", "--loop-wait", "0.5"];

pub(crate) fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).env_remove("NO_COLOR").env("TERM", "xterm");
    command
}

/// The events of `--json`.
pub(crate) fn events(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The processes that a process has started, and that have not ended.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let pids =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|(state, ppid)| ppid == parent && state != "Z")).collect()
}

/// Whether a process is there; a zombie is not.
pub(crate) fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// State and parent.
fn stat(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
    Some((rest.next()?.to_owned(), rest.next()?.parse().ok()?))
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

/// Polls until something is found; panics after 20 s.
pub(crate) fn wait_for<R>(what: &str, find: impl Fn() -> Option<R>) -> R {
    let start = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The three agents of a running demonstration.
pub(crate) fn agents(demo: &Child) -> Vec<u32> {
    wait_for("three agents", || Some(children(demo.id())).filter(|children| children.len() == 3))
}
