//! The response to a multi: `MultiResponse` in ZooKeeper's sources, not in its jute file.

use bytes::{Bytes, BytesMut};

use super::{
    Create2Response, CreateResponse, ErrorResponse, GetChildrenResponse, GetDataResponse, MultiHeader,
    SetDataResponse,
};
use crate::{Decode, DecodeError, Encode, ErrorCode, OpCode, Reader};

/// One result for each operation of a [`MultiRequest`](super::MultiRequest), in the same order.
///
/// The reply header's error is OK even if a multi has failed: only the results tell. In a multi that failed every
/// result is an error: [`ErrorCode::OK`] for the ops before the one that failed (they were rolled back), its own code
/// for that one, and [`ErrorCode::RUNTIME_INCONSISTENCY`] for those after it. In a multiRead each result stands alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MultiResponse<'a> {
    /// The results, in order.
    pub results: Vec<MultiResult<'a>>,
}

/// One result of a [`MultiResponse`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MultiResult<'a> {
    /// A znode was created by create.
    Create(CreateResponse<'a>),
    /// A znode was created by create2, createContainer or createTTL.
    Create2(Create2Response<'a>),
    /// A znode was deleted.
    Delete,
    /// A znode's data was replaced.
    SetData(SetDataResponse),
    /// A version was as expected.
    Check,
    /// Data and stat, of a multiRead.
    GetData(GetDataResponse),
    /// Names of children, of a multiRead.
    GetChildren(GetChildrenResponse<'a>),
    /// The op failed, or was undone or not run because another one failed. The code in the record counts; the header
    /// repeats it.
    Error(ErrorResponse),
    /// The op failed, in the dialect of ClickHouse Keeper: the header names op and error, and no record follows.
    ErrorInHeader {
        /// The op; never [`OpCode::ERROR`].
        op: OpCode,
        /// Its error; never [`ErrorCode::OK`].
        err: ErrorCode,
    },
}

impl<'a> MultiResult<'a> {
    /// The code of an error result, whatever its dialect; `None` for every other result.
    ///
    /// An error result may hold [`ErrorCode::OK`]: an op that was rolled back.
    pub fn error(&self) -> Option<ErrorCode> {
        match self {
            Self::Error(ErrorResponse { err }) | Self::ErrorInHeader { err, .. } => Some(*err),
            _ => None,
        }
    }

    /// The header that precedes the record.
    fn header(&self) -> MultiHeader {
        let (op, err) = match self {
            Self::Create(_) => (OpCode::CREATE, ErrorCode::OK),
            Self::Create2(_) => (OpCode::CREATE2, ErrorCode::OK),
            Self::Delete => (OpCode::DELETE, ErrorCode::OK),
            Self::SetData(_) => (OpCode::SET_DATA, ErrorCode::OK),
            Self::Check => (OpCode::CHECK, ErrorCode::OK),
            Self::GetData(_) => (OpCode::GET_DATA, ErrorCode::OK),
            Self::GetChildren(_) => (OpCode::GET_CHILDREN, ErrorCode::OK),
            Self::Error(ErrorResponse { err }) => (OpCode::ERROR, *err),
            Self::ErrorInHeader { op, err } => (*op, *err),
        };
        MultiHeader { op, done: false, err }
    }

    /// The record that follows the header.
    fn record(&self) -> &dyn Encode {
        match self {
            Self::Create(response) => response,
            Self::Create2(response) => response,
            Self::SetData(response) => response,
            Self::GetData(response) => response,
            Self::GetChildren(response) => response,
            Self::Error(response) => response,
            Self::Delete | Self::Check | Self::ErrorInHeader { .. } => &(),
        }
    }

    /// Reads the record that follows `header`.
    fn decode_record(header: MultiHeader, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match header.op {
            OpCode::ERROR => Self::Error(Decode::decode(reader)?),
            op if !header.err.is_ok() => Self::ErrorInHeader { op, err: header.err },
            OpCode::CREATE => Self::Create(Decode::decode(reader)?),
            OpCode::CREATE2 => Self::Create2(Decode::decode(reader)?),
            OpCode::DELETE => Self::Delete,
            OpCode::SET_DATA => Self::SetData(Decode::decode(reader)?),
            OpCode::CHECK => Self::Check,
            OpCode::GET_DATA => Self::GetData(Decode::decode(reader)?),
            OpCode::GET_CHILDREN => Self::GetChildren(Decode::decode(reader)?),
            op => return Err(DecodeError::UnexpectedOp { what: "MultiResponse", op }),
        })
    }
}

impl Encode for MultiResult<'_> {
    fn encoded_len(&self) -> usize {
        MultiHeader::LEN.saturating_add(self.record().encoded_len())
    }

    fn encode(&self, buf: &mut BytesMut) {
        self.header().encode(buf);
        self.record().encode(buf);
    }
}

impl Encode for MultiResponse<'_> {
    fn encoded_len(&self) -> usize {
        self.results.iter().fold(MultiHeader::LEN, |sum, result| sum.saturating_add(result.encoded_len()))
    }

    fn encode(&self, buf: &mut BytesMut) {
        for result in &self.results {
            result.encode(buf);
        }
        MultiHeader::END.encode(buf);
    }
}

impl<'a> MultiResponse<'a> {
    /// The answer to a multi of this many ops. The smallest result takes 9 bytes on the wire and many times that in memory: a
    /// server does not decide how many there can be.
    ///
    /// # Errors
    ///
    /// What [`Decode::from_bytes`] refuses, and [`DecodeError::TooManyResults`].
    pub fn from_bytes_of(bytes: &'a Bytes, ops: usize) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let response = Self::decode_at_most(&mut reader, ops)?;
        reader.finish()?;
        Ok(response)
    }

    fn decode_at_most(reader: &mut Reader<'a>, most: usize) -> Result<Self, DecodeError> {
        let mut results = Vec::new();
        loop {
            let header = MultiHeader::decode(reader)?;
            if header.done {
                return Ok(Self { results });
            }
            if results.len() >= most {
                return Err(DecodeError::TooManyResults { most });
            }
            results.push(MultiResult::decode_record(header, reader)?);
        }
    }
}

impl<'a> Decode<'a> for MultiResponse<'a> {
    const MIN_LEN: usize = MultiHeader::LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::decode_at_most(reader, usize::MAX)
    }
}
