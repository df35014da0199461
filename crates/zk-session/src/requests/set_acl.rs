//! `setACL`.

use std::future::Future;

use zk_jute::{
    Decode, OpCode,
    records::{SetACLRequest, SetACLResponse, Stat},
};

use crate::{
    acl::Acl,
    client::{Client, checked},
    error::{Error, Invalid},
};

impl Client {
    /// Replaces the access control list of a node, if its `aversion` is this one; `None` for any. `Some(0)` is a condition.
    /// Children keep theirs.
    ///
    /// Protocol: `setACL`, `SetACLRequest` → `SetACLResponse`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `BAD_VERSION`, `NO_AUTH`, `INVALID_ACL`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn set_acl(
        &self,
        path: &str,
        acl: &[Acl],
        aversion: Option<i32>,
    ) -> impl Future<Output = Result<Stat, Error>> + Send + use<> {
        let on_server = if acl.is_empty() { Err(Invalid::EmptyAcl) } else { self.chroot().on_server(path) };
        let call = on_server.map(|on_server| {
            let request =
                SetACLRequest { path: &on_server, acl: Acl::records(acl), version: aversion.unwrap_or(-1) };
            self.call(OpCode::SET_ACL, path, &request, |body| Ok(SetACLResponse::from_bytes(body)?.stat))
        });
        checked(call)
    }
}
