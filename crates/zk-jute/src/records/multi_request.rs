//! The request of a multi: `MultiOperationRecord` in ZooKeeper's sources, not in its jute file.

use bytes::BytesMut;

use super::{
    CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest, GetChildrenRequest, GetDataRequest,
    MultiHeader, SetDataRequest,
};
use crate::{Decode, DecodeError, Encode, ErrorCode, OpCode, Reader};

/// Several operations in one request: the body of multi (writes and checks, all or none) and of multiRead.
///
/// On the wire each op follows a [`MultiHeader`], and a last header says that there are no more. Servers refuse a
/// mixture of reads and writes; this record does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MultiRequest<'a> {
    /// The operations, in order.
    pub ops: Vec<MultiOp<'a>>,
}

/// One operation of a [`MultiRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MultiOp<'a> {
    /// Create a znode; the result is its path.
    Create(CreateRequest<'a>),
    /// Create a znode; the result is its path and stat.
    Create2(CreateRequest<'a>),
    /// Create a container znode.
    CreateContainer(CreateRequest<'a>),
    /// Create a znode with a time to live.
    CreateTTL(CreateTTLRequest<'a>),
    /// Delete a znode.
    Delete(DeleteRequest<'a>),
    /// Replace a znode's data.
    SetData(SetDataRequest<'a>),
    /// Check a znode's version.
    Check(CheckVersionRequest<'a>),
    /// Read a znode's data and stat, in a multiRead.
    GetData(GetDataRequest<'a>),
    /// Read the names of a znode's children, in a multiRead.
    GetChildren(GetChildrenRequest<'a>),
}

impl<'a> MultiOp<'a> {
    /// The op's code.
    pub fn op(&self) -> OpCode {
        match self {
            Self::Create(_) => OpCode::CREATE,
            Self::Create2(_) => OpCode::CREATE2,
            Self::CreateContainer(_) => OpCode::CREATE_CONTAINER,
            Self::CreateTTL(_) => OpCode::CREATE_TTL,
            Self::Delete(_) => OpCode::DELETE,
            Self::SetData(_) => OpCode::SET_DATA,
            Self::Check(_) => OpCode::CHECK,
            Self::GetData(_) => OpCode::GET_DATA,
            Self::GetChildren(_) => OpCode::GET_CHILDREN,
        }
    }

    /// The path it is about.
    pub fn path(&self) -> &'a str {
        match self {
            Self::Create(request) | Self::Create2(request) | Self::CreateContainer(request) => request.path,
            Self::CreateTTL(request) => request.path,
            Self::Delete(request) => request.path,
            Self::SetData(request) => request.path,
            Self::Check(request) => request.path,
            Self::GetData(request) => request.path,
            Self::GetChildren(request) => request.path,
        }
    }

    /// The record that follows the header.
    fn record(&self) -> &dyn Encode {
        match self {
            Self::Create(request) | Self::Create2(request) | Self::CreateContainer(request) => request,
            Self::CreateTTL(request) => request,
            Self::Delete(request) => request,
            Self::SetData(request) => request,
            Self::Check(request) => request,
            Self::GetData(request) => request,
            Self::GetChildren(request) => request,
        }
    }

    /// Reads the record that follows a header of `op`.
    fn decode_record(op: OpCode, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(match op {
            OpCode::CREATE => Self::Create(Decode::decode(reader)?),
            OpCode::CREATE2 => Self::Create2(Decode::decode(reader)?),
            OpCode::CREATE_CONTAINER => Self::CreateContainer(Decode::decode(reader)?),
            OpCode::CREATE_TTL => Self::CreateTTL(Decode::decode(reader)?),
            OpCode::DELETE => Self::Delete(Decode::decode(reader)?),
            OpCode::SET_DATA => Self::SetData(Decode::decode(reader)?),
            OpCode::CHECK => Self::Check(Decode::decode(reader)?),
            OpCode::GET_DATA => Self::GetData(Decode::decode(reader)?),
            OpCode::GET_CHILDREN => Self::GetChildren(Decode::decode(reader)?),
            op => return Err(DecodeError::UnexpectedOp { what: "MultiRequest", op }),
        })
    }
}

impl Encode for MultiOp<'_> {
    fn encoded_len(&self) -> usize {
        MultiHeader::LEN.saturating_add(self.record().encoded_len())
    }

    fn encode(&self, buf: &mut BytesMut) {
        // Every client writes −1 into the error field of a request, and servers do not look.
        MultiHeader { op: self.op(), done: false, err: ErrorCode::new(-1) }.encode(buf);
        self.record().encode(buf);
    }
}

impl Encode for MultiRequest<'_> {
    fn encoded_len(&self) -> usize {
        self.ops.iter().fold(MultiHeader::LEN, |sum, op| sum.saturating_add(op.encoded_len()))
    }

    fn encode(&self, buf: &mut BytesMut) {
        for op in &self.ops {
            op.encode(buf);
        }
        MultiHeader::END.encode(buf);
    }
}

impl<'a> Decode<'a> for MultiRequest<'a> {
    const MIN_LEN: usize = MultiHeader::LEN;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut ops = Vec::new();
        loop {
            let header = MultiHeader::decode(reader)?;
            if header.done {
                return Ok(Self { ops });
            }
            ops.push(MultiOp::decode_record(header.op, reader)?);
        }
    }
}
