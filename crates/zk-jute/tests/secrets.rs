//! No secret is printed.

use bytes::Bytes;
use zk_jute::records::{
    AuthPacket, ConnectRequest, ConnectResponse, GetSASLRequest, SetSASLRequest, SetSASLResponse,
};

#[test]
fn secrets_print_as_an_underscore() {
    // As text and as numbers, in case somebody prints a Vec<u8> one day.
    let secret = || Bytes::from_static(b"hunter2");
    let session = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 1,
        timeout: 2,
        session_id: 3,
        password: secret(),
        read_only: Some(false),
    };
    let granted = ConnectResponse {
        protocol_version: 0,
        timeout: 2,
        session_id: 3,
        password: secret(),
        read_only: None,
    };
    let printed = [
        format!("{session:?}"),
        format!("{granted:?}"),
        format!("{:?}", AuthPacket { auth_type: 0, scheme: "digest", auth: Some(secret()) }),
        format!("{:?}", GetSASLRequest { token: Some(secret()) }),
        format!("{:?}", SetSASLRequest { token: Some(secret()) }),
        format!("{:#?}", SetSASLResponse { token: Some(secret()) }),
    ];
    for text in printed {
        assert!(text.contains(": _"), "{text}");
        assert!(!text.contains("hunter") && !text.contains("104, 117"), "{text}");
    }
}
