//! The program `zk-ensemble`, and that servers do not outlive the process that started them.

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zk-ensemble");

/// Starts one server and returns the program, the server's pid and its directory.
fn start(temp: &std::path::Path) -> (Child, u32, std::path::PathBuf) {
    let mut child = Command::new(PROGRAM)
        .args(["--servers", "1", "--tick-time-ms", "100", "--json"])
        .env("TMPDIR", temp)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    let server = &json["servers"][0];
    assert_eq!(json["connect_string"], server["host"]);
    let pid = u32::try_from(server["pid"].as_u64().unwrap()).unwrap();
    assert!(common::is_running(pid));
    let log = std::path::PathBuf::from(server["log"].as_str().unwrap());
    (child, pid, log.ancestors().nth(2).unwrap().to_owned())
}

#[test]
fn it_ends_with_its_standard_input() {
    let temp = tempfile::tempdir().unwrap();
    let (mut child, pid, directory) = start(temp.path());
    assert!(directory.starts_with(temp.path()) && directory.exists());
    child.stdin.as_mut().unwrap().write_all(b"ignored\n").unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!common::is_running(pid));
    assert!(!directory.exists());
}

#[test]
fn it_ends_at_sigterm() {
    let temp = tempfile::tempdir().unwrap();
    let (mut child, pid, directory) = start(temp.path());
    let program = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(program, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!common::is_running(pid));
    assert!(!directory.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn servers_die_with_a_killed_process() {
    let temp = tempfile::tempdir().unwrap();
    let (mut child, pid, _) = start(temp.path());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(common::wait_gone(pid), "the server outlived the process that started it");
}

#[test]
fn help_names_the_options() {
    let output = Command::new(PROGRAM).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for option in ["--servers", "--tick-time-ms", "--max-session-timeout-ms", "--json"] {
        assert!(text.contains(option), "{option} is not in {text}");
    }
}
