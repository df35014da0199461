//! `list` and `watch` against a real server.

mod common;

use std::time::Duration;

use common::{Running, Server, dcsctl, fail, file, json, run, succeed};
use rustix::process::Signal;

/// A cluster with everything in it.
async fn batman(server: &Server, base: &str) {
    for (key, value) in [
        ("initialize", "7277694203142172922"),
        ("config", r#"{"ttl":30,"synchronous_mode":true,"pause":true}"#),
        ("history", r#"[[1,25623960,"no recovery target specified","2026-11-22T10:00:00+00:00","pg1"]]"#),
        ("sync", r#"{"leader":"pg1","quorum":0,"sync_standby":"pg2"}"#),
        ("status", r#"{"optime":100663296,"slots":{"pg2":100663200},"retain_slots":["pg2"]}"#),
        ("failover", r#"{"leader":"pg1","member":"pg2","scheduled_at":"2030-01-02T03:04:05+00:00"}"#),
        ("failsafe", r#"{"pg1":"http://10.0.0.1:8008/patroni"}"#),
        (
            "members/pg2",
            r#"{"conn_url":"postgres://10.0.0.2:5433/postgres","api_url":"http://10.0.0.2:8008/patroni","state":"running","role":"replica","replication_state":"streaming","receive_lsn":100663200,"replay_lsn":94371840,"xlog_location":100663200,"timeline":2,"tags":{"clonefrom":true}}"#,
        ),
        (
            "members/pg1",
            r#"{"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni","state":"running","role":"primary","xlog_location":100663296,"timeline":2,"pending_restart":true,"pending_restart_reason":{"max_connections":{"old_value":"100","new_value":"200"}}}"#,
        ),
        ("leader", "pg1"),
    ] {
        server.put(&format!("{base}/{key}"), value).await;
    }
}

#[tokio::test]
async fn a_cluster_as_a_table_and_as_json() {
    let server = Server::start().await;
    batman(&server, "/service/batman").await;
    let (before, hosts) = (server.tree().await, server.hosts());

    let table = succeed(dcsctl(&["list", "batman", "-d", &hosts])).await;
    let expected = "\
+ Cluster: batman (7277694203142172922) +-----------+----+-------------+-----+------------+-----+-----------------+---------------------------+-----------------+
| Member | Host          | Role         | State     | TL | Receive LSN | Lag | Replay LSN | Lag | Pending restart | Pending restart reason    | Tags            |
+--------+---------------+--------------+-----------+----+-------------+-----+------------+-----+-----------------+---------------------------+-----------------+
| pg1    | 10.0.0.1:5432 | Leader       | running   |  2 |             |     |            |     | *               | max_connections: 100->200 |                 |
| pg2    | 10.0.0.2:5433 | Sync Standby | streaming |  2 |   0/5FFFFA0 |   0 |  0/5A00000 |   6 |                 |                           | clonefrom: true |
+--------+---------------+--------------+-----------+----+-------------+-----+------------+-----+-----------------+---------------------------+-----------------+
 Maintenance mode: on
 Switchover scheduled at: 2030-01-02T03:04:05+00:00
                    from: pg1
                      to: pg2
";
    assert_eq!(table, expected);

    let document = json(&succeed(dcsctl(&["list", "--scope", "batman", "-d", &hosts, "--json"])).await);
    let members = document["members"].as_array().unwrap();
    assert_eq!(
        members[1],
        json(
            r#"{"name":"pg2","role":"sync_standby","state":"streaming","api_url":"http://10.0.0.2:8008/patroni","host":"10.0.0.2","port":5433,"timeline":2,"tags":{"clonefrom":true},"receive_lsn":"0/5FFFFA0","receive_lag":96,"replay_lsn":"0/5A00000","replay_lag":6291456,"lsn":"0/5FFFFA0","lag":96}"#
        )
    );
    assert_eq!(members[0]["role"], "leader");
    assert_eq!((&document["scope"], &document["path"]), (&"batman".into(), &"/service/batman".into()));
    assert_eq!(document["initialize"], "7277694203142172922");
    assert_eq!(document["leader"]["member"]["name"], "pg1");
    assert_eq!(document["leader"]["session"], before["/service/batman/leader"].2);
    assert_eq!(document["config"]["data"]["ttl"], 30);
    assert_eq!(document["sync"]["sync_standby"], "pg2");
    assert_eq!(document["failover"]["candidate"], "pg2");
    assert_eq!(document["history"]["lines"][0][1], 25_623_960);
    assert_eq!(document["status"]["last_lsn"], 100_663_296);
    assert_eq!(document["failsafe"]["pg1"], "http://10.0.0.1:8008/patroni");
    assert_eq!((&document["pause"], &document["group"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!(document["scheduled_switchover"]["to"], "pg2");

    // By a file, by the environment, by patronictl's own file.
    let directory = tempfile::tempdir().unwrap();
    let yaml = format!("scope: batman\nzookeeper: {{hosts: ['{hosts}']}}\n");
    let patroni = file(directory.path(), "patroni.yml", &yaml);
    assert_eq!(succeed(dcsctl(&["list", "-c", &patroni])).await, expected);
    let mut by_environment = dcsctl(&["list"]);
    by_environment.env("PATRONI_ZOOKEEPER_HOSTS", &hosts).env("PATRONI_SCOPE", "batman");
    assert_eq!(succeed(by_environment).await, expected);
    std::fs::create_dir_all(directory.path().join("home/.config/patroni")).unwrap();
    file(directory.path(), "home/.config/patroni/patronictl.yaml", &yaml);
    let mut by_home = dcsctl(&["list"]);
    by_home.env("HOME", directory.path().join("home"));
    assert_eq!(succeed(by_home).await, expected);

    assert_eq!(server.tree().await, before, "looking changes nothing");
    assert_eq!(server.sessions().await, 1, "our own: looking leaves no session behind");
}

#[tokio::test]
async fn groups_of_citus() {
    let server = Server::start().await;
    batman(&server, "/service/citus/0").await;
    let worker = r#"{"conn_url":"postgres://10.0.1.1:5432/postgres","state":"running","role":"primary"}"#;
    server.put("/service/citus/1/members/w1", worker).await;
    server.put("/service/citus/1/leader", "w1").await;
    server.put("/service/citus/1/initialize", "42").await;
    let hosts = server.hosts();

    let all = succeed(dcsctl(&["list", "citus", "-d", &hosts])).await;
    assert!(all.starts_with("+ Citus cluster: citus -"), "{all}");
    assert!(all.contains("|     0 | pg1    |") && all.contains("|     1 | w1     |"), "{all}");
    assert!(all.contains("\nCitus group: 0\n Maintenance mode: on\n"), "{all}");
    let one = succeed(dcsctl(&["list", "citus", "-d", &hosts, "--group", "1"])).await;
    assert!(one.starts_with("+ Citus cluster: citus (group: 1, 42) -"), "{one}");
    assert!(one.contains("| w1 ") && !one.contains("pg1"), "{one}");
    let document = json(&succeed(dcsctl(&["list", "citus", "-d", &hosts, "--json"])).await);
    assert_eq!((&document["group"], &document["path"]), (&0.into(), &"/service/citus/0".into()));
    assert_eq!(document["workers"]["1"]["members"][0]["name"], "w1");
    assert_eq!(document["workers"]["1"]["leader"]["member"]["name"], "w1");
    let line = fail(dcsctl(&["list", "citus", "-d", &hosts, "--group", "7"]), 1).await;
    assert!(line.contains("there is no /service/citus/7; give one of 0, 1"), "{line}");
}

#[tokio::test]
async fn garbage_is_shown_leniently() {
    let server = Server::start().await;
    for key in ["initialize", "config", "history", "sync", "status", "failover", "failsafe", "members/pg1"] {
        server.put(&format!("/service/batman/{key}"), "\u{1b}[2J{{ no: json").await;
    }
    server.put("/service/batman/leader", "pg9\n").await;
    let hosts = server.hosts();
    let table = succeed(dcsctl(&["list", "batman", "-d", &hosts])).await;
    assert!(table.contains("| pg1 ") && !table.contains('\u{1b}'), "{table}");
    let document = json(&succeed(dcsctl(&["list", "batman", "-d", &hosts, "--json"])).await);
    assert_eq!(document["members"][0]["name"], "pg1");
    assert_eq!(document["leader"]["member"]["name"], "pg9\n");
    assert_eq!(document["config"]["modify_version"], 0);
}

#[tokio::test]
async fn bad_input_takes_one_line() {
    let server = Server::start().await;
    batman(&server, "/service/batman").await;
    server.put("/service/robin/initialize", "").await;
    let (before, hosts) = (server.tree().await, server.hosts());
    let directory = tempfile::tempdir().unwrap();

    // Usage and configuration.
    for (arguments, parts) in [
        (&[][..], &["no command", "--help"][..]),
        (&["lst"], &["lst", "list"]),
        (&["list", "--timeout", "soon"], &["soon", "seconds"]),
        (&["list", "a", "--scope", "b"], &["--scope"]),
        (&["list", "--group", "x"], &["x", "--group"]),
        (&["list", "batman"], &["zookeeper.hosts", "-d"]),
        (&["list", "-d", &hosts], &["scope", "--scope"]),
        (&["list", "a/b", "-d", &hosts], &["scope", "slash"]),
        (&["list", "a", "-d", "host:port"], &["zookeeper.hosts", "-d"]),
        (&["list", "a", "-d", ""], &["zookeeper.hosts", "-d"]),
        (&["list", "-c", "no-such-file.yml"], &["no-such-file.yml", "-c"]),
        (&["agent", "--scope", "a", "-d", &hosts], &["name", "--name"]),
        (&["agent", "--scope", "a", "-d", &hosts, "--name", "b", "--ttl", "3"], &["ttl", "--retry-timeout"]),
        (&["completions", "tcsh"], &["tcsh", "bash"]),
    ] {
        let line = fail(dcsctl(arguments), 2).await;
        assert!(parts.iter().all(|part| line.contains(part)), "{arguments:?}: {line}");
    }
    for (yaml, key) in [
        ("scope: [a]\nzookeeper: {hosts: a}", "scope: must be a string"),
        ("scope: a\nzookeeper: 5", "zookeeper: must be a mapping"),
        ("scope: a\nzookeeper: {hosts: 5}", "zookeeper.hosts: must be"),
        ("scope: a\nzookeeper: {hosts: b}\nttl: soon", "ttl: must be a whole number"),
        ("scope: a\nzookeeper: {hosts: b}\ncitus: {group: x}", "citus.group: must be a whole number"),
        ("a: [", "not YAML"),
    ] {
        let name = file(directory.path(), "bad.yml", yaml);
        let line = fail(dcsctl(&["list", "-c", &name]), 2).await;
        assert!(line.contains(key) && line.contains("bad.yml"), "{line}");
    }
    let directory_name = directory.path().to_str().unwrap();
    assert!(fail(dcsctl(&["list", "-c", directory_name]), 2).await.contains(directory_name));

    // Servers that do not answer, and what is not there.
    let mut closed = zk_testkit::PortLease::new();
    let [a, b] = [closed.take().unwrap(), closed.take().unwrap()].map(|address| address.to_string());
    let both = format!("{a},{b}");
    for command in ["list", "watch"] {
        let line = fail(dcsctl(&[command, "batman", "-d", &both, "--timeout", "1"]), 1).await;
        for host in [&a, &b] {
            assert!(line.contains(&format!("{host}: connection refused")), "{line}");
        }
    }
    let nowhere = "host.invalid:2181";
    let line = fail(dcsctl(&["list", "batman", "-d", nowhere, "--timeout", "1"]), 1).await;
    assert!(line.contains(nowhere) && line.contains("-d"), "{line}");
    for command in ["list", "watch"] {
        let line = fail(dcsctl(&[command, "joker", "-d", &hosts]), 1).await;
        assert!(line.contains("\"joker\"") && line.ends_with("in /service: batman, robin"), "{line}");
    }
    let line = fail(dcsctl(&["list", "batman", "-d", &hosts, "--namespace", "other/ns"]), 1).await;
    assert!(line.contains("there is no /other/ns/batman") && line.contains("--namespace"), "{line}");
    let line = fail(dcsctl(&["list", "joker", "-d", &hosts, "--namespace", "/"]), 1).await;
    assert!(line.contains("there is no /joker"), "{line}");
    let line = fail(dcsctl(&["list", "batman", "-d", &hosts, "--group", "0"]), 1).await;
    assert!(line.contains("leave --group out"), "{line}");

    assert_eq!(server.tree().await, before);
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test]
async fn help_version_and_completions() {
    assert!(succeed(dcsctl(&["--version"])).await.starts_with("dcsctl "));
    let help = succeed(dcsctl(&["agent", "--help"])).await;
    assert!(help.contains("no PostgreSQL") && help.contains("NEVER"), "{help}");
    assert!(succeed(dcsctl(&["list", "--help"])).await.contains("workers"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(succeed(dcsctl(&["completions", shell])).await.contains("dcsctl"), "{shell}");
    }
}

#[tokio::test]
async fn a_reader_that_has_had_enough_is_no_failure() {
    let server = Server::start().await;
    batman(&server, "/service/batman").await;
    let program = env!("CARGO_BIN_EXE_dcsctl");
    let mut shell = std::process::Command::new("sh");
    // The reader of the pipe is gone before anything is written.
    let script = format!("{{ sleep 1; {program} list batman -d {}; echo $? >&2; }} | true", server.hosts());
    shell.args(["-c", &script]);
    let output = run(shell).await;
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_shows_changes() {
    let server = Server::start().await;
    batman(&server, "/service/batman").await;
    let hosts = server.hosts();
    let mut as_json =
        Running::start(dcsctl(&["watch", "batman", "-d", &hosts, "--json", "--interval", "60"]));
    let mut as_text = Running::start(dcsctl(&["watch", "batman", "-d", &hosts, "--interval", "0.1"]));
    let (first, _) = as_json.line(|_| true);
    assert_eq!(json(&first)["leader"]["member"]["name"], "pg1");
    assert!(json(&first)["time"].is_string());
    as_text.line(|line| line.contains("| pg1"));

    // The leader key is watched: no need to wait for the interval.
    server.client.delete("/service/batman/leader", None).await.unwrap();
    let (line, _) = as_json.line(|line| json(line)["leader"].is_null());
    assert_eq!(json(&line)["members"][0]["role"], "replica");
    as_text.line(|line| line.contains("| pg1") && line.contains("Replica"));
    // Members are looked at each interval.
    server.client.delete("/service/batman/members/pg2", None).await.unwrap();
    server.put("/service/batman/members/pg3", "{}").await;
    as_text.line(|line| line.contains("| pg3"));

    // Nothing changes, nothing is printed; then it ends when told.
    let before = server.tree().await;
    as_json.signal(Signal::INT);
    as_text.signal(Signal::TERM);
    assert_eq!((as_json.wait(), as_text.wait()), (Some(0), Some(0)));
    assert_eq!(server.tree().await, before);
    assert_eq!(server.sessions().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_survives_an_outage() {
    let server = Server::start().await;
    batman(&server, "/service/batman").await;
    let hosts = server.hosts();
    let watch = Running::start(dcsctl(&[
        "watch",
        "batman",
        "-d",
        &hosts,
        "--json",
        "--timeout",
        "1",
        "--interval",
        "0.2",
    ]));
    watch.line(|line| json(line)["leader"]["member"]["name"] == "pg1");
    server.ensemble.stop(0).await.unwrap();
    let (line, _) = watch.line(|line| json(line)["error"].is_string());
    assert!(line.contains("connection refused"), "{line}");
    server.ensemble.start_server(0).unwrap();
    tokio::time::timeout(Duration::from_secs(20), server.ensemble.wait_ready(0)).await.unwrap().unwrap();
    watch.line(|line| json(line)["initialize"] == "7277694203142172922");
}
