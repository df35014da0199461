//! `multi`: several operations, all or none.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    CreateMode, Decode, ErrorCode, OpCode,
    records::{
        self, CheckVersionRequest, CreateRequest, DeleteRequest, MultiRequest, MultiResponse, SetDataRequest,
        Stat,
    },
};

use crate::{
    acl::Acl,
    client::Client,
    error::{Error, Invalid, Rejected},
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
        /// Its stat.
        stat: Stat,
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
            Self::Create { data, mode, acl, .. } => records::MultiOp::Create2(CreateRequest {
                path,
                data: Some(data.clone()),
                acl: Acl::records(acl),
                flags: mode.flags(),
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
    /// `Rejected` with the code, the path and the index of the operation that failed; and the others of [`Error`].
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
                return Err(Error::Rejected(Rejected { code: reply.err, path, op_index: None }));
            }
            client.decode(&reply, |body| {
                let response = MultiResponse::from_bytes(body)?;
                Ok(client.results(&ops, response))
            })?
        }
    }

    fn send_multi(
        &self,
        ops: &[MultiOp],
    ) -> Result<impl Future<Output = crate::client::Outcome> + Send + use<>, Invalid> {
        if ops.iter().any(|op| matches!(op, MultiOp::Create { acl, .. } if acl.is_empty())) {
            return Err(Invalid::EmptyAcl);
        }
        let paths: Vec<String> =
            ops.iter().map(|op| self.chroot().on_server(op.path())).collect::<Result<_, _>>()?;
        let records = ops.iter().zip(&paths).map(|(op, path)| op.record(path)).collect();
        Ok(self.submit(OpCode::MULTI, &MultiRequest { ops: records }, None))
    }

    /// All results, or the operation that failed: the first whose own code is an error. The others of a failed multi carry
    /// codes that only say "not done".
    fn results(&self, ops: &[MultiOp], response: MultiResponse<'_>) -> Result<Vec<MultiResult>, Error> {
        let code = |result: &records::MultiResult<'_>| match result {
            records::MultiResult::Error(error) => Some(error.err),
            _ => None,
        };
        let failed = |unimportant: &[ErrorCode]| {
            response
                .results
                .iter()
                .position(|result| code(result).is_some_and(|code| !unimportant.contains(&code)))
        };
        let first_error = failed(&[ErrorCode::OK, ErrorCode::RUNTIME_INCONSISTENCY]).or_else(|| failed(&[]));
        if let Some(index) = first_error {
            let code = response.results.get(index).and_then(code).unwrap_or(ErrorCode::RUNTIME_INCONSISTENCY);
            let path = ops.get(index).map(|op| op.path().to_owned()).unwrap_or_default();
            return Err(Error::Rejected(Rejected { code, path, op_index: Some(index) }));
        }
        let results: Vec<MultiResult> =
            response.results.into_iter().filter_map(|result| self.result(result)).collect();
        if results.len() == ops.len() {
            return Ok(results);
        }
        Err(Error::Unknown(
            zk_proto::ProtocolError::Multi { asked: ops.len(), answered: results.len() }.into(),
        ))
    }

    fn result(&self, result: records::MultiResult<'_>) -> Option<MultiResult> {
        Some(match result {
            records::MultiResult::Check => MultiResult::Check,
            records::MultiResult::Create2(created) => {
                MultiResult::Create { path: self.chroot().to_caller(created.path), stat: created.stat }
            }
            records::MultiResult::Delete => MultiResult::Delete,
            records::MultiResult::SetData(set) => MultiResult::SetData { stat: set.stat },
            _ => return None,
        })
    }
}
