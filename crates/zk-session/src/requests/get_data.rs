//! `getData`.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    Decode, DecodeError, OpCode,
    records::{GetDataRequest, GetDataResponse, Stat},
};
use zk_proto::WatchOn;

use crate::{
    client::{Client, checked},
    error::Error,
    watcher::OneshotWatcher,
};

impl Client {
    /// The data and stat of a node. The data shares the memory it was received in; a null is shown as empty.
    ///
    /// Protocol: `getData`, `GetDataRequest` → `GetDataResponse`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_data(&self, path: &str) -> impl Future<Output = Result<(Bytes, Stat), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            self.call(OpCode::GET_DATA, path, &GetDataRequest { path: &on_server, watch: false }, decode)
        });
        checked(call)
    }

    /// Like [`get_data`](Self::get_data), and leaves a watch for changes of the data and for the node's deletion.
    ///
    /// # Errors
    ///
    /// As [`get_data`](Self::get_data); no watch is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watch up.
    pub fn get_data_and_watch(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<(Bytes, Stat, OneshotWatcher), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let (watch, watcher) = self.new_watch(WatchOn::Data(on_server.to_string()));
            let request = GetDataRequest { path: &on_server, watch: true };
            (self.submit(OpCode::GET_DATA, &request, Some(watch)), watcher)
        });
        let (client, path) = (self.clone(), path.to_owned());
        async move {
            let (outcome, watcher) = call?;
            let (data, stat) = client.decode_ok(outcome.await?, path, decode)?;
            Ok((data, stat, watcher))
        }
    }
}

fn decode(body: &Bytes) -> Result<(Bytes, Stat), DecodeError> {
    let response = GetDataResponse::from_bytes(body)?;
    Ok((response.data.unwrap_or_default(), response.stat))
}
