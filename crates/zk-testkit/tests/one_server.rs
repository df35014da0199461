//! A standalone server: start, stop, restart, drop, and what is said when it cannot be started.

mod common;

use std::time::Duration;

use zk_testkit::{Ensemble, Mode, TestkitError};

#[tokio::test]
async fn starts_stops_and_leaves_nothing() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    assert_eq!(ensemble.connect_string(), ensemble.addr(0).to_string());
    assert_eq!(ensemble.mode(0).await, Some(Mode::Standalone));
    assert_eq!(ensemble.leader().await, Some(0));
    assert_eq!(ensemble.four_letter_word(0, "ruok").await.unwrap(), "imok");
    let pid = ensemble.pid(0).unwrap();
    assert!(common::is_running(pid));

    ensemble.stop(0).await.unwrap();
    assert!(!common::is_running(pid));
    assert_eq!(ensemble.pid(0), None);
    assert_eq!(ensemble.mode(0).await, None);
    assert!(matches!(ensemble.stop(0).await, Err(TestkitError::NotRunning { server: 0 })));
    assert!(matches!(ensemble.freeze(0), Err(TestkitError::NotRunning { server: 0 })));

    ensemble.start_server(0).unwrap();
    assert!(matches!(ensemble.start_server(0), Err(TestkitError::AlreadyRunning { server: 0, .. })));
    ensemble.wait_ready(0).await.unwrap();
    let pid = ensemble.pid(0).unwrap();
    let directory = common::parent(ensemble.server(0).directory()).to_owned();
    assert!(directory.exists());
    drop(ensemble);
    assert!(!common::is_running(pid), "drop waits for the process");
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_restart_keeps_the_data_and_the_port() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    let (_stream, session) = common::open_session(ensemble.addr(0));
    assert_eq!(ensemble.server_of_session(session).await, Some(0));
    assert_eq!(ensemble.server_of_session(session + 1).await, None);
    let before = ensemble.status(0).await.unwrap();
    assert!(before.zxid > 0, "opening a session is a transaction");
    let addr = ensemble.addr(0);

    ensemble.restart(0).await.unwrap();
    let after = ensemble.status(0).await.unwrap();
    assert!(after.zxid >= before.zxid, "{after:?} forgot {before:?}");
    assert_eq!(ensemble.addr(0), addr);

    ensemble.kill(0).await.unwrap();
    ensemble.start_server(0).unwrap();
    ensemble.wait_ready(0).await.unwrap();
    assert!(ensemble.status(0).await.unwrap().zxid >= before.zxid);
}

#[tokio::test]
async fn options_reach_the_server() {
    let ensemble = Ensemble::builder()
        .tick_time(Duration::from_millis(250))
        .min_session_timeout(Duration::from_millis(300))
        .max_session_timeout(Duration::from_secs(60))
        .property("maxClientCnxns", "7")
        .system_property("kit.file", "{dir}/extra.conf")
        .file("extra.conf", "the directory is {dir}\n")
        .start()
        .await
        .unwrap();
    let conf = ensemble.four_letter_word(0, "conf").await.unwrap();
    for line in ["tickTime=250", "minSessionTimeout=300", "maxSessionTimeout=60000", "maxClientCnxns=7"] {
        assert!(conf.lines().any(|have| have == line), "{line} is not in\n{conf}");
    }
    let directory = ensemble.server(0).directory();
    let extra = std::fs::read_to_string(directory.join("extra.conf")).unwrap();
    assert_eq!(extra, format!("the directory is {}\n", directory.display()));
    let command = std::fs::read_to_string(format!("/proc/{}/cmdline", ensemble.pid(0).unwrap())).unwrap();
    assert!(command.contains(&format!("-Dkit.file={}/extra.conf", directory.display())));
}

#[tokio::test]
async fn a_panic_leaves_nothing() {
    let task = tokio::spawn(async {
        let ensemble = Ensemble::builder().start().await.unwrap();
        std::panic::panic_any(ensemble.pid(0).unwrap());
    });
    let pid: u32 = *task.await.unwrap_err().into_panic().downcast().unwrap();
    assert!(!common::is_running(pid));
}

#[tokio::test]
async fn a_server_that_cannot_start_shows_its_log() {
    let error = Ensemble::builder().property("tickTime", "soon").start().await.unwrap_err();
    assert!(matches!(error, TestkitError::Exited { server: 0, .. }), "{error}");
    assert!(error.to_string().contains("soon"), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named_as_such() {
    let ensemble = Ensemble::builder().start().await.unwrap();
    ensemble.stop(0).await.unwrap();
    let listener = std::net::TcpListener::bind(ensemble.addr(0)).unwrap();
    ensemble.start_server(0).unwrap();
    let error = ensemble.wait_ready(0).await.unwrap_err();
    assert!(matches!(error, TestkitError::PortTaken { server: 0, .. }), "{error}");

    // The complaint of one start is not held against the next.
    drop(listener);
    ensemble.start_server(0).unwrap();
    ensemble.wait_ready(0).await.unwrap();
}

#[tokio::test]
async fn missing_parts_are_named_with_the_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let error = Ensemble::builder().zookeeper_home(empty.path()).start().await.unwrap_err();
    assert!(matches!(error, TestkitError::JarsMissing { .. }));
    let text = error.to_string();
    for part in
        [&*empty.path().display().to_string(), "apt-get install", "libzookeeper-java", "ZOOKEEPER_HOME"]
    {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    let error = Ensemble::builder().java(empty.path().join("java")).start().await.unwrap_err();
    assert!(matches!(error, TestkitError::JavaMissing { .. }));
    let text = error.to_string();
    for part in ["apt-get install", "default-jre-headless", "JAVA_HOME"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }

    let error = Ensemble::builder().servers(0).start().await.unwrap_err();
    assert!(matches!(error, TestkitError::Invalid(_)), "{error}");
}
