//! What happens to servers, and between them.

use std::time::{Duration, Instant};

use zk_testkit::{Counts, FaultProxy};

use super::super::world::World;
use crate::schedule::{CONTENDERS, ServerChoice};

/// How long one server of a rolling restart is waited for: without a quorum it does not serve.
const BACK: Duration = Duration::from_secs(10);
/// How long a client is waited for that is to be cut off together with a follower.
const MOVE: Duration = Duration::from_secs(1);

/// Landed when the process is gone.
pub(super) async fn kill(world: &World, server: ServerChoice, lasts: Duration) -> bool {
    let server = world.server(server).await;
    let landed = world.ensemble.kill(server).await.is_ok();
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    // Another fault may have started it meanwhile.
    let _ = world.ensemble.start_server(server);
    landed
}

/// Landed when the process stands still.
pub(super) async fn freeze(world: &World, server: ServerChoice, lasts: Duration) -> bool {
    let server = world.server(server).await;
    let landed = world.ensemble.freeze(server).is_ok();
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    // Another fault may have killed it meanwhile.
    let _ = world.ensemble.thaw(server);
    landed
}

/// Landed when every server has ended in an orderly way and was started again.
pub(super) async fn rolling_restart(world: &World) -> bool {
    let mut landed = true;
    for server in 0..3 {
        landed &= world.ensemble.stop(server).await.is_ok();
        landed &= world.ensemble.start_server(server).is_ok();
        // Beside another fault there may be no quorum to serve with.
        let _ = tokio::time::timeout(BACK, world.ensemble.wait_ready(server)).await;
    }
    landed
}

pub(super) async fn partition(world: &World, server: ServerChoice, lasts: Duration) -> bool {
    let server = world.server(server).await;
    let others: Vec<usize> = (0..3).filter(|other| *other != server).collect();
    cut_off(world, &[server], &others, lasts).await
}

/// Landed when something was held that one of them had to say to the other.
pub(super) async fn cut_off(world: &World, ones: &[usize], others: &[usize], lasts: Duration) -> bool {
    let held = || sum(between(world, ones, others), |counts| counts.held);
    let before = held();
    world.ensemble.partition(ones, others);
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    let landed = held() > before;
    world.ensemble.rejoin(ones, others);
    landed
}

/// Landed when the client was connected to the follower, and the follower was cut off.
pub(super) async fn island(world: &World, contender: Option<usize>, lasts: Duration) -> bool {
    let began = Instant::now();
    let Some(place) = (match contender {
        Some(contender) => Some(contender % CONTENDERS),
        None => world.leader().await,
    }) else {
        return false;
    };
    let follower = world.server(ServerChoice::Follower(place % 2)).await;
    let others: Vec<usize> = (0..3).filter(|other| *other != follower).collect();
    for other in &others {
        let line = world.lines.line(place, *other);
        // A port that cannot be had again shows at the end of the run.
        let _ = line.refuse(true).await;
        line.reset();
    }
    let home = world.lines.line(place, follower);
    while home.counts().open == 0 && began.elapsed() < MOVE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let is_there = home.counts().open > 0;
    let cut = cut_off(world, &[follower], &others, lasts.saturating_sub(began.elapsed())).await;
    for other in &others {
        let _ = world.lines.line(place, *other).refuse(false).await;
    }
    is_there && cut
}

/// Landed when something came later.
pub(super) async fn slow_quorum(world: &World, latency: Duration, lasts: Duration) -> bool {
    let all = [0, 1, 2];
    let delayed = || sum(between(world, &all, &all), |counts| counts.delayed);
    let before = delayed();
    let set = |latency| between(world, &all, &all).for_each(|proxy| proxy.set_latency(latency));
    set(latency);
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    set(Duration::ZERO);
    delayed() > before
}

/// Landed when a connection was cut.
pub(super) async fn quorum_reset(world: &World, one: usize, other: usize, lasts: Duration) -> bool {
    let cut = || sum(world.ensemble.proxies_between(one, other), |counts| counts.cut);
    let before = cut();
    world.ensemble.proxies_between(one, other).for_each(FaultProxy::reset);
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    cut() > before
}

fn between<'a>(
    world: &'a World,
    ones: &'a [usize],
    others: &'a [usize],
) -> impl Iterator<Item = &'a FaultProxy> {
    ones.iter().flat_map(move |one| {
        others.iter().flat_map(move |other| world.ensemble.proxies_between(*one, *other))
    })
}

fn sum<'a>(proxies: impl Iterator<Item = &'a FaultProxy>, of: impl Fn(Counts) -> u64) -> u64 {
    proxies.map(|proxy| of(proxy.counts())).sum()
}
