//! How it ends before its end, and that nothing stays behind.

mod common;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use common::{QUICK, agents, children, demo, events, is_running, signal, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use zk_session::{Client, ErrorCode};

/// Killed when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    Running(demo(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn are_gone(pids: &[u32]) {
    wait_for("an agent stays behind", || (!pids.iter().any(|pid| is_running(*pid))).then_some(()));
}

#[test]
fn a_signal_ends_it_and_all_that_it_has_started() {
    for (sent, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut demo = start(&[]);
        let pids = agents(&demo.0);
        signal(demo.0.id(), sent);
        assert_eq!(demo.0.wait().unwrap().code(), Some(code));
        are_gone(&pids);
    }
}

#[test]
fn killed_it_leaves_no_agent_behind() {
    let mut demo = start(&[]);
    let pids = agents(&demo.0);
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    are_gone(&pids);
}

#[test]
fn an_agent_ends_with_its_standard_input_whatever_it_waits_for() {
    // Nobody serves there, and somebody reads what it says.
    let mut agent = demo(&["agent", "--json", "--scope", "demo", "-d", "127.0.0.1:1", "--name", "a"]);
    let agent = agent.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut agent = Running(agent.spawn().unwrap());
    let mut lines = BufReader::new(agent.0.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains(r#""event":"note""#));
    assert!(is_running(agent.0.id()));
    drop(agent.0.stdin.take());
    are_gone(&[agent.0.id()]);
    assert_eq!(agent.0.wait().unwrap().code(), Some(0));
}

#[test]
fn killed_it_leaves_no_server_behind() {
    let mut demo = start(&["--ensemble", "--json"]);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("servers-started"));
    // Three servers and three agents.
    let pids = wait_for("six processes", || Some(children(demo.0.id())).filter(|pids| pids.len() == 6));
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    are_gone(&pids);
}

#[test]
fn an_agent_that_ends_by_itself_is_a_failure() {
    let mut demo = start(&[&QUICK[..], &["--json"]].concat());
    let pids = agents(&demo.0);
    signal(pids[0], Signal::KILL);
    let output = {
        let mut stdout = Vec::new();
        std::io::Read::read_to_end(demo.0.stdout.as_mut().unwrap(), &mut stdout).unwrap();
        stdout
    };
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    let last = events(&output).pop().unwrap();
    assert_eq!(last["event"], "failed", "{last}");
    assert!(last["why"].as_str().unwrap().contains("ended by itself"), "{last}");
    are_gone(&pids);
}

#[test]
fn that_nobody_takes_over_is_a_failure() {
    let mut demo = start(&["--ttl", "2", "--loop-wait", "0.3", "--json"]);
    let pids = agents(&demo.0);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let killed = lines.find(|line| line.contains(r#""event":"leader-killed""#));
    assert!(killed.is_some());
    for pid in pids.iter().filter(|pid| is_running(**pid)) {
        signal(*pid, Signal::STOP);
    }
    let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    assert_eq!(last["event"], "failed", "{last}");
    assert!(last["why"].as_str().unwrap().starts_with("nobody took over"), "{last}");
    are_gone(&pids);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_two_lead_at_a_time_is_a_failure() {
    let mut demo = start(&["--json"]);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let started: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let servers: Vec<&str> =
        started["servers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let client = Client::builder(&servers.join(",")).unwrap().build();
    assert!(lines.any(|line| line.contains(r#""event":"leader-killed""#)));
    // Somebody removes the leader key by hand: it is free before the lease of the dead has ended.
    while let Err(error) = client.delete("/service/demo/leader", None).await {
        assert_ne!(error.code(), Some(ErrorCode::NO_NODE), "{error}");
    }
    let rest: Vec<Value> = lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    let last = rest.last().unwrap();
    assert_eq!(last["event"], "failed", "{rest:?}");
    assert!(last["why"].as_str().unwrap().contains("have led at the same time"), "{last}");
    let new = rest.iter().find(|event| event["event"] == "new-leader").unwrap();
    assert!(new["after_lease_ms"].as_i64().unwrap() < 0, "{new}");
}

#[test]
fn nobody_who_reads_is_a_failure() {
    let mut demo = start(&QUICK);
    let pids = agents(&demo.0);
    drop(demo.0.stdout.take());
    assert_eq!(demo.0.wait().unwrap().code(), Some(1));
    are_gone(&pids);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for (options, hint) in [
        (&["--ttl", "1"][..], "from 2 to 30"),
        (&["--ttl", "31"], "from 2 to 30"),
        (&["--ttl", "NaN"], "from 2 to 30"),
        (&["--loop-wait", "0.1"], "from 0.2 to 10"),
        (&["--ttl", "2", "--loop-wait", "1"], "a third of --ttl"),
        (&["--servers", "3"], "unexpected argument"),
        (&["extra"], "extra"),
    ] {
        let output = demo(options).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{options:?}");
        assert!(stderr.contains(hint), "{options:?}: {stderr}");
    }
}

#[test]
fn help_says_what_it_does() {
    let output = demo(&["--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for word in
        ["--ensemble", "--ttl", "--loop-wait", "--json", "NO_COLOR", "Exit codes", "Usage: demo [OPTIONS]"]
    {
        assert!(help.contains(word), "no {word}: {help}");
    }
    assert!(!help.contains("agent "), "what is hidden stays hidden: {help}");
}
