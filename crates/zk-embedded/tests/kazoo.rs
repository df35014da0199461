//! kazoo, the Python client that Patroni uses, as its users know it. The same script runs against a real server, so that it is
//! the script that is right and not the server that is kind.

use std::{path::PathBuf, time::Duration};

use tokio::process::Command;

/// A Python that has kazoo, as the integration tests find it.
fn python() -> PathBuf {
    let venv = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    std::env::var_os("DCS_ZK_PYTHON").map_or(venv, PathBuf::from)
}

async fn recipes_work(hosts: String) {
    let python = python();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python/kazoo_recipes.py");
    let running = Command::new(&python).arg(script).arg(hosts).kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), running).await.expect("it ends");
    let output = output.unwrap_or_else(|error| {
        panic!("{}: {error}; run scripts/install-deps.sh python first", python.display())
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn kazoo_and_its_recipes_work() {
    let server = zk_embedded::Server::start().await.unwrap();
    recipes_work(server.connect_string()).await;
}

#[tokio::test]
async fn they_work_against_a_real_server() {
    let ensemble = zk_testkit::Ensemble::builder().max_session_timeout(Duration::from_secs(60));
    let ensemble = ensemble.start().await.unwrap();
    recipes_work(ensemble.connect_string()).await;
}
