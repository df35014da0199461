//! The program `loading` runs, its proxy delays, and a load costs the round trips that it should: this client alone, on a real
//! server.

mod common;

use std::process::Command;

use serde_json::Value;

#[test]
fn a_load_costs_one_round_trip_and_the_first_one_another() {
    let ran = common::run(
        env!("CARGO_BIN_EXE_loading"),
        &[
            "--rounds",
            "1",
            "--contenders",
            "dcs-zk",
            "--shapes",
            "3,4x3",
            "--round-trips",
            "100",
            "--time",
            "0",
        ],
    );
    let table = &ran.table;
    assert!(table.contains("100 ms added: Citus, 4 groups of 3, first load"), "{table}");
    let figure = |workload: &str, key: &str| {
        let is_it = |sample: &Value| sample["workload"] == workload && sample["server"] == "100 ms added";
        let figure = ran.values(is_it, workload)[key].as_f64();
        figure.unwrap_or_else(|| panic!("no {key} of {workload}: {table}"))
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
}

#[test]
fn a_shape_that_makes_no_sense_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_loading")).args(["--shapes", "3x"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("GROUPSxMEMBERS"));
}
