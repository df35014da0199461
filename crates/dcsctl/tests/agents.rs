//! `agent` against a real server.

mod common;

use std::{
    cell::Cell,
    process::Command,
    time::{Duration, Instant},
};

use common::{Running, Server, dcsctl, json, run, succeed};
use rustix::process::Signal;

const TTL: Duration = Duration::from_secs(4);

fn agent(server: &Server, name: &str, more: &[&str]) -> Command {
    let hosts = server.hosts();
    let mut arguments = vec!["agent", "--scope", "demo", "-d", &hosts, "--name", name, "--json"];
    arguments.extend(["--ttl", "4", "--loop-wait", "0.5", "--retry-timeout", "1.5"]);
    arguments.extend(more);
    dcsctl(&arguments)
}

async fn members(server: &Server) -> serde_json::Value {
    json(&succeed(dcsctl(&["list", "demo", "-d", &server.hosts(), "--json"])).await)["members"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leads_and_is_succeeded_when_killed() {
    let server = Server::start().await;
    let mut first = Running::start(agent(&server, "a", &["--show-renewals"]));
    let (leads, _) = first.event("leads");
    assert_eq!((&leads["leading"], &leads["leader"]), (&true.into(), &"a".into()));
    let left = leads["lease_remaining_ms"].as_u64().unwrap();
    assert!((1_000..4_000).contains(&left), "{leads}");
    assert_eq!(leads["fencing_token"], server.client.get_data("/service/demo/leader").await.unwrap().1.czxid);
    first.event("renewed");

    let second = Running::start(agent(&server, "b", &["--conn-url", "postgres://10.9.9.9:5433/x"]));
    let (follows, _) = second.event("follows");
    assert_eq!((&follows["leading"], &follows["leader"]), (&false.into(), &"a".into()));
    let is_member = |members: &serde_json::Value| members.as_array().unwrap().len() == 2;
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_member(&members(&server).await) {
        assert!(Instant::now() < deadline);
    }
    let both = members(&server).await;
    assert_eq!((&both[0]["role"], &both[1]["role"]), (&"leader".into(), &"replica".into()));
    assert_eq!((&both[1]["host"], &both[1]["port"]), (&"10.9.9.9".into(), &5433.into()));

    first.event("renewed");
    let killed = Instant::now();
    first.signal(Signal::KILL);
    first.wait();
    let (leads, at) = second.event("leads");
    let after = at.duration_since(killed);
    // The session lived on from the last renewal, half a second ago at most; the rest is the server's rounding.
    assert!(after > TTL - Duration::from_secs(1) && after < TTL * 2, "{after:?}");
    assert_eq!(leads["leader"], "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_hands_over_at_once_when_stopped() {
    let server = Server::start().await;
    let mut first = Running::start(agent(&server, "a", &[]));
    first.event("leads");
    let second = Running::start(agent(&server, "b", &[]));
    second.event("follows");
    let stopped = Instant::now();
    first.signal(Signal::TERM);
    let (leaves, _) = first.event("leaves");
    assert_eq!((&leaves["leading"], &leaves["why"]), (&false.into(), &"SIGTERM".into()));
    let (leads, at) = second.event("leads");
    assert!(at.duration_since(stopped) < Duration::from_secs(2), "{leads}");
    assert_eq!(first.wait(), Some(0));
    assert!(
        server.client.exists("/service/demo/members/a").await.unwrap().is_none(),
        "the session is closed"
    );
    let status = server.client.get_data("/service/demo/status").await.unwrap().0;
    assert!(json(std::str::from_utf8(&status).unwrap())["optime"].as_i64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_believing_when_the_lease_ends() {
    let server = Server::start().await;
    let agent = Running::start(agent(&server, "a", &["--show-renewals"]));
    agent.event("leads");
    agent.event("renewed");
    // The connection stays open and nothing answers.
    server.ensemble.freeze(0).unwrap();
    let time = |line: &serde_json::Value, key: &str| line[key].as_str()?.parse::<jiff::Timestamp>().ok();
    // A renewal may have been under way.
    let until = Cell::new(None);
    let (lost, _) = agent.line(|line| {
        let line = json(line);
        until.set(time(&line, "lease_until").or(until.get()));
        line["event"] == "lost"
    });
    let (lost, until) = (json(&lost), until.get().unwrap());
    assert_eq!(lost["leading"], false);
    let late = time(&lost, "time").unwrap().duration_since(until).as_millis();
    assert!((-5..500).contains(&late), "{late} ms after the end of the lease: {lost}");
    server.ensemble.thaw(0).unwrap();
    agent.event("leads");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_a_key_of_the_same_name_alone() {
    let server = Server::start().await;
    server.put("/service/demo/leader", "a").await;
    let before = server.client.get_data("/service/demo/leader").await.unwrap();
    let agent = Running::start(agent(&server, "a", &[]));
    let (follows, _) = agent.event("follows");
    assert!(follows["why"].as_str().unwrap().contains("namesake"), "{follows}");
    assert_eq!(server.client.get_data("/service/demo/leader").await.unwrap(), before);
    server.client.delete("/service/demo/leader", None).await.unwrap();
    agent.event("leads");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_lead_in_a_session_that_is_too_short() {
    // The servers grant a minute at most.
    let server = Server::start().await;
    let long = ["--ttl", "100", "--loop-wait", "40", "--retry-timeout", "30"];
    let hosts = server.hosts();
    let mut command = dcsctl(&["agent", "--scope", "demo", "-d", &hosts, "--name", "a"]);
    command.args(long);
    let output = run(command).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.contains("maxSessionTimeout"), "{stderr}");
    assert!(server.client.exists("/service/demo/leader").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_can_read_it() {
    let server = Server::start().await;
    let hosts = server.hosts();
    let mut agent = Running::start(dcsctl(&["agent", "--scope", "demo", "-d", &hosts, "--name", "a"]));
    agent.line(|line| line.contains(" a        connected     to 127.0.0.1:"));
    agent.line(|line| line.contains(" a        LEADS         the leader key was free; lease "));
    agent.signal(Signal::INT);
    agent.line(|line| line.contains("leaves        SIGINT"));
    agent.line(|line| line.contains("the leader key is released"));
    assert_eq!(agent.wait(), Some(0));
}
