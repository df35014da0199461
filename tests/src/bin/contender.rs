//! A member of this workspace in a process of its own, to be killed: contends for the lock of scope `demo` on the servers of its
//! first argument under the name of its second, with sessions of 4 s.
//!
//! While it leads it prints one JSON document a line for each lease: when it got it, and when it ends by itself. Times are
//! nanoseconds of `CLOCK_BOOTTIME`.
#![expect(clippy::print_stdout, reason = "its output is what the test reads")]

use std::{error::Error, time::Duration};

use dcs_zk::{Config, DcsZk, LeaderUpdate, Timings, now};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [hosts, name] = [1, 2].map(|at| std::env::args().nth(at).unwrap_or_default());
    let timings = Timings::new(Duration::from_secs(4), Duration::from_secs(1), Duration::from_secs(1))?;
    let dcs = DcsZk::connect(Config::new("demo", &hosts)?.with_name(&name)?.with_timings(timings));
    loop {
        let cluster = dcs.get_cluster().await?;
        let lease = if cluster.is_unlocked() {
            dcs.attempt_to_acquire_leader().await?
        } else if cluster.leader_name() == Some(&name) {
            Some(dcs.update_leader(&cluster, LeaderUpdate::default()).await?)
        } else {
            None
        };
        if let Some(lease) = lease {
            let [at, until] = [now(), lease.until()].map(|time| u64::try_from(time.since_epoch().as_nanos()));
            println!("{}", json!({"at": at?, "until": until?}));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
