//! `getChildren2`.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    Decode, DecodeError, OpCode,
    records::{GetChildren2Request, GetChildren2Response, Stat},
};
use zk_proto::WatchOn;

use crate::{
    client::{Client, checked},
    error::Error,
    watcher::OneshotWatcher,
};

impl Client {
    /// The names of a node's children, in no particular order, and the node's stat.
    ///
    /// Protocol: `getChildren2`, `GetChildren2Request` → `GetChildren2Response`.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NO_NODE`, `NO_AUTH`; and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn get_children(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<(Vec<String>, Stat), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            self.call(
                OpCode::GET_CHILDREN2,
                path,
                &GetChildren2Request { path: &on_server, watch: false },
                decode,
            )
        });
        checked(call)
    }

    /// Like [`get_children`](Self::get_children), and leaves a watch for children that come and go and for the node's
    /// deletion.
    ///
    /// # Errors
    ///
    /// As [`get_children`](Self::get_children); no watch is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watch up.
    pub fn get_children_and_watch(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<(Vec<String>, Stat, OneshotWatcher), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let (watch, watcher) = self.new_watch(WatchOn::Children(on_server.to_string()));
            let request = GetChildren2Request { path: &on_server, watch: true };
            (self.submit(OpCode::GET_CHILDREN2, &request, Some(watch)), watcher)
        });
        let (client, path) = (self.clone(), path.to_owned());
        async move {
            let (outcome, watcher) = call?;
            let (children, stat) = client.decode_ok(outcome.await?, path, decode)?;
            Ok((children, stat, watcher))
        }
    }
}

fn decode(body: &Bytes) -> Result<(Vec<String>, Stat), DecodeError> {
    let response = GetChildren2Response::from_bytes(body)?;
    Ok((response.children.into_iter().map(str::to_owned).collect(), response.stat))
}
