//! How a client is set up.

use std::time::Duration;

use zk_proto::{Config, ConnectString, ConnectStringError, WhenDisconnected};

use crate::{client::Client, client::Options, path::Chroot};

/// Settings of a [`Client`]; from [`Client::builder`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    config: Config,
    chroot: Chroot,
    options: Options,
}

impl ClientBuilder {
    pub(crate) fn new(connect_string: &str) -> Result<Self, ConnectStringError> {
        let parsed: ConnectString = connect_string.parse()?;
        Ok(Self {
            config: Config::new(parsed.hosts),
            chroot: Chroot::new(parsed.chroot),
            options: Options { timeout: Duration::from_secs(10), when_disconnected: WhenDisconnected::Wait },
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

    /// Starts the session's task and returns at once, whether or not a server can be reached.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time and I/O enabled, as [`tokio::spawn`] does.
    pub fn build(self) -> Client {
        Client::spawn(self.config, self.chroot, self.options)
    }
}
