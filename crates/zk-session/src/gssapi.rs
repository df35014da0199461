//! SASL GSSAPI (RFC 4752): Kerberos, with the system's libkrb5.

mod exchange;
mod failure;

use zk_proto::Host;

use self::exchange::GssapiExchange;
use crate::sasl::{Exchange, Mechanism};

/// Kerberos, as ZooKeeper's servers with a `Krb5LoginModule` in the `Server` section of their JAAS file want it.
///
/// Tickets are those that libkrb5 finds, looked up anew for every connection, so that one that was renewed or obtained
/// meanwhile is used:
///
/// * in the credential cache: the default one, or that of the environment variable `KRB5CCNAME`. `kinit` fills it, and `kinit -R`,
///   `k5start` or SSSD keep it filled;
/// * or by the keytab of `KRB5_CLIENT_KTNAME` (`default_client_keytab_name` in `krb5.conf`): libkrb5 then gets a ticket when
///   there is none, and another before it ends. The best choice for a daemon.
///
/// Realms and their servers come from `/etc/krb5.conf`, or the file of `KRB5_CONFIG`.
///
/// The server is taken for `service/host`, with the host as in the connect string. libkrb5 makes it canonical as `krb5.conf` says
/// (`dns_canonicalize_hostname`, `rdns`), and finds its realm (`[domain_realm]`). It must prove that it is this principal. No
/// security layer is negotiated: ZooKeeper knows none. For secrecy use TLS.
///
/// Building wants MIT's or Heimdal's library with headers, and libclang (on Debian `libkrb5-dev libclang-dev`); running wants the
/// library (`libgssapi-krb5-2`), and `kinit` of `krb5-user` where tickets come by hand.
///
/// A step may ask Kerberos's servers, and blocks meanwhile: it is taken on tokio's threads for blocking work, one at a time. The
/// steps of a connection have a read timeout together (and no more than half the session timeout); a runtime that is shut down
/// waits for the step under way.
///
/// ```no_run
/// use zk_session::{Client, Gssapi};
///
/// # fn example() -> Result<Client, zk_session::ConnectStringError> {
/// let kerberos = Gssapi::new().client_principal("patroni/node1.example@EXAMPLE");
/// Ok(Client::builder("zk1.example:2181,zk2.example:2181")?.sasl(kerberos).build())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gssapi {
    service: String,
    server_principal: Option<String>,
    client_principal: Option<String>,
}

impl Default for Gssapi {
    fn default() -> Self {
        Self { service: "zookeeper".to_owned(), server_principal: None, client_principal: None }
    }
}

impl Gssapi {
    /// The service `zookeeper` on the host of the connection, with the default ticket.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another name of the service: Java's `zookeeper.sasl.client.username`, kazoo's `service`.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = name.into();
        self
    }

    /// One principal for all servers, `zookeeper/name@REALM`, whatever their hosts are called: Java's
    /// `zookeeper.server.principal`. Without a realm it is in the default one.
    #[must_use]
    pub fn server_principal(mut self, principal: impl Into<String>) -> Self {
        self.server_principal = Some(principal.into());
        self
    }

    /// Only tickets of this principal will do: kazoo's `principal`. By default that of the credential cache, or the first one
    /// of the client keytab.
    #[must_use]
    pub fn client_principal(mut self, principal: impl Into<String>) -> Self {
        self.client_principal = Some(principal.into());
        self
    }
}

impl Mechanism for Gssapi {
    fn begin(&self, server: &Host) -> Box<dyn Exchange> {
        Box::new(GssapiExchange::new(self.clone(), server.name.clone()))
    }
}
