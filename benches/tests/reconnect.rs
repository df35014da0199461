//! The program `reconnect` runs, and its faults hit: this client alone, on real servers.

use std::{path::Path, process::Command};

use serde_json::Value;

/// The values that `program` has written to `file`, by workload and contender.
fn values(file: &Path, workload: &str, contender: &str) -> Value {
    let lines = std::fs::read_to_string(file).unwrap();
    let mut samples = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sample = samples.find(|sample| sample["workload"] == workload && sample["contender"] == contender);
    sample.unwrap_or_else(|| panic!("{contender} was not measured, {workload}:\n{lines}"))["values"].take()
}

#[test]
fn faults_hit_and_this_client_is_back_before_its_read_timeout() {
    let directory = tempfile::tempdir().unwrap();
    let (json, plot) = (directory.path().join("samples.jsonl"), directory.path().join("plot.svg"));
    let output = Command::new(env!("CARGO_BIN_EXE_reconnect"))
        .args(["--rounds", "1", "--limit", "30", "--contenders", "zk-session-patroni"])
        .args(["--faults", "follower-killed,two-black-holed"])
        .arg("--json")
        .arg(&json)
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let (table, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(table.contains("× limit") && table.contains("three servers: two-black-holed"), "{table}");
    for workload in ["follower-killed", "two-black-holed"] {
        let ours = values(&json, workload, "zk-session-patroni");
        let limit = values(&json, workload, "limit");
        assert_eq!(ours["session_kept"], 1.0, "{table}");
        assert!(limit["first_good_ms"].as_f64().unwrap() < 5_000.0, "{table}");
        let least_and_most = match workload {
            // What suspicion waits for, twice, and the read timeout that it is to be faster than.
            "two-black-holed" => 1_900.0..7_900.0,
            _ => 0.0..5_000.0,
        };
        assert!(least_and_most.contains(&ours["first_good_ms"].as_f64().unwrap()), "{table}");
    }
    assert!(std::fs::read_to_string(&plot).unwrap().contains("</svg>"));
}
