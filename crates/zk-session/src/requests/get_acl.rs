//! `getACL`.

use std::future::Future;

use zk_jute::{
    Decode, OpCode,
    records::{GetACLRequest, GetACLResponse, Stat},
};

use crate::{
    acl::Acl,
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// The access control list and stat of a node. Digests are masked for those who may not administer the node.
    ///
    /// Protocol: `getACL`, `GetACLRequest` → `GetACLResponse`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_acl(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<(Vec<Acl>, Stat), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            self.call(OpCode::GET_ACL, path, &GetACLRequest { path: &on_server }, |body| {
                let response = GetACLResponse::from_bytes(body)?;
                Ok((response.acl.iter().map(Acl::from_record).collect(), response.stat))
            })
        });
        checked(call)
    }
}
