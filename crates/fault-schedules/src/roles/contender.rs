//! Contends for the leader key, and writes as the leader.

use std::{error::Error, time::Duration};

use dcs_zk::{Cluster, Config, DcsError, DcsZk, LeaderUpdate, Lease, MemberData, Timings};
use fastrand::Rng;

use super::{FENCED, Order, Orders, RoleOptions, SCOPE};
use crate::{
    history::{Call, Event, Outcome},
    record::{Recorder, nanos},
};

const SECOND: Duration = Duration::from_secs(1);
/// Between two rounds, if nothing wakes it.
const ROUND: Duration = Duration::from_millis(200);

pub(super) async fn run(
    options: &RoleOptions,
    recorder: &Recorder,
    orders: &Orders,
) -> Result<(), Box<dyn Error>> {
    let timings = Timings::new(options.session(), SECOND, SECOND)?;
    let config = Config::new(SCOPE, &options.hosts)?.with_name(&options.member)?.with_timings(timings);
    let mut contender = Contender {
        dcs: DcsZk::connect(config),
        recorder,
        rng: Rng::with_seed(options.seed),
        held: None,
        session: None,
    };
    let data = MemberData::new("postgres://localhost:5432/postgres", "http://localhost:8008/patroni");
    while orders.now() == Order::Work {
        let cluster = contender.dcs.get_cluster().await.ok();
        if let Some(cluster) = &cluster {
            contender.round(cluster, &options.member).await;
            if contender.rng.u8(..8) == 0 {
                // Whether or not it can be told now, it can be told later.
                let _ = contender.dcs.touch_member(&data).await;
            }
        }
        contender.look_at_session();
        contender.look_at_lease();
        let version = cluster.and_then(|cluster| cluster.leader.as_ref().map(|leader| leader.version));
        contender.dcs.watch(version, ROUND).await;
    }
    contender.cease();
    contender.dcs.close().await;
    if let Some(session) = contender.session {
        recorder.record(Event::SessionEnded { session, cause: "closed".to_owned() });
    }
    Ok(())
}

struct Contender<'a> {
    dcs: DcsZk,
    recorder: &'a Recorder,
    rng: Rng,
    held: Option<Lease>,
    /// The session that was last seen.
    session: Option<i64>,
}

impl Contender<'_> {
    async fn round(&mut self, cluster: &Cluster, member: &str) {
        let lease = if cluster.is_unlocked() {
            self.dcs.attempt_to_acquire_leader().await.ok().flatten()
        } else if cluster.leader_name() == Some(member) {
            self.dcs.update_leader(cluster, LeaderUpdate::default()).await.ok()
        } else {
            None
        };
        let Some(lease) = lease.filter(Lease::is_valid) else { return };
        self.recorder.record(Event::Lease {
            until: nanos(lease.until()),
            token: lease.fencing_token(),
            session: lease.session_id(),
        });
        self.held = Some(lease.clone());
        self.write(&lease).await;
        if self.rng.u8(..40) == 0 {
            self.cease();
            // If it cannot be told, the key ends with the session.
            let _ = self.dcs.delete_leader(cluster.leader.as_ref(), None).await;
        }
    }

    /// Writes what only the leader may.
    async fn write(&self, lease: &Lease) {
        let op = self.recorder.next_op();
        let value = self.recorder.value(op);
        let (path, token) = (FENCED.to_owned(), Some(lease.fencing_token()));
        let call = Call::Set { path: path.clone(), value: value.clone(), version: None, token };
        self.recorder.invoke(op, call);
        let written = self.dcs.as_leader(lease).set_failover_value(&value, None).await;
        self.recorder.record(match written {
            Ok(version) => {
                let session = lease.session_id();
                Event::Ok {
                    op,
                    outcome: Outcome::Written { path, zxid: None, version: Some(version), session },
                }
            }
            Err(error @ DcsError::Unavailable { .. }) => Event::Unknown { op, error: error.to_string() },
            Err(error) => Event::Failed { op, error: error.to_string() },
        });
    }

    /// Tells of a lease that has ended before its time.
    fn look_at_lease(&mut self) {
        if self.held.as_ref().is_some_and(|lease| !lease.is_valid()) {
            self.cease();
        }
    }

    /// Tells that this process leads no more, if it did.
    fn cease(&mut self) {
        if let Some(lease) = self.held.take() {
            self.recorder.record(Event::Ceased { token: lease.fencing_token() });
        }
    }

    /// Tells of a session that was replaced. Another one is only there when a server has said that the last one is over, or it
    /// was closed.
    fn look_at_session(&mut self) {
        let Some(session) = self.dcs.session().map(|session| session.session_id) else { return };
        if let Some(ended) = self.session.replace(session).filter(|ended| *ended != session) {
            self.recorder.record(Event::SessionEnded { session: ended, cause: "replaced".to_owned() });
        }
    }
}
