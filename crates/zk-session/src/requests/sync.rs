//! `sync`.

use std::future::Future;

use zk_jute::{OpCode, records::SyncRequest};

use crate::{
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// Brings the connected server up to date with the leader: reads that this client makes after it (no need to wait for
    /// its reply) see everything that was committed before it.
    ///
    /// Protocol: `sync`, `SyncRequest` → `SyncResponse`.
    ///
    /// # Errors
    ///
    /// Those of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn sync(&self, path: &str) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let call = self
            .chroot()
            .on_server(path)
            .map(|on_server| self.call(OpCode::SYNC, path, &SyncRequest { path: &on_server }, |_| Ok(())));
        checked(call)
    }
}
