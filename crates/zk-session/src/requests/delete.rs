//! `delete`.

use std::future::Future;

use zk_jute::{OpCode, records::DeleteRequest};

use crate::{
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// Deletes a node without children, if its version is `version`; `None` for any version. `Some(0)` is a condition.
    ///
    /// Protocol: `delete`, `DeleteRequest`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `BAD_VERSION`, `NOT_EMPTY`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn delete(
        &self,
        path: &str,
        version: Option<i32>,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let request = DeleteRequest { path: &on_server, version: version.unwrap_or(-1) };
            self.call(OpCode::DELETE, path, &request, |_| Ok(()))
        });
        checked(call)
    }
}
