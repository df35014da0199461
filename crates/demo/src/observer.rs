//! What is stored in ZooKeeper, looked at by one who is no member.

use std::{sync::Arc, time::Duration};

use dcs_zk::{Cluster, Config, DcsZk, Timings};
use tokio::{sync::watch, task::JoinHandle};

use crate::{agents::SCOPE, failure::Failure};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Looks as long as it lives.
#[derive(Debug)]
pub(crate) struct Observer {
    cluster: watch::Receiver<Arc<Cluster>>,
    task: JoinHandle<()>,
}

impl Observer {
    pub(crate) fn start(servers: &str, timings: Timings) -> Result<Self, Failure> {
        let config = Config::new(SCOPE, servers)
            .map_err(|error| Failure::failed(format!("the servers' addresses are unusable: {error}")))?;
        let dcs = DcsZk::connect(config.with_timings(timings));
        let (sender, cluster) = watch::channel(Arc::new(Cluster::empty()));
        let task = tokio::spawn(async move {
            loop {
                // While nobody answers, what was seen last stands.
                if let Ok(seen) = dcs.get_cluster().await {
                    sender.send_replace(seen);
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Ok(Self { cluster, task })
    }

    /// What was seen last.
    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.cluster.borrow())
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
