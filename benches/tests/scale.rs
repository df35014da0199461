//! The program `scale` runs, and an idle session takes the memory that it may: this client alone, on a real server.

mod common;

use serde_json::Value;

/// What an idle session may take, in bytes.
const IDLE_SESSION: f64 = 32.0 * 1024.0;

#[test]
fn sessions_are_small_and_watches_come_back() {
    let ran = common::run(
        env!("CARGO_BIN_EXE_scale"),
        &["--contenders", "zk-session,dcs-zk", "--largest", "10", "--idle", "1"],
    );
    let table = &ran.table;
    assert!(table.contains("one server: sessions") && table.contains("one server: groups"), "{table}");
    let figure = |workload: &str, key: &str| {
        let is_it = |sample: &Value| sample["workload"] == workload && sample["values"]["size"] == 10.0;
        let figure = ran.values(is_it, &format!("10 {workload}"))[key].as_f64();
        figure.unwrap_or_else(|| panic!("no {key} of 10 {workload}: {table}"))
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
}
