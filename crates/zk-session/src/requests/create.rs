//! `create2`, and `create` where that is unknown.

use std::{borrow::Cow, future::Future, sync::atomic::Ordering};

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, ErrorCode, OpCode,
    records::{Create2Response, CreateRequest, CreateResponse, Stat},
};
use zk_proto::Reply;

use crate::{
    acl::Acl,
    client::{Client, checked, encode},
    error::{Error, Invalid},
};

impl Client {
    /// Creates a node and returns its path (with the server's number for a sequential one) and stat. The parent must exist.
    /// Containers and nodes with a time to live are invalid: see [`create_container`](Self::create_container) and
    /// [`create_ttl`](Self::create_ttl). The path of a sequential node may end with `/`: its name is then the number alone.
    ///
    /// Protocol: `create2`, `CreateRequest` → `Create2Response`. Servers before 3.5 do not know it: they get `create`, and the
    /// stat is read behind it. If that fails, or the node is gone by then, the stat has only the zxids.
    ///
    /// # Errors
    ///
    /// `Rejected` with `NODE_EXISTS`, `NO_NODE` (the parent), `NO_AUTH`, `NO_CHILDREN_FOR_EPHEMERALS`, …; and the others of
    /// [`Error`]. After [`Error::Unknown`] the node may exist: look at its `ephemeral_owner`, never at its name or value.
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn create<D: Into<Bytes>>(
        &self,
        path: &str,
        data: D,
        mode: CreateMode,
        acl: &[Acl],
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<D> {
        let call = self
            .check_create(path, mode, acl)
            .map(|on_server| self.create_on_server(&on_server, path, data.into(), mode, acl));
        checked(call)
    }

    /// The path on the server, if the call makes sense.
    pub(crate) fn check_create<'a>(
        &'a self,
        path: &'a str,
        mode: CreateMode,
        acl: &[Acl],
    ) -> Result<Cow<'a, str>, Invalid> {
        let plain = matches!(
            mode,
            CreateMode::PERSISTENT
                | CreateMode::EPHEMERAL
                | CreateMode::PERSISTENT_SEQUENTIAL
                | CreateMode::EPHEMERAL_SEQUENTIAL
        );
        if !plain {
            return Err(Invalid::Mode(mode));
        }
        self.check_new(path, mode, acl)
    }

    /// The path on the server of a node of any kind, if the call makes sense.
    pub(crate) fn check_new<'a>(
        &'a self,
        path: &'a str,
        mode: CreateMode,
        acl: &[Acl],
    ) -> Result<Cow<'a, str>, Invalid> {
        if acl.is_empty() {
            return Err(Invalid::EmptyAcl);
        }
        self.chroot().new_on_server(path, mode)
    }

    /// A create of `on_server`; a rejection names `path`.
    pub(crate) fn create_on_server(
        &self,
        on_server: &str,
        path: &str,
        data: Bytes,
        mode: CreateMode,
        acl: &[Acl],
    ) -> impl Future<Output = Result<(String, Stat), Error>> + Send + use<> {
        let request =
            CreateRequest { path: on_server, data: Some(data), acl: Acl::records(acl), flags: mode.flags() };
        let body = encode(&request);
        let old = self.without_create2().load(Ordering::Relaxed);
        let op = if old { OpCode::CREATE } else { OpCode::CREATE2 };
        let outcome = self.submit_encoded(op, body.clone(), None);
        // The requests that may follow share the time of the first one.
        let (client, path) = (self.with_deadline(self.deadline()), path.to_owned());
        let asked = on_server.to_owned();
        async move {
            let mut reply = outcome.await?;
            if !old && reply.err != ErrorCode::UNIMPLEMENTED {
                let chroot = client.chroot().clone();
                return client.decode_ok(reply, path, move |body| {
                    let response = Create2Response::from_bytes(body)?;
                    Ok((chroot.created(&asked, response.path)?, response.stat))
                });
            }
            if !old {
                client.without_create2().store(true, Ordering::Relaxed);
                reply = client.submit_encoded(OpCode::CREATE, body, None).await?;
            }
            client.created_without_stat(reply, &asked, path).await
        }
    }

    async fn created_without_stat(
        &self,
        reply: Reply,
        asked: &str,
        path: String,
    ) -> Result<(String, Stat), Error> {
        let czxid = reply.zxid;
        let chroot = self.chroot().clone();
        let created = self.decode_ok(reply, path, move |body| {
            chroot.created(asked, CreateResponse::from_bytes(body)?.path)
        })?;
        // It is created, whatever becomes of the question.
        match self.exists(&created).await {
            Ok(Some(stat)) if stat.czxid == czxid => Ok((created, stat)),
            _ => Ok((created, Stat { czxid, mzxid: czxid, pzxid: czxid, ..Stat::default() })),
        }
    }
}
