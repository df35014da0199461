//! How a client is set up.

use std::time::Duration;

use zk_proto::{
    Config, ConnectString, ConnectStringError, Credential, Sasl, Secret, SessionCredentials, WhenDisconnected,
};

use crate::{client::Client, client::Options, connect::Security, path::Chroot};

/// Settings of a [`Client`]; from [`Client::builder`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    config: Config,
    chroot: Chroot,
    options: Options,
    security: Security,
}

impl ClientBuilder {
    pub(crate) fn new(connect_string: &str) -> Result<Self, ConnectStringError> {
        let parsed: ConnectString = connect_string.parse()?;
        Ok(Self {
            config: Config::new(parsed.hosts),
            chroot: Chroot::new(parsed.chroot),
            options: Options { timeout: Duration::from_secs(10), when_disconnected: WhenDisconnected::Wait },
            security: Security::Plain,
        })
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

    /// Whether a silent server is left before the read timeout, once it answers no probe and another one is ready (default
    /// yes).
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

    /// The most that one attempt to connect may take, from resolving the name to the server's answer (default 1 s).
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
        self.security = Security::Tls(std::sync::Arc::new(crate::tls::Connector::new(options)));
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

    /// Authenticates every connection with SASL, before anything else is asked on it.
    #[must_use]
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.config.sasl = Some(sasl);
        self
    }

    /// Starts the session's task and returns at once, whether or not a server can be reached.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time and I/O enabled, as [`tokio::spawn`] does.
    pub fn build(self) -> Client {
        Client::spawn(self.config, self.chroot, self.options, self.security)
    }
}
