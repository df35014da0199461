//! Servers, timeouts and identities, changed while the client lives.

use std::time::Duration;

use zk_proto::{ConnectString, Credential, Secret};

use super::Client;
use crate::{
    driver::Command,
    error::{Error, Invalid},
};

impl Client {
    /// Replaces the servers: `host[:port],…`. If the connected one is no longer among them, the session moves; it is not
    /// lost. The same list changes nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` for what cannot be understood, and for a chroot: it cannot change while the client lives. `Closed`.
    pub fn set_hosts(&self, hosts: &str) -> Result<(), Error> {
        let parsed: ConnectString = hosts.parse().map_err(Invalid::Hosts)?;
        if parsed.chroot.is_some() {
            return Err(Invalid::Chroot.into());
        }
        Ok(self.command(Command::SetHosts(parsed.hosts))?)
    }

    /// Changes how long a link may be silent before it is dead, also of the live connection, which goes on: see
    /// [`ClientBuilder::read_timeout`](crate::ClientBuilder::read_timeout). 10 ms at least; `None` for a third of the negotiated
    /// session timeout. Pings follow at half of it.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_read_timeout(&self, read_timeout: Option<Duration>) -> Result<(), Error> {
        Ok(self.command(Command::SetReadTimeout(read_timeout))?)
    }

    /// Changes how long one attempt to connect may take, from the next attempt on; see
    /// [`ClientBuilder::connect_timeout`](crate::ClientBuilder::connect_timeout).
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_connect_timeout(&self, connect_timeout: Duration) -> Result<(), Error> {
        Ok(self.command(Command::SetConnectTimeout(connect_timeout))?)
    }

    /// Replaces the identities (scheme and credential) of every connection; see
    /// [`ClientBuilder::credential`](crate::ClientBuilder::credential). Added ones take effect on the live connection. One that is
    /// missing cannot be taken back there: the session moves to a new connection, and calls in flight end as [`Error::Unknown`].
    /// The same list changes nothing.
    ///
    /// What the servers think of them is told as the cause of calls that fail meanwhile.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_credentials(&self, credentials: &[(String, Secret)]) -> Result<(), Error> {
        let credentials = credentials.iter().map(|(scheme, auth)| Credential::new(scheme, auth.clone()));
        Ok(self.command(Command::SetCredentials(credentials.collect()))?)
    }
}
