//! TLS settings and files, changed while the client lives.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Client;
use crate::{
    connect::Security,
    driver::Command,
    error::{Error, Invalid},
    tls::{Connector, TlsOptions},
};

impl Client {
    /// Uses these TLS settings from now on. The live connection is dropped and the session resumed on one that is made with
    /// them; calls in flight end as [`Error::Unknown`]. Returns when the connection is dropped: [`connected`](Self::connected)
    /// waits for the new one.
    ///
    /// Files are read anew for every connect anyhow; this is for settings that differ, or to have replaced files used at once.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the settings or the files they name are of no use: nothing has changed then, and the session
    /// goes on as it was. [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Safe: either nothing has changed, or the settings are used.
    pub async fn reload_tls(&self, options: TlsOptions) -> Result<(), Error> {
        let connector = Arc::new(Connector::new(options));
        connector.prepare().await.map_err(Invalid::Tls)?;
        let (done, replaced) = oneshot::channel();
        self.command(Command::Secure(Security::Tls(connector), done))?;
        replaced.await.map_err(|_| Error::Closed)
    }

    /// Reads the files of the TLS settings anew and, if they hold something else than the connection was made with, uses it at
    /// once, as [`reload_tls`](Self::reload_tls) does. Otherwise nothing changes, and the connection stays. Tells which. Settings
    /// that are replaced meanwhile stay: their files are read later than this.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the files are of no use: nothing has changed then. [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Safe: either nothing has changed, or the files are used.
    pub async fn refresh_tls(&self) -> Result<bool, Error> {
        let (reply, security) = oneshot::channel();
        self.command(Command::Security(reply))?;
        let (security, in_use) = security.await.map_err(|_| Error::Closed)?;
        let Security::Tls(connector) = security else { return Ok(false) };
        if !connector.has_changed(in_use).await.map_err(Invalid::Tls)? {
            return Ok(false);
        }
        let (done, used) = oneshot::channel();
        self.command(Command::Refresh(connector, done))?;
        used.await.map_err(|_| Error::Closed)?;
        Ok(true)
    }

    /// Uses these TLS settings from now on, as [`reload_tls`](Self::reload_tls) does, but without a look at the files first: see
    /// [`TlsOptions::check`]. For whoever changes several things in one step.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`].
    pub fn set_tls(&self, options: TlsOptions) -> Result<(), Error> {
        let connector = Arc::new(Connector::new(options));
        let (done, _) = oneshot::channel();
        Ok(self.command(Command::Secure(Security::Tls(connector), done))?)
    }
}
