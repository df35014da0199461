//! What the examples share: where the cluster is, and when to stop.

use std::process::ExitCode;

use clap::Args;
use dcs_zk::{Config, ConfigError};
use tokio::signal::unix::{SignalKind, signal};

/// Where the cluster is.
#[derive(Args)]
pub(crate) struct Place {
    /// The ZooKeeper servers: host:port,…[/chroot].
    #[arg(long, env = "PATRONI_ZOOKEEPER_HOSTS")]
    connect: String,
    /// The name of the Patroni cluster.
    #[arg(long, env = "PATRONI_SCOPE")]
    scope: String,
    /// Where scopes are kept.
    #[arg(long, env = "PATRONI_NAMESPACE", default_value = "service")]
    namespace: String,
}

impl Place {
    pub(crate) fn config(&self) -> Result<Config, ConfigError> {
        Config::new(&self.scope, &self.connect)?.with_namespace(&self.namespace)
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn stop() -> Result<(), String> {
    let waited = async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    };
    waited.await.map_err(|error: std::io::Error| format!("cannot wait for signals: {error}"))
}

/// Says what went wrong: 2 for what was asked, 1 for what happened.
#[expect(clippy::print_stderr, reason = "an example talks to people")]
pub(crate) fn exit(ended: Result<(), String>, code: u8) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(code)
        }
    }
}
