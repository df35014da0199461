//! The program `loading` runs, its proxy delays, and a load costs the round trips that it should: this client alone, on a real
//! server.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_load_costs_one_round_trip_and_the_first_one_another() {
    let directory = tempfile::tempdir().unwrap();
    let (json, plot) = (directory.path().join("samples.jsonl"), directory.path().join("plot.svg"));
    let output = Command::new(env!("CARGO_BIN_EXE_loading"))
        .args(["--rounds", "1", "--contenders", "dcs-zk", "--shapes", "3,4x3", "--round-trips", "100"])
        .args(["--time", "0"])
        .arg("--json")
        .arg(&json)
        .arg("--plot")
        .arg(&plot)
        .output()
        .unwrap();
    let (table, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(table.contains("100 ms added: Citus, 4 groups of 3, first load"), "{table}");
    let lines = std::fs::read_to_string(&json).unwrap();
    let samples: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let figure = |workload: &str, key: &str| {
        let is_it = |sample: &&Value| sample["workload"] == workload && sample["server"] == "100 ms added";
        let sample = samples.iter().find(is_it).unwrap_or_else(|| panic!("no {workload}:\n{lines}"));
        sample["values"][key].as_f64().unwrap_or_else(|| panic!("no {key} of {workload}:\n{lines}"))
    };
    for (workload, round_trips) in [
        ("3 members, next load", 1.0),
        ("3 members, first load", 2.0),
        ("Citus, 4 groups of 3, next load", 1.0),
        ("Citus, 4 groups of 3, first load", 3.0),
    ] {
        assert!(figure(workload, "get_ms") >= 99.0, "{table}");
        let found = figure(workload, "round_trips");
        // What a busy machine adds is far less than half of 100 ms.
        assert!((found - round_trips).abs() < 0.5, "{workload}: {found} round trips\n{table}");
    }
    // Two watches and all reads in one.
    assert_eq!(figure("3 members, next load", "requests"), 3.0, "{table}");
    assert!(std::fs::read_to_string(&plot).unwrap().contains("</svg>"));
}

#[test]
fn a_shape_that_makes_no_sense_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_loading")).args(["--shapes", "3x"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("GROUPSxMEMBERS"));
}
