//! What an agent is told: from code, from Patroni's YAML, from the environment.

mod error;
mod patroni;
mod timings;
mod tls;

use std::{sync::Arc, time::Duration};

pub use error::ConfigError;
pub(crate) use error::first_word;
pub use timings::{ConnectBasis, Timings};
use zk_session::{
    Acl, Client, ClientBuilder, ConnectString, ConnectStringError, FrameLimit, Secret, TlsOptions,
};

use crate::paths::{MemberName, Paths};

/// Patroni's default namespace.
const DEFAULT_NAMESPACE: &str = "service";

/// The largest answer that is taken: a load is one answer, with all keys of all groups in it.
const MAX_FRAME: FrameLimit = match FrameLimit::new(16 * 1024 * 1024) {
    Ok(limit) => limit,
    Err(_) => FrameLimit::MAX,
};

/// The configuration of a [`DcsZk`](crate::DcsZk). Whatever can be checked without a server is checked when it is made.
///
/// Two are equal when they say the same; what the files they name hold is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    connect_string: String,
    namespace: String,
    scope: String,
    pub(crate) paths: Paths,
    pub(crate) name: Option<MemberName>,
    pub(crate) timings: Timings,
    lease_margin: Option<Duration>,
    connect_timeout: Option<Duration>,
    connect_basis: ConnectBasis,
    pub(crate) acl: Arc<[Acl]>,
    pub(crate) credentials: Vec<(String, Secret)>,
    pub(crate) tls: Option<TlsOptions>,
}

impl Config {
    /// A scope on the servers `host[:port],…[/chroot]`, with Patroni's defaults for the rest: namespace `service`, ttl 30 s,
    /// loop_wait 10 s, retry_timeout 10 s.
    ///
    /// # Errors
    ///
    /// Names the value that cannot be used.
    pub fn new(scope: &str, connect_string: &str) -> Result<Self, ConfigError> {
        Client::builder(connect_string)
            .map_err(|error| ConfigError::new("zookeeper.hosts", shortened(error).to_string()))?;
        Ok(Self {
            connect_string: connect_string.to_owned(),
            namespace: DEFAULT_NAMESPACE.to_owned(),
            scope: scope.to_owned(),
            paths: Paths::new(DEFAULT_NAMESPACE, scope, None)?,
            name: None,
            timings: Timings::default(),
            lease_margin: None,
            connect_timeout: None,
            connect_basis: ConnectBasis::default(),
            acl: Acl::open().into(),
            credentials: Vec::new(),
            tls: None,
        })
    }

    /// Another namespace than `service`.
    ///
    /// # Errors
    ///
    /// A namespace with parts that cannot be znodes.
    pub fn with_namespace(mut self, namespace: &str) -> Result<Self, ConfigError> {
        self.paths = Paths::new(namespace, &self.scope, self.paths.group())?;
        namespace.clone_into(&mut self.namespace);
        Ok(self)
    }

    /// The member's name: needed to join and to lead, not to look.
    ///
    /// # Errors
    ///
    /// A name that cannot be a znode.
    pub fn with_name(mut self, name: &str) -> Result<Self, ConfigError> {
        self.name = Some(MemberName::new(name)?);
        Ok(self)
    }

    /// A group of an MPP (Citus) cluster; 0 is the coordinator's.
    #[must_use]
    pub fn with_group(mut self, group: u32) -> Self {
        self.paths = self.paths.with_group(Some(group));
        self
    }

    /// Other times than Patroni's defaults.
    #[must_use]
    pub fn with_timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// How much earlier than the session's own end a lease ends (default 2 s, a fifth of the session timeout at most). It is for
    /// the drift of clocks and for stalls; what followers pass on late is allowed for already.
    #[must_use]
    pub fn with_lease_margin(mut self, margin: Duration) -> Self {
        self.lease_margin = Some(margin);
        self
    }

    /// How long one attempt to connect may take, from resolving the name to the server's answer, instead of what Patroni
    /// derives from the other times (see [`Timings::connect_timeout`]).
    ///
    /// # Errors
    ///
    /// A zero.
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Result<Self, ConfigError> {
        if connect_timeout.is_zero() {
            return Err(ConfigError::new("connect_timeout", "must be longer than 0 s"));
        }
        self.connect_timeout = Some(connect_timeout);
        Ok(self)
    }

    /// The access control list of every znode that is created, parents included (default: everything to anyone).
    ///
    /// # Errors
    ///
    /// An empty list: nobody could use the nodes.
    pub fn with_acl(mut self, acl: Vec<Acl>) -> Result<Self, ConfigError> {
        if acl.is_empty() {
            return Err(ConfigError::new("zookeeper.set_acls", "an empty list would lock everybody out"));
        }
        self.acl = acl.into();
        Ok(self)
    }

    /// An identity for every connection: for `digest`, `user:password`. Answers to `auth_data`.
    #[must_use]
    pub fn with_credential(mut self, scheme: &str, auth: &str) -> Self {
        self.credentials.push((scheme.to_owned(), Secret::new(auth)));
        self
    }

    /// Speaks TLS with the servers, and never plain text. Answers to `use_ssl` and the settings that go with it.
    #[must_use]
    pub fn with_tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(options);
        self
    }

    /// The scope: the name of the Patroni cluster.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The member's name.
    pub fn name(&self) -> Option<&MemberName> {
        self.name.as_ref()
    }

    /// The paths.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The times.
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// The servers, as they were given.
    pub fn connect_string(&self) -> &str {
        &self.connect_string
    }

    /// How long one attempt to connect may take.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or_else(|| self.timings.connect_timeout(self.connect_basis))
    }

    /// What the servers are, and where below them.
    pub(crate) fn servers(&self) -> ConnectString {
        #[expect(clippy::expect_used, reason = "the same string was parsed when the configuration was made")]
        self.connect_string.parse().expect("a connect string that was parsed once parses again")
    }

    /// The session's settings: ttl as session timeout, and read and connect timeouts derived from the loop, so that a dead
    /// server is noticed and another one found within a loop.
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        let builder = Client::builder(&self.connect_string);
        #[expect(clippy::expect_used, reason = "the same string was parsed when the configuration was made")]
        let mut builder = builder
            .expect("a connect string that was parsed once parses again")
            .name(&self.scope)
            .session_timeout(self.timings.ttl())
            .read_timeout(self.timings.read_timeout())
            .connect_timeout(self.connect_timeout())
            .max_frame(MAX_FRAME)
            .when_disconnected(zk_session::WhenDisconnected::Fail);
        for (scheme, auth) in &self.credentials {
            builder = builder.credential(scheme, auth.clone());
        }
        if let Some(tls) = &self.tls {
            builder = builder.tls(tls.clone());
        }
        builder
    }

    /// The margin of a lease in a session with this timeout.
    pub(crate) fn lease_margin(&self, negotiated: Duration) -> Duration {
        self.lease_margin.unwrap_or_else(|| Duration::from_secs(2).min(negotiated / 5))
    }

    /// Refuses a configuration that cannot take the place of this one while the DCS lives: what says where the keys are and
    /// whose, and TLS that is given up.
    pub(crate) fn check_successor(&self, next: &Self) -> Result<(), ConfigError> {
        let below = |config: &Self| config.servers().chroot;
        for (key, same, what) in [
            ("scope", self.scope == next.scope, "it"),
            ("citus.group", self.paths.group() == next.paths.group(), "it"),
            ("namespace", self.paths.base() == next.paths.base(), "it"),
            ("name", self.name == next.name, "it"),
            ("zookeeper.hosts", below(self) == below(next), "the chroot"),
            ("zookeeper.use_ssl", self.tls.is_none() || next.tls.is_some(), "TLS that is given up"),
        ] {
            if !same {
                let problem = format!("{what} needs a restart of the agent: nothing is changed");
                return Err(ConfigError::new(key, problem));
            }
        }
        Ok(())
    }

    /// This configuration in the place of `before`: Patroni derives the connect timeout from what was changed last.
    pub(crate) fn succeeding(mut self, before: &Self) -> Self {
        self.connect_basis = if self.timings.loop_wait() != before.timings.loop_wait() {
            ConnectBasis::LoopWait
        } else if self.timings.retry_timeout() != before.timings.retry_timeout() {
            ConnectBasis::RetryTimeout
        } else {
            before.connect_basis
        };
        self
    }
}

/// What is wrong with a connect string, with the first word of each part that is named.
fn shortened(error: ConnectStringError) -> ConnectStringError {
    use ConnectStringError::{Chroot, Empty, Host, Port};
    match error {
        Empty(text) => Empty(first_word(&text)),
        Host(text) => Host(first_word(&text)),
        Port { host, port } => Port { host: first_word(&host), port: first_word(&port) },
        Chroot(text) => Chroot(first_word(&text)),
        other => other,
    }
}
