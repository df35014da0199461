//! `getEphemerals`.

use std::future::Future;

use zk_jute::{
    Decode, OpCode,
    records::{GetEphemeralsRequest, GetEphemeralsResponse},
};

use crate::{
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// The ephemeral nodes of this session whose paths begin with this text (`/a` finds `/ab`, too), in no particular order.
    /// Those outside the chroot are left out.
    ///
    /// Protocol: `getEphemerals`, `GetEphemeralsRequest` → `GetEphemeralsResponse`. Needs a server of 3.6 or later.
    ///
    /// # Errors
    ///
    /// Those of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_ephemerals(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send + use<> {
        let call = self.chroot().on_server(prefix).map(|on_server| {
            let request = GetEphemeralsRequest { prefix_path: &on_server };
            let chroot = self.chroot().clone();
            self.call(OpCode::GET_EPHEMERALS, prefix, &request, move |body| {
                let response = GetEphemeralsResponse::from_bytes(body)?;
                Ok(response.ephemerals.into_iter().filter_map(|path| chroot.strip(path)).collect())
            })
        });
        checked(call)
    }
}
