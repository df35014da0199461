//! Multi: the two dialects of its results, and what may not stand in it.

use bytes::Bytes;
use zk_jute::records::{
    CheckVersionRequest, CreateRequest, ErrorResponse, GetDataRequest, MultiOp, MultiRequest, MultiResponse,
    MultiResult,
};
use zk_jute::{CreateMode, Decode, DecodeError, Encode, ErrorCode, OpCode};

/// A multi header.
fn header(op: i32, done: bool, err: i32) -> Vec<u8> {
    [&op.to_be_bytes()[..], &[u8::from(done)], &err.to_be_bytes()].concat()
}

fn end() -> Vec<u8> {
    header(-1, true, -1)
}

#[test]
fn zookeeper_puts_the_error_into_the_header_and_a_record() {
    let bytes =
        [header(-1, false, -101), (-101i32).to_be_bytes().to_vec(), header(13, false, 0), end()].concat();
    let bytes = Bytes::from(bytes);
    let response = MultiResponse::from_bytes(&bytes).unwrap();
    let error = MultiResult::Error(ErrorResponse { err: ErrorCode::NO_NODE });
    assert_eq!(response.results, [error, MultiResult::Check]);
    assert_eq!(response.results[0].error(), Some(ErrorCode::NO_NODE));
    assert_eq!(response.results[1].error(), None);
    assert_eq!(response.to_bytes(), bytes);
}

/// ClickHouse Keeper answers a failed read of a multiRead with the read's own op, the error, and no record.
#[test]
fn keeper_puts_the_error_into_the_header_alone() {
    let bytes = Bytes::from([header(4, false, -101), header(2, false, 0), end()].concat());
    let response = MultiResponse::from_bytes(&bytes).unwrap();
    let error = MultiResult::ErrorInHeader { op: OpCode::GET_DATA, err: ErrorCode::NO_NODE };
    assert_eq!(response.results, [error, MultiResult::Delete]);
    assert_eq!(response.results[0].error(), Some(ErrorCode::NO_NODE));
    assert_eq!(response.to_bytes(), bytes);
}

#[test]
fn the_record_of_an_error_counts_and_not_its_header() {
    let bytes = Bytes::from([header(-1, false, 0), (-103i32).to_be_bytes().to_vec(), end()].concat());
    let response = MultiResponse::from_bytes(&bytes).unwrap();
    assert_eq!(response.results[0].error(), Some(ErrorCode::BAD_VERSION));
}

#[test]
fn a_server_does_not_decide_how_many_results_there_are() {
    let bytes = Bytes::from([header(13, false, 0), header(13, false, 0), end()].concat());
    assert_eq!(MultiResponse::from_bytes_of(&bytes, 2).unwrap().results.len(), 2);
    assert_eq!(MultiResponse::from_bytes_of(&bytes, 1), Err(DecodeError::TooManyResults { most: 1 }));
    let trailing = Bytes::from([end(), vec![0]].concat());
    assert_eq!(MultiResponse::from_bytes_of(&trailing, 0), Err(DecodeError::TrailingBytes { left: 1 }));
}

#[test]
fn nothing_is_between_an_empty_multi_and_its_end() {
    assert_eq!(MultiRequest::default().to_bytes(), end());
    assert_eq!(MultiResponse::default().to_bytes(), end());
    assert_eq!(MultiRequest::from_bytes(&Bytes::from(end())), Ok(MultiRequest::default()));
}

#[test]
fn what_has_no_place_in_a_multi() {
    // A multi in a multi, and an op nobody knows.
    for number in [14, 999] {
        let bytes = Bytes::from([header(number, false, 0), end()].concat());
        let op = OpCode::new(number);
        assert_eq!(
            MultiRequest::from_bytes(&bytes),
            Err(DecodeError::UnexpectedOp { what: "MultiRequest", op })
        );
        assert_eq!(
            MultiResponse::from_bytes(&bytes),
            Err(DecodeError::UnexpectedOp { what: "MultiResponse", op })
        );
    }
    let error = DecodeError::UnexpectedOp { what: "MultiResponse", op: OpCode::new(999) };
    assert_eq!(
        error.to_string(),
        "MultiResponse contains the op unknown op code 999, which has no place there"
    );
}

#[test]
fn a_multi_without_an_end_is_cut_short() {
    let bytes = Bytes::from(header(2, false, 0));
    let error = MultiResponse::from_bytes(&bytes).unwrap_err();
    assert_eq!(error, DecodeError::Truncated { what: "MultiHeader.op", needed: 4, left: 0 });
}

#[test]
fn ops_know_their_code_and_path() {
    let create = |flags| CreateRequest { path: "/c", data: None, acl: vec![], flags };
    let ops = [
        (MultiOp::Create(create(0)), OpCode::CREATE, "/c"),
        (MultiOp::CreateContainer(create(CreateMode::CONTAINER.flags())), OpCode::CREATE_CONTAINER, "/c"),
        (MultiOp::Check(CheckVersionRequest { path: "/k", version: 0 }), OpCode::CHECK, "/k"),
        (MultiOp::GetData(GetDataRequest { path: "/d", watch: false }), OpCode::GET_DATA, "/d"),
    ];
    for (op, code, path) in ops {
        assert_eq!((op.op(), op.path()), (code, path));
        assert_eq!(op.to_bytes()[..9], header(code.get(), false, -1));
    }
}
