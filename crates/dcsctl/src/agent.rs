//! `dcsctl agent`: a member without PostgreSQL.

mod belief;
mod report;
mod watchdog;

use std::sync::Arc;

use dcs_model::{Cluster, Leader, Member, MemberData};
use dcs_zk::{Config, DcsError, DcsZk, LeaderUpdate, Lease, Timings};

use self::{
    belief::{Belief, Place},
    report::Report,
};
use crate::{cli::AgentArgs, failure::Failure, reader::why_disconnected, settings::Settings, signals::Stop};

/// Where the made-up WAL begins.
const FIRST_LSN: i64 = 0x300_0000;
/// How much WAL a leader claims to write in a round.
const LSN_STEP: i64 = 0x1000;

/// Takes part until it is told to stop.
pub(crate) async fn run(args: AgentArgs) -> Result<(), Failure> {
    let config = config(&args)?;
    let Some(name) = config.name().map(ToString::to_string) else {
        return Err(Failure::Usage(
            "name: is missing; give --name NAME, PATRONI_NAME or a file with -c".into(),
        ));
    };
    let mut stop = Stop::listen()?;
    let belief = Belief::new(Report::new(&name, args.json, args.show_renewals));
    let watchdog = tokio::spawn(watchdog::run(belief.clone()));
    let timings = config.timings();
    belief.note(&format!(
        "joins {} on {}, ttl {:?}, loop_wait {:?}, retry_timeout {:?}",
        config.paths().directory(),
        config.connect_string(),
        timings.ttl(),
        timings.loop_wait(),
        timings.retry_timeout()
    ));
    let mut agent = Agent {
        conn_url: args.conn_url.unwrap_or_else(|| format!("postgres://{name}:5432/postgres")),
        api_url: args.api_url.unwrap_or_else(|| format!("http://{name}:8008/patroni")),
        dcs: Arc::new(DcsZk::connect(config)),
        belief: belief.clone(),
        name,
        lsn: FIRST_LSN,
        timeline: 1,
        connection: None,
    };
    let ended = tokio::select! {
        failure = agent.live() => Err(failure),
        signal = stop.requested() => Ok(signal),
        () = belief.nobody_reads() => Err(Failure::NoReader),
    };
    let why = match &ended {
        Ok(signal) => (*signal).to_owned(),
        Err(Failure::Failed(problem) | Failure::Usage(problem)) => problem.clone(),
        Err(Failure::NoReader) => "nobody reads the output".to_owned(),
    };
    // Someone in a hurry asks twice.
    tokio::select! {
        () = agent.leave(&why) => {}
        _ = stop.requested() => {}
    }
    watchdog.abort();
    ended.map(|_| ())
}

/// The configuration, with the options on top.
fn config(args: &AgentArgs) -> Result<Config, Failure> {
    let mut settings = Settings::read(&args.connect)?;
    settings.set("PATRONI_NAME", args.name.clone());
    settings.set("PATRONI_CITUS_GROUP", args.group.map(|group| group.to_string()));
    let config = settings.config()?;
    let configured = config.timings();
    let timings = Timings::new(
        args.ttl.unwrap_or(configured.ttl()),
        args.loop_wait.unwrap_or(configured.loop_wait()),
        args.retry_timeout.unwrap_or(configured.retry_timeout()),
    )
    .map_err(|error| Failure::Usage(format!("{error}; correct --ttl, --loop-wait or --retry-timeout")))?;
    Ok(config.with_timings(timings))
}

struct Agent {
    dcs: Arc<DcsZk>,
    belief: Belief,
    name: String,
    conn_url: String,
    api_url: String,
    lsn: i64,
    timeline: i64,
    /// The session and the server that were reported last.
    connection: Option<(i64, String)>,
}

impl Agent {
    /// Round after round, until something cannot be set right by another one.
    async fn live(&mut self) -> Failure {
        loop {
            let leader_version = match self.round().await {
                Ok(leader_version) => leader_version,
                Err(error @ (DcsError::Invalid(_) | DcsError::Refused { .. })) => {
                    return Failure::Failed(error.to_string());
                }
                Err(DcsError::Unavailable { .. } | DcsError::Conflict { .. } | DcsError::NotOwner { .. }) => {
                    None
                }
                Err(error) => return Failure::Failed(error.to_string()),
            };
            self.dcs.watch(leader_version, self.dcs.loop_wait()).await;
        }
    }

    /// One round: look, decide, act, and say what we are. Tells the version of another's leader key.
    async fn round(&mut self) -> Result<Option<i32>, DcsError> {
        let cluster = match self.dcs.get_cluster().await {
            Ok(cluster) => cluster,
            Err(error) => {
                let why = why_disconnected(&self.dcs).unwrap_or_else(|| error.to_string());
                self.belief.no_answer(&why);
                return Err(error);
            }
        };
        self.report_connection();
        let decided = self.decide(&cluster).await;
        match &decided {
            Err(error @ DcsError::Unavailable { .. }) => self.belief.no_answer(&error.to_string()),
            Err(error @ DcsError::Conflict { .. }) => self.belief.note(&error.to_string()),
            // The others have been told, or end the agent.
            _ => {}
        }
        self.touch(&cluster).await?;
        decided
    }

    async fn decide(&mut self, cluster: &Cluster) -> Result<Option<i32>, DcsError> {
        let session = self.dcs.session().map(|session| session.session_id);
        match &cluster.leader {
            Some(leader) if leader.name() == self.name && session == Some(leader.session) => {
                self.renew(cluster).await?;
                Ok(None)
            }
            Some(leader) if leader.name() == self.name => {
                // Another agent of the same name would not survive it if we took the key over.
                let why =
                    format!("session {:#x}, an earlier life of ours or a namesake, has it", leader.session);
                self.belief.follows(Place::Behind(leader.name().to_owned()), &why);
                Ok(Some(leader.version))
            }
            Some(leader) if !cluster.is_unlocked() => {
                let why = format!("session {:#x} has the leader key", leader.session);
                self.belief.follows(Place::Behind(leader.name().to_owned()), &why);
                Ok(Some(leader.version))
            }
            _ => {
                self.contend(cluster).await?;
                Ok(None)
            }
        }
    }

    async fn contend(&mut self, cluster: &Cluster) -> Result<(), DcsError> {
        let Some(lease) = self.dcs.attempt_to_acquire_leader().await? else {
            self.belief.follows(Place::Nowhere, "another was quicker to take the free leader key");
            return Ok(());
        };
        let known = cluster.members.iter().filter_map(Member::timeline).max().unwrap_or(1);
        let led_before = cluster.last_lsn() > 0;
        self.timeline = if led_before { known.saturating_add(1) } else { known };
        self.lsn = cluster.last_lsn().max(FIRST_LSN);
        self.belief.leads(lease, "the leader key was free");
        Ok(())
    }

    async fn renew(&mut self, cluster: &Cluster) -> Result<(), DcsError> {
        self.lsn = self.lsn.max(cluster.last_lsn()).saturating_add(LSN_STEP);
        let update = LeaderUpdate { last_lsn: Some(self.lsn), ..LeaderUpdate::default() };
        match self.dcs.update_leader(cluster, update).await {
            Ok(lease) => {
                self.belief.leads(lease, "the leader key is ours still");
                Ok(())
            }
            Err(error @ DcsError::NotOwner { .. }) => {
                self.belief.follows(Place::Nowhere, &error.to_string());
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Publishes what we are. That it fails is no reason to stop.
    async fn touch(&mut self, cluster: &Cluster) -> Result<(), DcsError> {
        let data = MemberData::new(&self.conn_url, &self.api_url).state("running");
        let data = if self.belief.lease().is_some() {
            data.role("primary").xlog_location(self.lsn).timeline(self.timeline)
        } else {
            let leader = cluster.leader.as_ref();
            self.timeline = leader.and_then(Leader::timeline).unwrap_or(self.timeline);
            let lsn = cluster.last_lsn();
            let data = data.role("replica").xlog_location(lsn).replay_lsn(lsn).receive_lsn(lsn);
            let data = if leader.is_some() { data.replication_state("streaming") } else { data };
            data.timeline(self.timeline)
        };
        match self.dcs.touch_member(&data).await {
            Ok(_) => Ok(()),
            Err(error @ (DcsError::Invalid(_) | DcsError::Refused { .. })) => Err(error),
            Err(error) => {
                self.belief.note(&format!("the member key could not be written: {error}"));
                Ok(())
            }
        }
    }

    /// Says so when we are connected to another server or in another session than before.
    fn report_connection(&mut self) {
        let status = self.dcs.session_status();
        let (Some(session), Some(server)) = (status.session, status.server) else { return };
        let now = (session.session_id, server.to_string());
        let which = match &self.connection {
            Some(before) if *before == now => return,
            Some((before, _)) if *before == now.0 => "the same session",
            Some(_) => "a new session: the one before has expired",
            None => "a new session",
        };
        self.belief.connected(&now.1, now.0, which);
        self.connection = Some(now);
    }

    /// Gives up the leader key if it is ours, and ends the session.
    async fn leave(&self, why: &str) {
        let lease = self.belief.lease();
        // Nobody leads while the key goes.
        self.belief.leaves(why);
        if let Some(lease) = lease {
            let released = self.release(&lease).await;
            self.belief.note(match released {
                true => "the leader key is released",
                false => "the leader key was not ours any more",
            });
        }
        self.dcs.close().await;
        self.belief.note("the session is closed");
    }

    async fn release(&self, lease: &Lease) -> bool {
        let leader = Leader::new(lease.version(), lease.session_id(), Member::bare(&self.name));
        self.dcs.delete_leader(Some(&leader), Some(self.lsn)).await.unwrap_or(false)
    }
}
