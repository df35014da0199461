//! Many members in one process, each the only one of a scope of its own: each leads, and when its session has ended leads anew.

use std::{error::Error, time::Duration};

use dcs_zk::{Config, DcsZk, LeaderUpdate, Lease, Timings};
use futures_util::future::join_all;

use super::{Order, Orders, RoleOptions};
use crate::{
    history::Event,
    record::{Recorder, nanos},
};

/// The session timeout.
pub const TTL: Duration = Duration::from_millis(1_500);
/// Between two rounds.
const ROUND: Duration = Duration::from_millis(150);

pub(super) async fn run(options: &RoleOptions, orders: &Orders) -> Result<(), Box<dyn Error>> {
    let timings = Timings::new(TTL, TTL / 3, TTL / 3)?;
    let mut members = Vec::new();
    for number in 0..options.sessions {
        let scope = format!("{}-{number}", options.member);
        let config = Config::new(&scope, &options.hosts)?.with_name(&scope)?.with_timings(timings);
        members.push(hold(scope, DcsZk::connect(config), orders));
    }
    join_all(members).await;
    Ok(())
}

async fn hold(scope: String, dcs: DcsZk, orders: &Orders) {
    let recorder = Recorder::new(&scope);
    while orders.now() == Order::Work {
        let lease = match dcs.get_cluster().await {
            Ok(cluster) if cluster.is_unlocked() => dcs.attempt_to_acquire_leader().await.ok().flatten(),
            Ok(cluster) => dcs.update_leader(&cluster, LeaderUpdate::default()).await.ok(),
            Err(_) => None,
        };
        if let Some(lease) = lease.filter(Lease::is_valid) {
            recorder.record(Event::Lease {
                until: nanos(lease.until()),
                token: lease.fencing_token(),
                session: lease.session_id(),
            });
        }
        tokio::time::sleep(ROUND).await;
    }
    dcs.close().await;
}
