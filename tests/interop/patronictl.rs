//! The real `patronictl` on a cluster that no Patroni has ever written to.

use std::path::Path;

use dcs_model::{HistoryLine, ScheduledAt, TimelineHistory};
use dcs_zk::{LeaderUpdate, MemberData};
use integration_tests::patroni;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{SECOND, ensemble, member_of};

/// Runs `patronictl` with this configuration and gives what it prints.
async fn patronictl(config: &Path, args: &[&str]) -> String {
    let output = Command::new(patroni::python())
        .args(["-c", "from patroni.ctl import ctl; ctl(prog_name='patronictl')", "-c"])
        .arg(config)
        .args(args)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn patronictl_shows_what_we_wrote() {
    let ensemble = ensemble().await;
    let hosts = ensemble.connect_string();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("patroni.yml");
    std::fs::write(&file, patroni::config(&hosts, "demo", "ctl", json!({})).to_string()).unwrap();

    let members = ["one", "two", "three"].map(|name| member_of(&ensemble, "demo", name));
    let data = |n: usize| {
        let data = MemberData::new(
            &format!("postgres://10.0.0.{n}:5432/postgres"),
            &format!("http://10.0.0.{n}:8008/patroni"),
        );
        data.state("running").version("4.1.5")
    };
    let tags = [("replicatefrom", "two")].into_iter().collect();
    let written = [
        data(1).role("primary").xlog_location(0x400_0000).timeline(2),
        data(2)
            .role("replica")
            .replay_lsn(0x300_0000)
            .receive_lsn(0x300_0000)
            .replication_state("streaming")
            .timeline(2),
        data(3)
            .role("replica")
            .tags(&tags)
            .replay_lsn(0x400_0000)
            .receive_lsn(0x400_0000)
            .replication_state("streaming")
            .timeline(2),
    ];
    for (member, data) in members.iter().zip(&written) {
        member.get_cluster().await.unwrap();
        member.touch_member(data).await.unwrap();
    }
    let leader = &members[0];
    assert!(leader.initialize("7012345678901234567").await.unwrap());
    leader.set_config_value(r#"{"ttl":30,"synchronous_mode":true}"#, None).await.unwrap();
    leader.attempt_to_acquire_leader().await.unwrap().expect("the lock is free");
    let cluster = leader.get_cluster().await.unwrap();
    let update = LeaderUpdate { last_lsn: Some(0x400_0000), ..LeaderUpdate::default() };
    leader.update_leader(&cluster, update).await.unwrap();
    leader.write_sync_state(Some("one"), &["two"], None, None).await.unwrap();
    let line = HistoryLine {
        timeline: 1,
        lsn: 0x200_0000,
        reason: "no recovery target specified".to_owned(),
        timestamp: Some("2026-01-02T03:04:05+00:00".to_owned()),
        new_leader: Some("one".to_owned()),
    };
    leader.set_history_value(&TimelineHistory::encode(&[line])).await.unwrap();

    let standby = |member: &str, host: &str, lsn: &str, lag: i64, role: &str| {
        json!({"Cluster": "demo", "Member": member, "Host": host, "Role": role, "State": "streaming", "TL": 2,
            "Receive LSN": lsn, "Receive Lag": lag, "Replay LSN": lsn, "Replay Lag": lag})
    };
    let mut cascading = standby("three", "10.0.0.3", "0/4000000", 0, "Replica");
    cascading["Tags"] = json!({"replicatefrom": "two"});
    let expected = json!([
        {"Cluster": "demo", "Member": "one", "Host": "10.0.0.1", "Role": "Leader", "State": "running", "TL": 2},
        cascading,
        standby("two", "10.0.0.2", "0/3000000", 16, "Sync Standby"),
    ]);
    let listed = patronictl(&file, &["list", "-f", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap(), expected);

    let topology = patronictl(&file, &["topology"]).await;
    assert!(topology.starts_with("+ Cluster: demo (7012345678901234567) "), "{topology}");
    let lines = |text: &str, columns: usize| -> Vec<Vec<String>> {
        let rows = text.lines().filter(|line| line.starts_with('|'));
        rows.map(|row| row.split('|').skip(1).take(columns).map(|cell| cell.trim_end().to_owned()).collect())
            .collect()
    };
    let tree = [
        [" Member", " Host", " Role"],
        [" one", " 10.0.0.1", " Leader"],
        [" + two", " 10.0.0.2", " Sync Standby"],
        ["   + three", " 10.0.0.3", " Replica"],
    ];
    assert_eq!(lines(&topology, 3), tree, "{topology}");

    assert_eq!(patronictl(&file, &["show-config"]).await.trim_end(), "synchronous_mode: true\nttl: 30");
    let history = patronictl(&file, &["history", "-f", "json"]).await;
    let line = json!([{"TL": 1, "LSN": 0x200_0000, "Reason": "no recovery target specified",
        "Timestamp": "2026-01-02T03:04:05+00:00", "New Leader": "one"}]);
    assert_eq!(serde_json::from_str::<Value>(&history).unwrap(), line);
    assert_eq!(patronictl(&file, &["dsn"]).await.trim_end(), "host=10.0.0.1 port=5432");

    // What it writes on the ground of our version is there, and wakes us.
    let before = leader.get_cluster().await.unwrap();
    let edit = ["edit-config", "--force", "-s", "loop_wait=5", "-s", "ttl=null"];
    let (woken, edited) = tokio::join!(leader.watch(None, 30 * SECOND), patronictl(&file, &edit));
    assert!(woken && edited.contains("Configuration changed"), "{edited}");
    let after = leader.get_cluster().await.unwrap().config.clone().unwrap();
    assert_eq!(json!(after.data), json!({"loop_wait": 5, "synchronous_mode": true}));
    assert_eq!(after.version, before.config.as_ref().unwrap().version + 1);

    let at = ScheduledAt::parse("2030-01-02T03:04:05+00:00");
    leader.manual_failover(Some("one"), Some("two"), at, None).await.unwrap();
    let listed = patronictl(&file, &["list"]).await;
    let scheduled: Vec<&str> = listed.lines().rev().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(
        scheduled[..3],
        ["to: two", "from: one", "Switchover scheduled at: 2030-01-02T03:04:05+00:00"],
        "{listed}"
    );
}
