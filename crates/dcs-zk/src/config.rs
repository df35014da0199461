//! What an agent is told: from code, from Patroni's YAML, from the environment.

mod error;
mod patroni;
mod timings;
mod tls;

use std::time::Duration;

pub use error::ConfigError;
pub use timings::Timings;
use zk_session::{Acl, Client, ClientBuilder, Secret, TlsOptions};

use crate::paths::{MemberName, Paths};

/// Patroni's default namespace.
const DEFAULT_NAMESPACE: &str = "service";

/// The configuration of a [`DcsZk`](crate::DcsZk). Whatever can be checked without a server is checked when it is made.
#[derive(Debug, Clone)]
pub struct Config {
    connect_string: String,
    namespace: String,
    scope: String,
    pub(crate) paths: Paths,
    pub(crate) name: Option<MemberName>,
    pub(crate) timings: Timings,
    pub(crate) lease_margin: Option<Duration>,
    pub(crate) acl: Vec<Acl>,
    credentials: Vec<(String, Secret)>,
    tls: Option<TlsOptions>,
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
            .map_err(|error| ConfigError::new("zookeeper.hosts", error.to_string()))?;
        Ok(Self {
            connect_string: connect_string.to_owned(),
            namespace: DEFAULT_NAMESPACE.to_owned(),
            scope: scope.to_owned(),
            paths: Paths::new(DEFAULT_NAMESPACE, scope, None)?,
            name: None,
            timings: Timings::default(),
            lease_margin: None,
            acl: Acl::open(),
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

    /// The access control list of every znode that is created, parents included (default: everything to anyone).
    ///
    /// # Errors
    ///
    /// An empty list: nobody could use the nodes.
    pub fn with_acl(mut self, acl: Vec<Acl>) -> Result<Self, ConfigError> {
        if acl.is_empty() {
            return Err(ConfigError::new("zookeeper.set_acls", "an empty list would lock everybody out"));
        }
        self.acl = acl;
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

    /// The session's settings: ttl as session timeout, and read and connect timeouts derived from the loop, so that a dead
    /// server is noticed and another one found within a loop.
    pub(crate) fn client_builder(&self) -> ClientBuilder {
        let builder = Client::builder(&self.connect_string);
        #[expect(clippy::expect_used, reason = "the same string was parsed when the configuration was made")]
        let mut builder = builder
            .expect("a connect string that was parsed once parses again")
            .session_timeout(self.timings.ttl())
            .read_timeout(self.timings.read_timeout())
            .connect_timeout(self.timings.connect_timeout())
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
}
