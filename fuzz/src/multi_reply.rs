//! Any answer to a multi.

use bytes::Bytes;
use zk_jute::records::{
    Create2Response, CreateResponse, ErrorResponse, GetChildrenResponse, GetDataResponse, MultiHeader,
    MultiResponse, MultiResult, SetDataResponse,
};
use zk_jute::{Decode, DecodeError, Encode, ErrorCode, OpCode, Reader};

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultiReply {
    /// As many results as there were operations.
    Full {
        /// How many of them are errors.
        errors: usize,
    },
    /// Fewer results than operations.
    Short,
    /// No answer to that many operations.
    Refused(DecodeError),
}

/// Reads an answer to a multi. The first byte is the number of operations, the rest the body of the reply.
///
/// # Panics
///
/// If more results are taken than there were operations, the limit makes another difference than that, a result is lost or
/// made up, or a result does not survive being written.
pub fn multi_reply(input: &[u8]) -> Option<MultiReply> {
    let (&ops, body) = input.split_first()?;
    let ops = usize::from(ops);
    let body = Bytes::copy_from_slice(body);
    let bounded = MultiResponse::from_bytes_of(&body, ops);
    let begun = results_begun(&body, ops);
    if let Err(DecodeError::TooManyResults { most }) = bounded {
        assert_eq!((most, begun), (ops, ops + 1), "results that are too many");
        return Some(MultiReply::Refused(DecodeError::TooManyResults { most }));
    }
    assert_eq!(bounded, MultiResponse::from_bytes(&body), "the limit makes a difference within it");
    let response = match bounded {
        Ok(response) => response,
        Err(error) => return Some(MultiReply::Refused(error)),
    };
    assert_eq!(begun, response.results.len(), "a result is lost or made up");
    assert!(begun <= ops, "{begun} results for {ops} operations");
    assert!(response.results.capacity() <= 4.max(2 * ops), "more room than for the operations");
    let written = response.to_bytes();
    assert_eq!(written.len(), response.encoded_len(), "the length was promised");
    assert_eq!(
        MultiResponse::from_bytes_of(&written, ops).as_ref(),
        Ok(&response),
        "what was written is read again"
    );
    for result in &response.results {
        if let MultiResult::ErrorInHeader { err, op } = result {
            assert!(*err != ErrorCode::OK && *op != OpCode::ERROR, "an error that is none");
        }
    }
    let errors = response.results.iter().filter(|result| result.error().is_some()).count();
    Some(if begun == ops { MultiReply::Full { errors } } else { MultiReply::Short })
}

/// How many results begin, without keeping any; one more than `most` at the most.
fn results_begun(body: &Bytes, most: usize) -> usize {
    let mut reader = Reader::new(body);
    let mut begun = 0;
    while begun <= most {
        match MultiHeader::decode(&mut reader) {
            Ok(header) if !header.done => {
                begun += 1;
                if skip(header, &mut reader).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    begun
}

/// Reads past the record behind a header.
fn skip(header: MultiHeader, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    match header.op {
        OpCode::ERROR => ErrorResponse::decode(reader).map(drop),
        _ if header.err != ErrorCode::OK => Ok(()),
        OpCode::CREATE => CreateResponse::decode(reader).map(drop),
        OpCode::CREATE2 => Create2Response::decode(reader).map(drop),
        OpCode::DELETE | OpCode::CHECK => Ok(()),
        OpCode::SET_DATA => SetDataResponse::decode(reader).map(drop),
        OpCode::GET_DATA => GetDataResponse::decode(reader).map(drop),
        OpCode::GET_CHILDREN => GetChildrenResponse::decode(reader).map(drop),
        op => Err(DecodeError::UnexpectedOp { what: "MultiResponse", op }),
    }
}
