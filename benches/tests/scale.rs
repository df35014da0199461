//! The program `scale` runs, and an idle session takes the memory that it may: this client alone, on a real server.

use std::process::Command;

use serde_json::Value;

/// What an idle session may take, in bytes.
const IDLE_SESSION: f64 = 32.0 * 1024.0;

#[test]
fn sessions_are_small_and_watches_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let (json, plot) = (directory.path().join("samples.jsonl"), directory.path().join("plot.svg"));
    let output = Command::new(env!("CARGO_BIN_EXE_scale"))
        .args(["--contenders", "zk-session,dcs-zk", "--largest", "10", "--idle", "1"])
        .arg("--json")
        .arg(&json)
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let (table, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(table.contains("one server: sessions") && table.contains("one server: groups"), "{table}");
    let lines = std::fs::read_to_string(&json).unwrap();
    let samples: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let figure = |workload: &str, key: &str| {
        let is_it = |sample: &&Value| sample["workload"] == workload && sample["values"]["size"] == 10.0;
        let sample = samples.iter().find(is_it).unwrap_or_else(|| panic!("no 10 {workload}:\n{lines}"));
        sample["values"][key].as_f64().unwrap_or_else(|| panic!("no {key} of {workload}:\n{lines}"))
    };
    for (workload, key) in
        [("members", "load_ms"), ("groups", "load_ms"), ("watches", "restore_ms"), ("sessions", "begin_ms")]
    {
        assert!(figure(workload, key) > 0.0, "{table}");
    }
    let session = figure("sessions", "heap_each");
    assert!((1_000.0..IDLE_SESSION).contains(&session), "{session} bytes each\n{table}");
    let watch = figure("watches", "heap_each");
    assert!((100.0..4_096.0).contains(&watch), "{watch} bytes each\n{table}");
    assert!(std::fs::read_to_string(&plot).unwrap().contains("</svg>"));
}
