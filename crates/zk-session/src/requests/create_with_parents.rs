//! A create that also makes the parents that are missing.

use std::future::Future;

use bytes::Bytes;
use futures_util::future::join_all;
use zk_jute::{CreateMode, ErrorCode, OpCode, records::ExistsRequest, records::Stat};

use crate::{
    acl::Acl,
    client::Client,
    error::{Error, Rejected},
};

impl Client {
    /// Like [`create`](Self::create), and first creates the parents that are missing (the chroot and its parents
    /// included) as empty persistent nodes with the same ACL. Parents that are there are left as they are; others may
    /// create or delete parents at the same time.
    ///
    /// The whole may take as long as one call. One round trip when the parent is there, three when it is not. When it
    /// fails, parents that were created stay.
    ///
    /// Protocol: `create2` and `exists`, `CreateRequest` → `Create2Response`.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); the path of a rejection may be a parent's. After [`Error::Unknown`] the node may exist.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops after the requests that are under way; parents may be left without the node.
    pub fn create_with_parents<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        mode: CreateMode,
        acl: &[Acl],
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<D> {
        let data: Bytes = data.into();
        let deadline = self.deadline();
        let call = self.check_create(path, mode, acl).map(|on_server| {
            let first = self.create_on_server(&on_server, path, data.clone(), mode, acl);
            (first, on_server.into_owned())
        });
        let (client, path, acl) = (self.clone(), path.to_owned(), acl.to_vec());
        async move {
            let (first, on_server) = call?;
            let mut outcome = first.await;
            // Each turn is one that somebody who deletes parents has won; the deadline ends it.
            while matches!(&outcome, Err(error) if error.code() == Some(ErrorCode::NO_NODE)) {
                let client = client.with_deadline(deadline);
                let missing = client.missing_parents(&on_server).await?;
                // All at once: the server takes them in order, so each finds its parent.
                let parents: Vec<_> = missing
                    .into_iter()
                    .map(|parent| {
                        let shown = client.chroot().to_caller(parent);
                        client.create_on_server(parent, &shown, Bytes::new(), CreateMode::PERSISTENT, &acl)
                    })
                    .collect();
                let node = client.create_on_server(&on_server, &path, data.clone(), mode, &acl);
                let refused =
                    join_all(parents).await.into_iter().filter_map(Result::err).find(|error| {
                        !matches!(error.code(), Some(ErrorCode::NODE_EXISTS | ErrorCode::NO_NODE))
                    });
                outcome = node.await;
                // Without its parent the node had no chance: what kept the parent away is the reason.
                if let (Err(Error::Rejected(Rejected { code: ErrorCode::NO_NODE, .. })), Some(refused)) =
                    (&outcome, refused)
                {
                    return Err(refused);
                }
            }
            outcome
        }
    }

    /// The parents of a path on the server that this server does not know, the highest first. It may be behind; creating
    /// what is there already does no harm.
    async fn missing_parents<'a>(&self, on_server: &'a str) -> Result<Vec<&'a str>, Error> {
        let parents = on_server.match_indices('/').skip(1).filter_map(|(at, _)| on_server.get(..at));
        let questions: Vec<_> = parents
            .map(|parent| {
                let request = ExistsRequest { path: parent, watch: false };
                let outcome = self.submit(OpCode::EXISTS, &request, None);
                async move { (parent, outcome.await) }
            })
            .collect();
        let mut missing = Vec::new();
        for (parent, outcome) in join_all(questions).await {
            if self.found(outcome?, self.chroot().to_caller(parent))?.is_none() {
                missing.push(parent);
            }
        }
        Ok(missing)
    }
}
