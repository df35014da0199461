//! `getAllChildrenNumber`.

use std::future::Future;

use zk_jute::{
    Decode, OpCode,
    records::{GetAllChildrenNumberRequest, GetAllChildrenNumberResponse},
};

use crate::{
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// How many nodes there are below a node, at any depth. The server counts them one by one.
    ///
    /// Protocol: `getAllChildrenNumber`, `GetAllChildrenNumberRequest` → `GetAllChildrenNumberResponse`. Needs a server of
    /// 3.6 or later.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_all_children_number(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<i32, Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let request = GetAllChildrenNumberRequest { path: &on_server };
            self.call(OpCode::GET_ALL_CHILDREN_NUMBER, path, &request, |body| {
                Ok(GetAllChildrenNumberResponse::from_bytes(body)?.total_number)
            })
        });
        checked(call)
    }
}
