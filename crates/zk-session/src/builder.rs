//! How a client is set up.

use std::{sync::Arc, time::Duration};

use zk_jute::FrameLimit;
use zk_proto::{
    Config, ConnectString, ConnectStringError, Credential, Secret, SessionCredentials, WhenDisconnected,
};

use crate::{client::Client, client::Options, connect::Security, path::Chroot, sasl::Mechanism, sasl::Sasl};

/// Settings of a [`Client`]; from [`Client::builder`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    name: Arc<str>,
    config: Config,
    chroot: Chroot,
    options: Options,
    security: Security,
    sasl: Option<Arc<dyn Mechanism>>,
}

impl ClientBuilder {
    pub(crate) fn new(connect_string: &str) -> Result<Self, ConnectStringError> {
        let parsed: ConnectString = connect_string.parse()?;
        Ok(Self {
            name: Arc::from("default"),
            config: Config::new(parsed.hosts),
            chroot: Chroot::new(parsed.chroot),
            options: Options {
                timeout: Duration::from_secs(10),
                deadline: None,
                when_disconnected: WhenDisconnected::Wait,
            },
            security: Security::Plain,
            sasl: None,
        })
    }

    /// What the client is called in metrics (the label `client`) and logs (default `default`): with several clients in a
    /// process, give each its own. Give it one of few names: each is a series of its own for whoever collects the metrics.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// The session timeout to ask for (default 30 s). The server may grant another: see
    /// [`SessionInfo::negotiated_timeout`](crate::SessionInfo).
    #[must_use]
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.config.session_timeout = timeout;
        self
    }

    /// How long a link may be silent before it is dead (default a third of the negotiated session timeout).
    #[must_use]
    pub fn read_timeout(mut self, timeout: Duration) -> Self {
        self.config.read_timeout = Some(timeout);
        self
    }

    /// How often the server is pinged, 5 ms at least (default, and at most: every half read timeout). Shorter finds a dead
    /// server sooner while nothing else is asked.
    #[must_use]
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.config.ping_interval = Some(interval);
        self
    }

    /// Whether a silent server is left before the read timeout, once it answers no probe and another one is ready (default
    /// yes). A new server that does not answer the connect request is then left as soon, while there are others to ask.
    #[must_use]
    pub fn suspicion(mut self, on: bool) -> Self {
        self.config.suspicion = on;
        self
    }

    /// How long a link may be silent, with something unanswered, before its server is probed and a spare connection is
    /// opened (default: the smaller of a quarter of the read timeout and 500 ms; never less than eight smoothed round
    /// trips). The session moves after twice that.
    #[must_use]
    pub fn hedge_after(mut self, silence: Duration) -> Self {
        self.config.hedge_after = Some(silence);
        self
    }

    /// Half a tick of the servers (default 1.5 s, which covers ticks up to 3 s, or a quarter of the negotiated timeout if that is
    /// less). Set it where ticks are longer, or `minSessionTimeout` is less than two of them: a lease that is counted from
    /// [`Status::quorum_proof`](crate::Status) would be too long there.
    #[must_use]
    pub fn relay_delay(mut self, half_a_tick: Duration) -> Self {
        self.config.relay_delay = Some(half_a_tick);
        self
    }

    /// The most that one attempt to connect may take, from resolving the name to the server's answer (default 1 s, 10 ms at
    /// least).
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// How long a call may take (default 10 s); see [`Client::with_timeout`].
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// The largest answer to take, in bytes of a frame (default 1 MiB and 4 KiB: one znode of the size that servers allow by
    /// default). For calls that read many znodes at once ([`Client::multi_read`]), and for servers with a larger
    /// `jute.maxbuffer`.
    #[must_use]
    pub fn max_frame(mut self, limit: FrameLimit) -> Self {
        self.config.max_frame = limit;
        self
    }

    /// Whether calls wait for a connection, until their deadline, or fail at once (default: wait).
    #[must_use]
    pub fn when_disconnected(mut self, when: WhenDisconnected) -> Self {
        self.options.when_disconnected = when;
        self
    }

    /// Speaks TLS, and never plain text (default: plain text).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, options: crate::TlsOptions) -> Self {
        self.security = Security::Tls(Arc::new(crate::tls::Connector::new(options)));
        self
    }

    /// An identity for every connection, from the first on: for `digest`, `user:password`. May be called several times.
    /// Nothing else is asked on a connection before the server has accepted all of them.
    #[must_use]
    pub fn credential(mut self, scheme: &str, auth: impl Into<Secret>) -> Self {
        self.config.credentials.push(Credential::new(scheme, auth));
        self
    }

    /// Takes up a session that another client has left ([`Client::detach`], or a process that ended without closing it),
    /// instead of beginning a new one. If it is over by then, a new one begins.
    #[must_use]
    pub fn resume(mut self, session: SessionCredentials) -> Self {
        self.config.resume = Some(session);
        self
    }

    /// Takes a server without a quorum, too, while there is no better one (default no): its reads may be old, and it refuses
    /// writes with [`ErrorCode::NOT_READ_ONLY`](crate::ErrorCode::NOT_READ_ONLY). [`Status::read_only`](crate::Status)
    /// tells, and the client goes on looking for a server with a quorum.
    ///
    /// Servers do this with the system property `readonlymode.enabled=true`; for sessions that begin at such a server they
    /// need `localSessionsEnabled=true`, too. Such a session is replaced by a new one when a server with a quorum is
    /// found; watches are kept. A session of the quorum is not resumed by a read-only server: it waits for the quorum.
    #[must_use]
    pub fn read_only(mut self, allowed: bool) -> Self {
        self.config.allow_read_only = allowed;
        self
    }

    /// Authenticates every connection with SASL, before anything else is asked on it. A failure is told as
    /// [`Cause::AuthFailed`](crate::Cause::AuthFailed) and tried again slowly.
    #[must_use]
    pub fn sasl(mut self, sasl: impl Into<Sasl>) -> Self {
        let (sasl, mechanism) = sasl.into().divide();
        self.config.sasl = Some(sasl);
        self.sasl = mechanism;
        self
    }

    /// Starts the session's task and returns at once, whether or not a server can be reached.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time and I/O enabled, as [`tokio::spawn`] does.
    pub fn build(self) -> Client {
        Client::spawn(self.name, self.config, self.chroot, self.options, self.security, self.sasl)
    }
}
