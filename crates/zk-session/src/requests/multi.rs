//! `multi`: several operations, all or none.

use std::{borrow::Cow, future::Future, time::Duration};

use bytes::Bytes;
use zk_jute::{
    CreateMode, ErrorCode, OpCode,
    records::{
        self, CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest, MultiRequest,
        MultiResponse, SetDataRequest, Stat,
    },
};

use crate::{
    acl::Acl,
    client::Client,
    error::{Error, Invalid, Rejected},
    requests::create_ttl::milliseconds,
};

/// One operation of a [`Client::multi`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MultiOp {
    /// The node exists and has this version (`None`: any).
    Check {
        /// The node.
        path: String,
        /// Its version.
        version: Option<i32>,
    },
    /// Create a node.
    Create {
        /// The node.
        path: String,
        /// Its data.
        data: Bytes,
        /// Its kind.
        mode: CreateMode,
        /// Its access control list.
        acl: Vec<Acl>,
    },
    /// Create a container; see [`Client::create_container`].
    CreateContainer {
        /// The node.
        path: String,
        /// Its data.
        data: Bytes,
        /// Its access control list.
        acl: Vec<Acl>,
    },
    /// Create a node with a time to live; see [`Client::create_ttl`].
    CreateTtl {
        /// The node.
        path: String,
        /// Its data.
        data: Bytes,
        /// Its kind.
        mode: CreateMode,
        /// Its access control list.
        acl: Vec<Acl>,
        /// Its time to live.
        ttl: Duration,
    },
    /// Delete a node.
    Delete {
        /// The node.
        path: String,
        /// Its version (`None`: any).
        version: Option<i32>,
    },
    /// Replace a node's data.
    SetData {
        /// The node.
        path: String,
        /// The new data.
        data: Bytes,
        /// Its version (`None`: any).
        version: Option<i32>,
    },
}

/// What one operation of a successful multi gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MultiResult {
    /// The check held.
    Check,
    /// The node was created.
    Create {
        /// Its path.
        path: String,
        /// Its stat, where it is told: not for a plain create, which older servers know no other kind of inside a multi.
        stat: Option<Stat>,
    },
    /// The node was deleted.
    Delete,
    /// The data was replaced.
    SetData {
        /// The node's stat.
        stat: Stat,
    },
}

impl MultiOp {
    /// A check of a node's version; `None`: it only has to exist.
    pub fn check(path: impl Into<String>, version: Option<i32>) -> Self {
        Self::Check { path: path.into(), version }
    }

    /// A create.
    pub fn create(path: impl Into<String>, data: impl Into<Bytes>, mode: CreateMode, acl: &[Acl]) -> Self {
        Self::Create { path: path.into(), data: data.into(), mode, acl: acl.to_vec() }
    }

    /// A create of a container.
    pub fn create_container(path: impl Into<String>, data: impl Into<Bytes>, acl: &[Acl]) -> Self {
        Self::CreateContainer { path: path.into(), data: data.into(), acl: acl.to_vec() }
    }

    /// A create of a node with a time to live.
    pub fn create_ttl(
        path: impl Into<String>,
        data: impl Into<Bytes>,
        mode: CreateMode,
        acl: &[Acl],
        ttl: Duration,
    ) -> Self {
        Self::CreateTtl { path: path.into(), data: data.into(), mode, acl: acl.to_vec(), ttl }
    }

    /// A delete; `None`: whatever its version.
    pub fn delete(path: impl Into<String>, version: Option<i32>) -> Self {
        Self::Delete { path: path.into(), version }
    }

    /// A replacement of data; `None`: whatever its version.
    pub fn set_data(path: impl Into<String>, data: impl Into<Bytes>, version: Option<i32>) -> Self {
        Self::SetData { path: path.into(), data: data.into(), version }
    }

    /// The path as the caller gave it.
    pub fn path(&self) -> &str {
        match self {
            Self::Check { path, .. }
            | Self::Create { path, .. }
            | Self::CreateContainer { path, .. }
            | Self::CreateTtl { path, .. }
            | Self::Delete { path, .. }
            | Self::SetData { path, .. } => path,
        }
    }

    fn record<'a>(&'a self, path: &'a str) -> records::MultiOp<'a> {
        let any = |version: &Option<i32>| version.unwrap_or(-1);
        match self {
            Self::Check { version, .. } => {
                records::MultiOp::Check(CheckVersionRequest { path, version: any(version) })
            }
            Self::Create { data, mode, acl, .. } => records::MultiOp::Create(CreateRequest {
                path,
                data: Some(data.clone()),
                acl: Acl::records(acl),
                flags: mode.flags(),
            }),
            Self::CreateContainer { data, acl, .. } => records::MultiOp::CreateContainer(CreateRequest {
                path,
                data: Some(data.clone()),
                acl: Acl::records(acl),
                flags: CreateMode::CONTAINER.flags(),
            }),
            Self::CreateTtl { data, mode, acl, ttl, .. } => records::MultiOp::CreateTTL(CreateTTLRequest {
                path,
                data: Some(data.clone()),
                acl: Acl::records(acl),
                flags: mode.flags(),
                // It was checked; one that no server takes is refused by it.
                ttl: milliseconds(*ttl).unwrap_or(0),
            }),
            Self::Delete { version, .. } => {
                records::MultiOp::Delete(DeleteRequest { path, version: any(version) })
            }
            Self::SetData { data, version, .. } => records::MultiOp::SetData(SetDataRequest {
                path,
                data: Some(data.clone()),
                version: any(version),
            }),
        }
    }
}

impl Client {
    /// Carries out all operations, or none. The results are in the order of the operations.
    ///
    /// Protocol: `multi`.
    ///
    /// # Errors
    ///
    /// `Rejected` with the code, the path and the index of the operation that failed, and whether that was a guard
    /// ([`MultiOp::Check`]); and the others of [`Error`].
    ///
    /// # Cancel safety
    ///
    /// The request is sent by the call; dropping the future does not take it back.
    pub fn multi(
        &self,
        ops: Vec<MultiOp>,
    ) -> impl Future<Output = Result<Vec<MultiResult>, Error>> + Send + use<> {
        let outcome = self.send_multi(&ops);
        let client = self.clone();
        async move {
            let reply = outcome?.await?;
            if reply.err != ErrorCode::OK {
                let path = ops.first().map(|op| op.path().to_owned()).unwrap_or_default();
                return Err(Error::Rejected(Rejected {
                    code: reply.err,
                    path,
                    op_index: None,
                    guard: false,
                }));
            }
            client.decode(&reply, |body| {
                let response = MultiResponse::from_bytes_of(body, ops.len())?;
                Ok(client.results(&ops, response))
            })?
        }
    }

    /// The path of an operation on the server, if the operation makes sense.
    fn op_on_server<'a>(&'a self, op: &'a MultiOp) -> Result<Cow<'a, str>, Invalid> {
        match op {
            MultiOp::Create { path, mode, acl, .. } => self.check_create(path, *mode, acl),
            MultiOp::CreateContainer { path, acl, .. } => self.check_new(path, CreateMode::CONTAINER, acl),
            MultiOp::CreateTtl { path, mode, acl, ttl, .. } => {
                self.check_create_ttl(path, *mode, acl, *ttl).map(|(path, _)| path)
            }
            op => self.chroot().on_server(op.path()),
        }
    }

    fn send_multi(
        &self,
        ops: &[MultiOp],
    ) -> Result<impl Future<Output = crate::client::Outcome> + Send + use<>, Invalid> {
        let paths: Vec<Cow<'_, str>> =
            ops.iter().map(|op| self.op_on_server(op)).collect::<Result<_, _>>()?;
        let records = ops.iter().zip(&paths).map(|(op, path)| op.record(path)).collect();
        Ok(self.submit(OpCode::MULTI, &MultiRequest { ops: records }, None))
    }

    /// All results, or the operation that failed: the first whose own code is an error. The others of a failed multi carry
    /// codes that only say "not done".
    fn results(&self, ops: &[MultiOp], response: MultiResponse<'_>) -> Result<Vec<MultiResult>, Error> {
        let code = records::MultiResult::error;
        let failed = |unimportant: &[ErrorCode]| {
            response
                .results
                .iter()
                .position(|result| code(result).is_some_and(|code| !unimportant.contains(&code)))
        };
        let first_error = failed(&[ErrorCode::OK, ErrorCode::RUNTIME_INCONSISTENCY])
            .or_else(|| failed(&[ErrorCode::OK]))
            .or_else(|| failed(&[]));
        if let Some(index) = first_error {
            let own = response.results.get(index).and_then(code).filter(|code| !code.is_ok());
            let code = own.unwrap_or(ErrorCode::RUNTIME_INCONSISTENCY);
            let path = ops.get(index).map(|op| op.path().to_owned()).unwrap_or_default();
            let guard = matches!(ops.get(index), Some(MultiOp::Check { .. }));
            return Err(Error::Rejected(Rejected { code, path, op_index: Some(index), guard }));
        }
        let answered = response.results.len();
        let fitting = ops.iter().zip(response.results).map_while(|(op, result)| self.result(op, result));
        let results: Vec<MultiResult> = fitting.collect();
        if results.len() == ops.len() && answered == ops.len() {
            return Ok(results);
        }
        let asked = ops.len();
        Err(zk_proto::ProtocolError::Multi { asked, answered: results.len() }.into())
    }

    /// The result, if it is one of this operation: a create makes the node that it was asked for.
    fn result(&self, op: &MultiOp, result: records::MultiResult<'_>) -> Option<MultiResult> {
        let created = |path| self.chroot().created(&self.op_on_server(op).ok()?, path).ok();
        Some(match (op, result) {
            (MultiOp::Check { .. }, records::MultiResult::Check) => MultiResult::Check,
            (
                MultiOp::Create { .. } | MultiOp::CreateContainer { .. } | MultiOp::CreateTtl { .. },
                records::MultiResult::Create2(node),
            ) => MultiResult::Create { path: created(node.path)?, stat: Some(node.stat) },
            // A create, or another kind of create that ZooKeeper 3.8 answers as if it were one.
            (
                MultiOp::Create { .. } | MultiOp::CreateContainer { .. } | MultiOp::CreateTtl { .. },
                records::MultiResult::Create(node),
            ) => MultiResult::Create { path: created(node.path)?, stat: None },
            (MultiOp::Delete { .. }, records::MultiResult::Delete) => MultiResult::Delete,
            (MultiOp::SetData { .. }, records::MultiResult::SetData(set)) => {
                MultiResult::SetData { stat: set.stat }
            }
            _ => return None,
        })
    }
}
