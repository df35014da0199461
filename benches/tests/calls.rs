//! What a call of the client allocates, measured as the program `throughput` does.

use std::{process::Stdio, time::Duration};

use benches::{
    contender::{self, Child, Workload},
    report::OURS,
    servers::STUB_ROLE,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// For each call: what carries its answer, its path for the error, the body of its request; and for those that carry data, the
/// copy that the contender makes of it. Buffers, and tokio's, come once for many calls.
#[tokio::test]
async fn a_call_allocates_for_its_answer_its_path_and_its_body() {
    let mut stub = Command::new(env!("CARGO_BIN_EXE_throughput"));
    stub.args([STUB_ROLE, "128"]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut stub = stub.spawn().unwrap();
    let mut lines = BufReader::new(stub.stdout.take().unwrap()).lines();
    let connect_string = lines.next_line().await.unwrap().unwrap();

    let mut counted = Command::new(env!("CARGO_BIN_EXE_throughput-counted"));
    counted.args([contender::ROLE, OURS, &connect_string, "128"]);
    let mut counted = Child::start(counted).await.unwrap();
    for (workload, most) in [(Workload::PipelinedGet, 3.5), (Workload::PipelinedSet, 4.5)] {
        // The first time buffers grow.
        counted.run(workload, Duration::from_millis(200)).await.unwrap();
        let figures = counted.run(workload, Duration::from_millis(500)).await.unwrap();
        let each = figures.allocations.unwrap() as f64 / figures.ops as f64;
        assert!(each > 2.0, "{}: {each} allocations: they are not counted", workload.name());
        assert!(each < most, "{}: {each} allocations a call", workload.name());
    }
}
