//! Faults, carried out one by one: each says whether it has landed.

mod clients;
mod lines;
mod servers;

use super::{Inflicted, world::World};
use crate::{
    history::Event,
    schedule::{CONTENDERS, Fault, Planned, WRITERS},
};

/// Waits for the fault's time, lets it happen, and takes it back.
pub(super) async fn inflict(world: &World, planned: &Planned) -> Inflicted {
    tokio::time::sleep(planned.begins).await;
    let what = planned.fault.to_string();
    world.history().run_tells(Event::FaultBegins { fault: planned.number, what });
    let landed = happen(world, planned).await;
    world.history().run_tells(Event::FaultEnds { fault: planned.number, landed });
    Inflicted { kind: planned.fault.kind(), landed }
}

async fn happen(world: &World, planned: &Planned) -> bool {
    let lasts = planned.lasts;
    match planned.fault {
        Fault::KillServer(server) => servers::kill(world, server, lasts).await,
        Fault::FreezeServer(server) => servers::freeze(world, server, lasts).await,
        Fault::RollingRestart => servers::rolling_restart(world).await,
        Fault::Partition(server) => servers::partition(world, server, lasts).await,
        Fault::PartitionOfTwo(one, other) => servers::cut_off(world, &[one], &[other], lasts).await,
        Fault::Island(contender) => servers::island(world, contender, lasts).await,
        Fault::SlowQuorum(latency) => servers::slow_quorum(world, latency, lasts).await,
        Fault::QuorumReset(one, other) => servers::quorum_reset(world, one, other, lasts).await,
        Fault::FreezeLeader => match world.leader().await {
            Some(place) => clients::freeze(world, place, lasts).await,
            None => false,
        },
        Fault::FreezeContender(contender) => clients::freeze(world, contender, lasts).await,
        Fault::FreezeWriter(writer) => clients::freeze(world, CONTENDERS + writer, lasts).await,
        Fault::FreezeWatcher(watcher) => clients::freeze(world, CONTENDERS + WRITERS + watcher, lasts).await,
        Fault::KillLeader => match world.leader().await {
            Some(place) => clients::kill(world, place, lasts).await,
            None => false,
        },
        Fault::KillContender(contender) => clients::kill(world, contender, lasts).await,
        Fault::KillWriter(writer) => clients::kill(world, CONTENDERS + writer, lasts).await,
        fault => lines::happen(world, fault, lasts).await,
    }
}
