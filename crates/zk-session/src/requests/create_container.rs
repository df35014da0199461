//! `createContainer`.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, OpCode,
    records::{Create2Response, CreateRequest, Stat},
};

use crate::{
    acl::Acl,
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// Creates a container: a node that the server deletes some time after its last child is gone (it looks once a minute,
    /// by default). One that never had a child stays, unless the server is told otherwise.
    ///
    /// Protocol: `createContainer`, `CreateRequest` → `Create2Response`. Needs a server of 3.5.3 or later.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn create_container<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        acl: &[Acl],
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<D> {
        let call = self.check_new(path, CreateMode::CONTAINER, acl).map(|on_server| {
            let request = CreateRequest {
                path: &on_server,
                data: Some(data.into()),
                acl: Acl::records(acl),
                flags: CreateMode::CONTAINER.flags(),
            };
            let (chroot, asked) = (self.chroot().clone(), on_server.to_string());
            self.call(OpCode::CREATE_CONTAINER, path, &request, move |body| {
                let response = Create2Response::from_bytes(body)?;
                Ok((chroot.created(&asked, response.path)?, response.stat))
            })
        });
        checked(call)
    }
}
