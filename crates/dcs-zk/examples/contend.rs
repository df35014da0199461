//! Contends for leadership, and acts as the leader only while that is certain.
//!
//! What only a leader may do asks the lease each time, and nothing else: not the network, not what was true a moment ago. Frozen
//! for longer than its session and thawed, the first thing this program does is to say that it does not lead.
//!
//! ```text
//! cargo run -p dcs-zk --example contend -- --connect zk1:2181,zk2:2181,zk3:2181 --scope demo --name one
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to people")]

mod common;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use common::{Place, exit, stop};
use dcs_zk::{DcsError, DcsZk, LeaderUpdate, Lease, MemberData, Timings};
use tokio::sync::watch;

/// Contends for leadership of a scope.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
    /// The member's name.
    #[arg(long, env = "PATRONI_NAME")]
    name: String,
    /// Seconds until a silent leader is replaced. loop_wait and retry_timeout are a third of it.
    #[arg(long, default_value_t = 30)]
    ttl: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Args { place, name, ttl } = Args::parse();
    let (ttl, third) = (Duration::from_secs(ttl), Duration::from_secs(ttl) / 3);
    let config = Timings::new(ttl, third, third)
        .and_then(|timings| Ok(place.config()?.with_name(&name)?.with_timings(timings)));
    let dcs = match config {
        Ok(config) => DcsZk::connect(config),
        Err(error) => return exit(Err(format!("{error}; see --help")), 2),
    };
    let (belief, believed) = watch::channel(None);
    let ended = tokio::select! {
        error = contend(&dcs, &name, &belief) => Err(error.to_string()),
        () = act(believed) => Ok(()),
        stopped = stop() => stopped,
    };
    // Nothing acts any more. Closing ends the lease, then gives up the lock and the member key.
    dcs.close().await;
    println!("stops, and holds no lock");
    exit(ended, 1)
}

/// Round after round, until something cannot be set right by another one.
async fn contend(dcs: &DcsZk, name: &str, belief: &watch::Sender<Option<Lease>>) -> DcsError {
    let data = MemberData::new(&format!("postgres://{name}/postgres"), &format!("http://{name}/patroni"));
    loop {
        match round(dcs, &data).await {
            Ok(lease) => drop(belief.send_replace(lease)),
            Err(error @ (DcsError::Invalid(_) | DcsError::Refused { .. })) => return error,
            // Nobody can say: the lease that we have holds until its end, and no longer.
            Err(error @ DcsError::Unavailable { .. }) => eprintln!("tries again: {error}"),
            Err(_) => drop(belief.send_replace(None)),
        }
        dcs.watch(None, dcs.loop_wait()).await;
    }
}

async fn round(dcs: &DcsZk, data: &MemberData) -> Result<Option<Lease>, DcsError> {
    let cluster = dcs.get_cluster().await?;
    if let Err(error) = dcs.touch_member(data).await {
        eprintln!("tries to register again: {error}");
    }
    let ours = |session| dcs.session().is_some_and(|ours| ours.session_id == session);
    match &cluster.leader {
        None => dcs.attempt_to_acquire_leader().await,
        Some(leader) if ours(leader.session) => {
            dcs.update_leader(&cluster, LeaderUpdate::default()).await.map(Some)
        }
        Some(_) => Ok(None),
    }
}

/// What only a leader may do. Each act asks the lease, and shows its fencing token to whoever stores the outcome.
async fn act(believed: watch::Receiver<Option<Lease>>) {
    let mut led = None;
    loop {
        let token = believed.borrow().as_ref().filter(|lease| lease.is_valid()).map(Lease::fencing_token);
        if led.is_some() && led != token {
            println!("does not lead any more");
        }
        if let Some(token) = token {
            println!("acts as the leader, with token {token}");
        }
        led = token;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
