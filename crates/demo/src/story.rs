//! What happens, in order.
//!
//! ```text
//!   servers, agents ─► E elected ─► S server lost ─► M moved: same session, leads on
//!                                                        │
//!                  verdict ◄─ N new leader ◄─ L lease ended ◄─ K killed
//! ```

use std::time::Duration;

use dcs_zk::{Timestamp, Timings};
use serde_json::{Value, json};

use crate::{
    belief::{self, Reigns, Span},
    failure::Failure,
    picture::Frame,
    screen::{Paint, Screen},
    servers::Servers,
    stage::{Actor, Stage},
    timeline::{Event, What},
};

const NAMES: [&str; 3] = ["node1", "node2", "node3"];
/// How long there is something to look at before the next blow.
const LOOK: Duration = Duration::from_millis(1500);
/// For what a busy machine may need long for.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a takeover may need besides the session timeout and its rounding, on a busy machine.
const TAKEOVER: Duration = Duration::from_secs(5);

/// Tells the story, on embedded servers or `real` ones.
pub(crate) async fn tell(real: bool, timings: Timings, mut screen: Screen) -> Result<(), Failure> {
    let servers = Servers::start(real, timings).await?;
    let hosts = servers.connect_string();
    let times = |duration: Duration| duration.as_secs_f64();
    screen.say(&[
        (Paint::Bold, servers.describe()),
        (Paint::None, format!("   {hosts}")),
        (
            Paint::Bold,
            format!(
                "Three agents, ttl {} s, a round each {} s",
                times(timings.ttl()),
                times(timings.loop_wait())
            ),
        ),
    ])?;
    let mut stage = Stage::set(&hosts, &NAMES, timings, screen)?;
    stage
        .tell("servers-started", json!({ "servers": hosts.split(',').collect::<Vec<_>>(), "real": real }))?;
    let told = act(&mut stage, &servers, timings).await;
    if let Err(Failure::Failed(why)) = &told {
        stage.tell("failed", json!({ "why": why }))?;
    }
    told
}

async fn act(stage: &mut Stage, servers: &Servers, timings: Timings) -> Result<(), Failure> {
    let leader = elected(stage).await?;
    server_lost(stage, servers, leader).await?;
    let killed = leader_killed(stage, leader).await?;
    let new = taken_over(stage, leader, killed, timings).await?;
    shown(stage, new).await?;
    stage.leave_table()?;
    verdict(stage)
}

fn actor(stage: &Stage, index: usize) -> Result<&Actor, Failure> {
    stage.actors.get(index).ok_or_else(|| Failure::failed("there is no such agent"))
}

fn server_and_session(actor: &Actor) -> Result<(String, String), Failure> {
    actor
        .connection
        .clone()
        .ok_or_else(|| Failure::failed(format!("{} does not say where it is connected", actor.name)))
}

/// What an agent leads by: the newest of its reigns.
fn reign(actor: &Actor) -> Result<Span, Failure> {
    let last = actor.reigns.spans.last().copied();
    last.ok_or_else(|| Failure::failed(format!("{} has never led", actor.name)))
}

/// Waits until the agent has renewed its lease after `at`, and led all the time.
async fn leads_on(stage: &mut Stage, leader: usize, at: Timestamp, why: &str) -> Result<(), Failure> {
    let before = reign(actor(stage, leader)?)?.from;
    let find = |stage: &Stage| {
        let agent = actor(stage, leader)?;
        if reign(agent)?.from != before || agent.reigns.at(dcs_zk::now()).is_none() {
            return Err(Failure::failed(format!("{} has lost the leadership: {why}", agent.name)));
        }
        Ok(agent.renewed.filter(|renewed| *renewed > at).map(|_| ()))
    };
    stage.until(PATIENCE, "the leader did not renew its lease", find).await
}

async fn elected(stage: &mut Stage) -> Result<usize, Failure> {
    let leader = stage.until(PATIENCE, "nobody led", |stage| Ok(stage.leader())).await?;
    let (name, at) = (actor(stage, leader)?.name.clone(), reign(actor(stage, leader)?)?.from);
    let (server, session) = server_and_session(actor(stage, leader)?)?;
    stage.happened(Event {
        at,
        what: What::Elected,
        text: format!("{name}, connected to {server}"),
        fields: json!({ "leader": name, "server": server, "session": session }),
    })?;
    let find = |stage: &Stage| Ok((stage.cluster().members.len() == NAMES.len()).then_some(()));
    stage.until(PATIENCE, "not all agents were members", find).await?;
    leads_on(stage, leader, dcs_zk::now().after(LOOK), "nothing was done to it").await?;
    Ok(leader)
}

async fn server_lost(stage: &mut Stage, servers: &Servers, leader: usize) -> Result<(), Failure> {
    let name = actor(stage, leader)?.name.clone();
    let (lost, session) = server_and_session(actor(stage, leader)?)?;
    // From when on it may be gone: the agent may be elsewhere before its end is certain here.
    let at = dcs_zk::now();
    let how = servers.lose(&lost, &stage.sessions_at(&lost)).await?;
    stage.happened(Event {
        at,
        what: What::ServerLost,
        text: format!("{lost}, where {name} is: {how}"),
        fields: json!({ "server": lost, "leader": name }),
    })?;
    let find = |stage: &Stage| {
        let agent = actor(stage, leader)?;
        let (server, _) = server_and_session(agent)?;
        Ok(agent.connected_at.filter(|_| server != lost))
    };
    let moved = stage.until(PATIENCE, "the leader found no other server", find).await?;
    let (server, now) = server_and_session(actor(stage, leader)?)?;
    if now != session {
        return Err(Failure::failed(format!("{name} has lost its session with the server")));
    }
    leads_on(stage, leader, moved, "its server was lost").await?;
    stage.happened(Event {
        at: moved,
        what: What::Moved,
        text: format!("{name} to {server}, in the same session: it leads on"),
        fields: json!({ "leader": name, "server": server, "session": session }),
    })?;
    leads_on(stage, leader, dcs_zk::now().after(LOOK), "its server was lost").await
}

async fn leader_killed(stage: &mut Stage, leader: usize) -> Result<Timestamp, Failure> {
    let killed = stage.kill(leader).await?;
    let agent = actor(stage, leader)?;
    let (name, pid) = (agent.name.clone(), agent.pid);
    stage.happened(Event {
        at: killed,
        what: What::Killed,
        text: format!("{name}: SIGKILL for process {pid}"),
        fields: json!({ "leader": name, "pid": pid }),
    })?;
    // Its last words are in the pipe: the lease that it had at the end is among them.
    let find = |stage: &Stage| Ok(actor(stage, leader)?.silent.then_some(()));
    stage.until(PATIENCE, "the output of the dead leader did not end", find).await?;
    Ok(killed)
}

async fn taken_over(
    stage: &mut Stage,
    dead: usize,
    killed: Timestamp,
    timings: Timings,
) -> Result<usize, Failure> {
    let (name, lease_end) = (actor(stage, dead)?.name.clone(), reign(actor(stage, dead)?)?.end());
    let find = |_: &Stage| Ok((dcs_zk::now() >= lease_end).then_some(()));
    stage.until(timings.ttl() * 2, "the lease of the dead leader did not end", find).await?;
    stage.happened(Event {
        at: lease_end,
        what: What::LeaseEnded,
        text: format!("until then {name} could have acted as the leader"),
        fields: json!({ "leader": name, "after_kill_ms": millis(lease_end, killed) }),
    })?;
    let limit = timings.ttl() * 2 + TAKEOVER;
    let new = stage.until(limit, "nobody took over", |stage| Ok(stage.leader())).await?;
    let (new_name, at) = (actor(stage, new)?.name.clone(), reign(actor(stage, new)?)?.from);
    let (after_kill, after_lease) = (millis(at, killed), millis(at, lease_end));
    stage.happened(Event {
        at,
        what: What::NewLeader,
        text: format!(
            "{new_name}, {after_kill} ms after the kill, {} ms {} the end of the lease",
            after_lease.abs(),
            if after_lease < 0 { "BEFORE" } else { "after" }
        ),
        fields: json!({ "leader": new_name, "after_kill_ms": after_kill, "after_lease_ms": after_lease }),
    })?;
    Ok(new)
}

/// Everybody who looks into ZooKeeper sees the new leader, and the dead one is no member any more.
async fn shown(stage: &mut Stage, new: usize) -> Result<(), Failure> {
    let name = actor(stage, new)?.name.clone();
    let find = |stage: &Stage| {
        let cluster = stage.cluster();
        Ok((cluster.leader_name() == Some(&name) && cluster.members.len() == NAMES.len() - 1).then_some(()))
    };
    stage.until(PATIENCE, "ZooKeeper did not show the new leader", find).await?;
    leads_on(stage, new, dcs_zk::now().after(LOOK / 2), "nothing was done to it").await
}

/// The timeline, its picture, and whether two have led at a time.
fn verdict(stage: &mut Stage) -> Result<(), Failure> {
    let events = stage.timeline.events();
    let mut lines = vec![(Paint::None, String::new()), (Paint::Bold, "Timeline".to_owned())];
    lines.extend(events.iter().map(|event| (Paint::None, format!("   {}", stage.timeline.line(event)))));
    let now = dcs_zk::now();
    let frame = Frame::new(stage.timeline.zero().unwrap_or(now), now);
    let letters = frame.letters(events.iter().map(|event| (event.at, event.what.letter())));
    lines.extend([(Paint::None, String::new()), (Paint::Bold, "Who believed to lead".to_owned())]);
    lines.push((Paint::None, format!("          {letters}")));
    for actor in &stage.actors {
        let bar = frame.bar(&actor.reigns.spans, actor.killed);
        lines.push((Paint::None, format!("   {:<5}  {bar}", actor.name)));
    }
    lines.push((Paint::None, format!("          {}", frame.scale())));
    lines.extend([(Paint::None, format!("   {}", Frame::legend())), (Paint::None, String::new())]);
    let agents: Vec<(&str, &Reigns)> =
        stage.actors.iter().map(|actor| (actor.name.as_str(), &actor.reigns)).collect();
    let overlap =
        belief::overlap(&agents).map(|(one, other)| format!("{one} and {other} have led at the same time"));
    let beliefs =
        agents.iter().map(|(name, reigns)| json!({ "agent": name, "led": spans(&reigns.spans) })).collect();
    if overlap.is_none() {
        let done = "The lock has changed hands, and nobody has led beyond its lease.";
        lines.push((Paint::Green, done.to_owned()));
    }
    stage.say(&lines)?;
    stage.tell("beliefs", json!({ "agents": Value::Array(beliefs) }))?;
    match overlap {
        Some(overlap) => Err(Failure::Failed(overlap)),
        None => stage.tell("done", json!({})),
    }
}

/// Reigns for programs.
fn spans(spans: &[Span]) -> Vec<Value> {
    let micros = |at: Timestamp| u64::try_from(at.since_epoch().as_micros()).unwrap_or(u64::MAX);
    let span = |span: &Span| json!({ "from_boottime_us": micros(span.from), "until_boottime_us": micros(span.end()) });
    spans.iter().map(span).collect()
}

/// Milliseconds from one time to a later one, negative if it is earlier.
fn millis(later: Timestamp, earlier: Timestamp) -> i64 {
    let between =
        |later: Timestamp, earlier| i64::try_from(later.since(earlier).as_millis()).unwrap_or(i64::MAX);
    between(later, earlier).saturating_sub(between(earlier, later))
}
