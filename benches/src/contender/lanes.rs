//! The workloads, for any client in Rust.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{Figures, GET_PATH, Workload, ephemeral_path, rust::Peer, serve::AnyError, set_path, watch_path};
use crate::{process::cpu_time, report::quantile};

/// Works for `time` and measures. Every lane is a task.
pub(super) async fn run<C: Peer>(
    client: &C,
    workload: Workload,
    lanes: usize,
    time: Duration,
    payload: &[u8],
) -> Result<Figures, AnyError> {
    let payload: Arc<[u8]> = payload.into();
    let (start, cpu_start) = (Instant::now(), cpu_time());
    let end = start + time;
    let mut nanoseconds = Vec::new();
    if workload == Workload::WatchFanOut {
        let client = client.clone();
        // In a task like the others: the one that waits here is not woken by what the client does.
        nanoseconds = tokio::spawn(async move { fan_out(&client, lanes, end, &payload).await }).await??;
    } else {
        let mut tasks = JoinSet::new();
        for lane in 0..lanes {
            tasks.spawn(self::lane(client.clone(), workload, lane, end, Arc::clone(&payload)));
        }
        while let Some(lane) = tasks.join_next().await {
            nanoseconds.append(&mut lane??);
        }
    }
    let (seconds, cpu_seconds) = (start.elapsed().as_secs_f64(), cpu_time() - cpu_start);
    nanoseconds.sort_unstable();
    let microseconds = |share| quantile(&nanoseconds, share).map_or(0.0, |time| f64::from(time) / 1e3);
    Ok(Figures {
        ops: nanoseconds.len() as u64,
        seconds,
        cpu_seconds,
        p50_us: microseconds(0.5),
        p99_us: microseconds(0.99),
        allocations: None,
    })
}

/// One call after the other until the time is over; the time of each.
async fn lane<C: Peer>(
    client: C,
    workload: Workload,
    lane: usize,
    end: Instant,
    payload: Arc<[u8]>,
) -> Result<Vec<u32>, AnyError> {
    let (set_path, ephemeral_path) = (set_path(lane), ephemeral_path(lane));
    let mut times = Vec::new();
    let mut begun = Instant::now();
    while begun < end {
        match workload {
            Workload::PipelinedSet => client.set(&set_path, &payload).await?,
            Workload::Ephemeral => {
                client.create_ephemeral(&ephemeral_path, &payload).await?;
                client.delete(&ephemeral_path).await?;
            }
            _ => {
                let length = client.get(GET_PATH).await?;
                if length != payload.len() {
                    return Err(format!("{length} bytes were read, not {}", payload.len()).into());
                }
            }
        }
        // The end of one call is the beginning of the next.
        let now = Instant::now();
        times.push(nanoseconds(now - begun));
        begun = now;
    }
    Ok(times)
}

/// Watches all nodes, sets them all, waits for all events, and again.
async fn fan_out<C: Peer>(
    client: &C,
    lanes: usize,
    end: Instant,
    payload: &Arc<[u8]>,
) -> Result<Vec<u32>, AnyError> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let mut arming = JoinSet::new();
        for lane in 0..lanes {
            let client = client.clone();
            arming.spawn(async move {
                let path = watch_path(lane);
                client.watch(&path).await.map(|watch| (path, watch))
            });
        }
        let mut setting = JoinSet::new();
        for armed in arming.join_all().await {
            let (path, watch) = armed?;
            let (client, payload) = (client.clone(), Arc::clone(payload));
            setting.spawn(async move {
                let begun = Instant::now();
                client.set(&path, &payload).await?;
                C::fired(watch).await?;
                Ok::<_, AnyError>(nanoseconds(begun.elapsed()))
            });
        }
        for time in setting.join_all().await {
            times.push(time?);
        }
    }
    Ok(times)
}

/// More than four seconds count as four seconds.
fn nanoseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}
