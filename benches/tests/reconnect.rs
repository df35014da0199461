//! The program `reconnect` runs, and its faults hit: this client alone, on real servers.

mod common;

use serde_json::Value;

#[test]
fn faults_hit_and_this_client_is_back_before_its_read_timeout() {
    let ran = common::run(
        env!("CARGO_BIN_EXE_reconnect"),
        &[
            "--rounds",
            "1",
            "--limit",
            "30",
            "--contenders",
            "zk-session-patroni",
            "--faults",
            "follower-killed,two-black-holed",
        ],
    );
    let table = &ran.table;
    assert!(table.contains("× limit") && table.contains("three servers: two-black-holed"), "{table}");
    for workload in ["follower-killed", "two-black-holed"] {
        let values = |contender: &str| {
            let is_it = |sample: &Value| sample["workload"] == workload && sample["contender"] == contender;
            ran.values(is_it, &format!("{contender}, {workload},"))
        };
        let (ours, limit) = (values("zk-session-patroni"), values("limit"));
        assert_eq!(ours["session_kept"], 1.0, "{table}");
        assert!(limit["first_good_ms"].as_f64().unwrap() < 5_000.0, "{table}");
        let least_and_most = match workload {
            // What suspicion waits for, twice, and the read timeout that it is to be faster than.
            "two-black-holed" => 1_900.0..7_900.0,
            _ => 0.0..5_000.0,
        };
        assert!(least_and_most.contains(&ours["first_good_ms"].as_f64().unwrap()), "{table}");
    }
}
