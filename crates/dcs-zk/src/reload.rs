//! Changing the configuration while everything goes on.

use std::time::Duration;

use zk_session::{Client, State, TlsOptions};

use crate::{
    config::{Config, Timings},
    dcs::DcsZk,
    error::DcsError,
};

/// What [`DcsZk::reload_config`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reloaded {
    /// Everything is as it was.
    Unchanged,
    /// The changes are in force. The session goes on, and with it the keys and leases; it may have moved to another
    /// connection.
    Live,
    /// The ttl has changed, and so there is another session: the keys of the old one are gone, and its leases have ended.
    NewSession,
}

impl DcsZk {
    /// Takes another configuration, all of it or, on an error, nothing. Answers to `ZooKeeper.reload_config`, which takes
    /// `ttl`, `loop_wait` and `retry_timeout` alone; everything else needs a restart of Patroni.
    ///
    /// | changed | what happens |
    /// | --- | --- |
    /// | `loop_wait`, `retry_timeout` | read and connect timeouts follow, also on the live connection (Patroni reconnects) |
    /// | `ttl` | as [`set_ttl`](Self::set_ttl): a new session |
    /// | hosts | the session moves to another server if its own is no longer listed |
    /// | TLS settings, or what the files they name hold | the session moves to a new connection |
    /// | `auth_data` | added identities are told to the server at once; if one is gone or another, the session moves to a new connection, because no server forgets one on the old |
    /// | ACLs, lease margin | for nodes that are created, and leases that are given, from now on |
    ///
    /// The same values change nothing: session and connection stay. When the session moves, calls in flight whose answers are
    /// lost are tried again as after any lost connection. What servers think of new identities or certificates is told as the
    /// cause of the calls that fail meanwhile; another reload heals it.
    ///
    /// # Errors
    ///
    /// `Invalid`, naming the key, for what cannot change (`scope`, `namespace`, `name`, `citus.group`, the chroot in
    /// `zookeeper.hosts`, `zookeeper.use_ssl` from on to off) and for TLS files that are of no use. `Unavailable` if there is a
    /// session to lose and no new one can be had within `retry_timeout`, or after [`close`](Self::close).
    ///
    /// # Cancel safety
    ///
    /// Safe: all is taken, or nothing.
    pub async fn reload_config(&self, config: Config) -> Result<Reloaded, DcsError> {
        let _one_at_a_time = self.reloading.lock().await;
        let before = self.settings();
        before.check_successor(&config).map_err(|error| DcsError::Invalid(error.to_string()))?;
        let config = config.succeeding(&before);
        if config.timings.ttl() == before.timings.ttl() {
            self.reload_live("reload_config", &before, config).await
        } else {
            self.begin_session("reload_config", config).await?;
            Ok(Reloaded::NewSession)
        }
    }

    /// Changes the session timeout; tells whether it was another before. Answers to `ZooKeeper.set_ttl`.
    ///
    /// ZooKeeper cannot change a session's timeout: a new session takes the place of the old one, which is closed. Before it is
    /// closed every lease ends. With it the member key and the leader key vanish: the next
    /// [`touch_member`](Self::touch_member) brings the one back, the other has to be contended for. **Better:** while the
    /// old session is connected, the new one is connected first, so that the keys are missing for one round trip, and if that
    /// fails nothing is lost; Patroni closes the old one, then looks for a server.
    ///
    /// # Errors
    ///
    /// `Invalid` if `loop_wait + 2 × retry_timeout` would exceed it; `Unavailable` if there is a session to lose and no new one
    /// can be had within `retry_timeout`, or after [`close`](Self::close). Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// Safe: the session is replaced or not.
    pub async fn set_ttl(&self, ttl: Duration) -> Result<bool, DcsError> {
        let _one_at_a_time = self.reloading.lock().await;
        let before = self.settings();
        if ttl == before.timings.ttl() {
            return Ok(false);
        }
        let (loop_wait, retry_timeout) = (before.timings.loop_wait(), before.timings.retry_timeout());
        let timings = Timings::new(ttl, loop_wait, retry_timeout)
            .map_err(|error| DcsError::Invalid(error.to_string()))?;
        self.begin_session("set_ttl", (*before).clone().with_timings(timings)).await?;
        Ok(true)
    }

    /// Changes how long an operation that is tried again may take, and the connect timeout with it (half of it, see
    /// [`Timings::connect_timeout`]), from the next operation on. Answers to `ZooKeeper.set_retry_timeout`, which leaves the
    /// connect timeout as it was.
    ///
    /// # Errors
    ///
    /// `Invalid` for zero, or if `loop_wait + 2 × retry_timeout` would exceed the ttl. `Unavailable` after
    /// [`close`](Self::close). Nothing has changed then.
    ///
    /// # Cancel safety
    ///
    /// Safe: it is changed or not.
    pub async fn set_retry_timeout(&self, retry_timeout: Duration) -> Result<(), DcsError> {
        let _one_at_a_time = self.reloading.lock().await;
        let before = self.settings();
        let timings = Timings::new(before.timings.ttl(), before.timings.loop_wait(), retry_timeout)
            .map_err(|error| DcsError::Invalid(error.to_string()))?;
        let config = (*before).clone().with_timings(timings).succeeding(&before);
        self.reload_live("set_retry_timeout", &before, config).await.map(|_| ())
    }

    /// Changes what a session can change while it lives.
    async fn reload_live(
        &self,
        operation: &'static str,
        before: &Config,
        config: Config,
    ) -> Result<Reloaded, DcsError> {
        let unchanged = config == *before;
        // What can fail, or be given up, comes before the one step in which everything changes.
        let refreshed = match &config.tls {
            Some(tls) if config.tls != before.tls => {
                check_tls(operation, tls).await?;
                false
            }
            Some(_) => self.refresh_tls(operation).await?,
            None => false,
        };
        loop {
            if self.is_closed() {
                return Err(DcsError::from_session(operation, zk_session::Error::Closed));
            }
            // Another operation may have restarted the session beside us: once more, then.
            let held = self.client();
            if self.swap_settings(&held, config.clone(), None, |client| adjust(client, before, &config)) {
                break;
            }
        }
        Ok(if unchanged && !refreshed { Reloaded::Unchanged } else { Reloaded::Live })
    }

    /// Has certificates used that were replaced on disk; tells whether there are any.
    async fn refresh_tls(&self, operation: &'static str) -> Result<bool, DcsError> {
        loop {
            let client = self.client();
            match client.refresh_tls().await {
                Err(zk_session::Error::Closed) if !client.is_same(&self.client()) => {}
                refreshed => return refreshed.map_err(|error| DcsError::from_session(operation, error)),
            }
        }
    }

    /// Puts a new session with this configuration in the place of the one that is held, and ends that.
    async fn begin_session(&self, operation: &'static str, config: Config) -> Result<(), DcsError> {
        if let Some(tls) = &config.tls {
            check_tls(operation, tls).await?;
        }
        let held = loop {
            let held = self.client();
            let next = config.client_builder().build();
            if held.status().state == State::Connected {
                let connected = next.with_timeout(config.timings.retry_timeout()).connected().await;
                connected.map_err(|error| DcsError::from_session(operation, error))?;
            }
            if self.is_closed() {
                return Err(DcsError::from_session(operation, zk_session::Error::Closed));
            }
            if self.swap_settings(&held, config.clone(), Some(next), |_| ()) {
                break held;
            }
        };
        // Before the server is told: from then on another may lead.
        self.end_leadership();
        self.leave_session(&held).await;
        Ok(())
    }
}

async fn check_tls(operation: &'static str, tls: &TlsOptions) -> Result<(), DcsError> {
    tls.check().await.map_err(|error| DcsError::Invalid(format!("{operation}: {error}")))
}

/// Tells the session what is new. Each call fails only on a client that was closed, which needs nothing any more.
fn adjust(client: &Client, before: &Config, config: &Config) {
    // First of all: nothing is said in plain text to a server that is new, nor an identity that is.
    if let Some(tls) = config.tls.as_ref().filter(|_| config.tls != before.tls) {
        let _ = client.set_tls(tls.clone());
    }
    let read_timeout = config.timings.read_timeout();
    if read_timeout != before.timings.read_timeout() {
        let _ = client.set_read_timeout(Some(read_timeout));
    }
    let _ = client.set_connect_timeout(config.connect_timeout());
    let servers = config.servers().hosts;
    if servers != before.servers().hosts {
        let hosts: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let _ = client.set_hosts(&hosts.join(","));
    }
    if config.credentials != before.credentials {
        let _ = client.set_credentials(&config.credentials);
    }
}
