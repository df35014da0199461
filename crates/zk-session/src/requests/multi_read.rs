//! `multiRead`: several reads in one request.

use std::future::Future;

use bytes::Bytes;
use zk_jute::{
    OpCode,
    records::{
        self, GetChildrenRequest, GetDataRequest, MultiRequest, MultiResponse, MultiResult as Answer, Stat,
    },
};
use zk_proto::ProtocolError;

use crate::{
    client::Client,
    error::{Error, Invalid, Rejected},
};

/// One read of a [`Client::multi_read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadOp {
    /// A node's data and stat.
    GetData {
        /// The node.
        path: String,
    },
    /// The names of a node's children.
    GetChildren {
        /// The node.
        path: String,
    },
}

/// What one read of a [`Client::multi_read`] gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadResult {
    /// A node's data and stat.
    GetData {
        /// The data; a null is shown as empty.
        data: Bytes,
        /// The stat.
        stat: Stat,
    },
    /// A node's children.
    GetChildren {
        /// Their names, in no particular order.
        children: Vec<String>,
    },
}

impl ReadOp {
    /// A read of data.
    pub fn get_data(path: impl Into<String>) -> Self {
        Self::GetData { path: path.into() }
    }

    /// A read of the names of children.
    pub fn get_children(path: impl Into<String>) -> Self {
        Self::GetChildren { path: path.into() }
    }

    /// The path as the caller gave it.
    pub fn path(&self) -> &str {
        match self {
            Self::GetData { path } | Self::GetChildren { path } => path,
        }
    }

    fn record<'a>(&self, path: &'a str) -> records::MultiOp<'a> {
        match self {
            Self::GetData { .. } => records::MultiOp::GetData(GetDataRequest { path, watch: false }),
            Self::GetChildren { .. } => {
                records::MultiOp::GetChildren(GetChildrenRequest { path, watch: false })
            }
        }
    }

    /// The answer, if it is one to this read.
    fn result(&self, index: usize, answer: Answer<'_>) -> Option<Result<ReadResult, Rejected>> {
        Some(match (self, answer) {
            (Self::GetData { .. }, Answer::GetData(got)) => {
                Ok(ReadResult::GetData { data: got.data.unwrap_or_default(), stat: got.stat })
            }
            (Self::GetChildren { .. }, Answer::GetChildren(got)) => Ok(ReadResult::GetChildren {
                children: got.children.into_iter().map(str::to_owned).collect(),
            }),
            (_, answer) => {
                let code = answer.error()?;
                Err(Rejected { code, path: self.path().to_owned(), op_index: Some(index), guard: false })
            }
        })
    }
}

impl Client {
    /// Reads several nodes in one request; each read succeeds or fails by itself. The results are in the order of the reads.
    /// ZooKeeper's own servers answer it between two transactions (`CommitProcessor` lets reads run out before it commits, and
    /// this is one read), so that the results are of one moment. The answer is one frame: see
    /// [`ClientBuilder::max_frame`](crate::ClientBuilder::max_frame).
    ///
    /// Protocol: `multiRead`. Needs a server of 3.6 or later.
    ///
    /// # Errors
    ///
    /// Those of [`Error`] for the whole; for each read `NO_NODE`, `NO_AUTH`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub fn multi_read(
        &self,
        ops: Vec<ReadOp>,
    ) -> impl Future<Output = Result<Vec<Result<ReadResult, Rejected>>, Error>> + Send + use<> {
        let paths: Result<Vec<String>, Invalid> =
            ops.iter().map(|op| Ok(self.chroot().on_server(op.path())?.into_owned())).collect();
        let call = paths.map(|paths| {
            let records = ops.iter().zip(&paths).map(|(op, path)| op.record(path)).collect();
            let first = ops.first().map(|op| op.path().to_owned()).unwrap_or_default();
            self.call(OpCode::MULTI_READ, &first, &MultiRequest { ops: records }, move |body| {
                Ok(results(&ops, MultiResponse::from_bytes_of(body, ops.len())?))
            })
        });
        async move { call?.await? }
    }
}

/// One result for each read, or the answer does not fit.
fn results(ops: &[ReadOp], response: MultiResponse<'_>) -> Result<Vec<Result<ReadResult, Rejected>>, Error> {
    let (asked, answered) = (ops.len(), response.results.len());
    let pairs = ops.iter().enumerate().zip(response.results);
    let results: Vec<_> = pairs.map_while(|((index, op), answer)| op.result(index, answer)).collect();
    if results.len() == asked && answered == asked {
        return Ok(results);
    }
    Err(ProtocolError::Multi { asked, answered: results.len() }.into())
}
