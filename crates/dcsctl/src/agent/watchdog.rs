//! Ends the belief when the lease ends, whatever else goes on.

use std::time::Duration;

use super::belief::Belief;

/// The clock of leases goes on while the machine sleeps, timers do not: look at it this often at least.
const LOOK: Duration = Duration::from_millis(200);

/// Runs until it is aborted.
pub(crate) async fn run(belief: Belief) {
    let mut leases = belief.watch_lease();
    loop {
        let lease = leases.borrow_and_update().clone();
        let Some(lease) = lease else {
            // The sender lives in the belief that we hold.
            if leases.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            _ = leases.changed() => {}
            () = tokio::time::sleep(lease.remaining().min(LOOK)) => belief.lease_may_have_ended(),
        }
    }
}
