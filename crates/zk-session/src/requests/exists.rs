//! `exists`.

use std::future::Future;

use zk_jute::{
    Decode, ErrorCode, OpCode,
    records::{ExistsRequest, ExistsResponse, Stat},
};
use zk_proto::{Reply, WatchOn};

use crate::{client::Client, error::Error, watcher::OneshotWatcher};

impl Client {
    /// The stat of a node, `None` if there is no such node.
    ///
    /// Protocol: `exists`, `ExistsRequest` → `ExistsResponse`.
    ///
    /// # Errors
    ///
    /// Those of [`Error`]; an absent node is none.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn exists(&self, path: &str) -> impl Future<Output = Result<Option<Stat>, Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            self.submit(OpCode::EXISTS, &ExistsRequest { path: &on_server, watch: false }, None)
        });
        let (client, path) = (self.clone(), path.to_owned());
        async move { client.found(call?.await?, path) }
    }

    /// Like [`exists`](Self::exists), and leaves a watch: for the node's creation if it is absent, for changes of its data
    /// and its deletion if it is there.
    ///
    /// # Errors
    ///
    /// As [`exists`](Self::exists); no watch is left then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the watch up.
    pub fn exists_and_watch(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<(Option<Stat>, OneshotWatcher), Error>> + Send + use<> {
        let call = self.chroot().on_server(path).map(|on_server| {
            let (watch, watcher) = self.new_watch(WatchOn::Exists(on_server.to_string()));
            let request = ExistsRequest { path: &on_server, watch: true };
            (self.submit(OpCode::EXISTS, &request, Some(watch)), watcher)
        });
        let (client, path) = (self.clone(), path.to_owned());
        async move {
            let (outcome, watcher) = call?;
            Ok((client.found(outcome.await?, path)?, watcher))
        }
    }

    pub(crate) fn found(&self, reply: Reply, path: String) -> Result<Option<Stat>, Error> {
        if reply.err == ErrorCode::NO_NODE {
            return Ok(None);
        }
        self.decode_ok(reply, path, |body| Ok(Some(ExistsResponse::from_bytes(body)?.stat)))
    }
}
