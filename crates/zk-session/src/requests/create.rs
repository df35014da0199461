//! `create2`.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, OpCode,
    records::{Create2Response, CreateRequest, Stat},
};

use crate::{
    acl::Acl,
    client::Client,
    error::{Error, Invalid},
};

impl Client {
    /// Creates a node and returns its path (with the server's number for a sequential one) and stat. The parent must exist.
    /// Containers and nodes with a time to live are refused as invalid: they have calls of their own.
    ///
    /// Protocol: `create2`, `CreateRequest` → `Create2Response`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NODE_EXISTS`, `NO_NODE` (the parent), `NO_AUTH`, `NO_CHILDREN_FOR_EPHEMERALS`, …; and the others of
    /// [`Error`]. After [`Error::Unknown`] the node may exist: look at its `ephemeral_owner`, never at its name or value.
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn create<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        mode: CreateMode,
        acl: &[Acl],
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<D> {
        let call = self.on_server(path, acl).map(|on_server| {
            let request = CreateRequest {
                path: &on_server,
                data: Some(data.into()),
                acl: Acl::records(acl),
                flags: mode.flags(),
            };
            let chroot = self.chroot().clone();
            self.call(OpCode::CREATE2, path, &request, move |body| {
                let response = Create2Response::from_bytes(body)?;
                Ok((chroot.to_caller(response.path), response.stat))
            })
        });
        async move { call?.await }
    }

    fn on_server(&self, path: &str, acl: &[Acl]) -> Result<String, Invalid> {
        if acl.is_empty() {
            return Err(Invalid::EmptyAcl);
        }
        self.chroot().on_server(path)
    }
}
