//! Many members in one process, each the only one of a scope of its own: each leads, and when its session has ended leads anew.

use std::{error::Error, sync::Arc, time::Duration};

use dcs_zk::{Cluster, Config, DcsZk, LeaderUpdate, Lease, Timings};
use futures_util::future::join_all;

use super::{Order, Orders, RoleOptions};
use crate::{
    history::Event,
    record::{Recorder, nanos},
};

/// The session timeout.
pub const TTL: Duration = Duration::from_secs(2);
/// Between two rounds.
const ROUND: Duration = Duration::from_millis(250);

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
    // What was loaded when the key was taken: it tells the renewals what to renew.
    let mut leads: Option<Arc<Cluster>> = None;
    while orders.now() == Order::Work {
        let lease = match &leads {
            Some(cluster) => dcs.update_leader(cluster, LeaderUpdate::default()).await.ok(),
            None => dcs.attempt_to_acquire_leader().await.ok().flatten(),
        };
        let lease = lease.filter(Lease::is_valid);
        if let Some(lease) = &lease {
            recorder.record(Event::Lease {
                until: nanos(lease.until()),
                token: lease.fencing_token(),
                session: lease.session_id(),
            });
        }
        if lease.is_none() || leads.is_none() {
            leads = dcs.get_cluster().await.ok().filter(|cluster| cluster.leader_name() == Some(&scope));
        }
        tokio::time::sleep(ROUND).await;
    }
    dcs.close().await;
}
