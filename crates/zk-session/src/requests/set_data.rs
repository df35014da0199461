//! `setData`.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    Decode, OpCode,
    records::{SetDataRequest, SetDataResponse, Stat},
};

use crate::{
    client::{Client, checked},
    error::Error,
};

impl Client {
    /// Replaces the data of a node, if its version is `version`; `None` for any version. `Some(0)` is a condition.
    ///
    /// Protocol: `setData`, `SetDataRequest` → `SetDataResponse`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `BAD_VERSION`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn set_data<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        version: Option<i32>,
    ) -> impl Future<Output = Result<Stat, Error>> + Send + use<D> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let request =
                SetDataRequest { path: &on_server, data: Some(data.into()), version: version.unwrap_or(-1) };
            self.call(OpCode::SET_DATA, path, &request, |body| Ok(SetDataResponse::from_bytes(body)?.stat))
        });
        checked(call)
    }
}
