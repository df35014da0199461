//! What a fresh server looks like, compared field by field.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use zk_jute::{
    Decode, Encode, OpCode, Raw,
    records::{
        ExistsRequest, GetACLRequest, GetACLResponse, GetAllChildrenNumberRequest, GetChildren2Request,
        GetChildren2Response, GetDataRequest, GetDataResponse,
    },
};

use crate::common::RawClient;

const PATHS: [&str; 7] =
    ["/", "", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "zookeeper", "/none"];

/// Everything that is to be seen of a server that was just started.
async fn first_sight(address: SocketAddr) -> Vec<String> {
    let mut seen = Vec::new();
    let mut client = RawClient::tcp(address).await;
    let response = client.connect(10_000, None).await.unwrap();
    seen.push(format!(
        "timeout {} {:?} password of {}",
        response.timeout,
        response.read_only,
        response.password.len()
    ));
    for path in PATHS {
        let (get, acl) = (GetDataRequest { path, watch: false }, GetACLRequest { path });
        let data = client.call(OpCode::GET_DATA, &get).await;
        let data = data.map(|body| format!("{:?}", GetDataResponse::from_bytes(&body).unwrap()));
        let acl = client.call(OpCode::GET_ACL, &acl).await;
        let acl = acl.map(|body| format!("{:?}", GetACLResponse::from_bytes(&body).unwrap()));
        let children = client.call(OpCode::GET_CHILDREN2, &GetChildren2Request { path, watch: false }).await;
        let children = children.map(|body| {
            let mut response = GetChildren2Response::from_bytes(&body).unwrap();
            response.children.sort_unstable();
            format!("{response:?}")
        });
        let count = client.call(OpCode::GET_ALL_CHILDREN_NUMBER, &GetAllChildrenNumberRequest { path }).await;
        seen.push(format!("{path:?}: {data:?} {acl:?} {children:?} {count:?}"));
        // Watched, or not.
        let exists = client.call(OpCode::EXISTS, &ExistsRequest { path, watch: true }).await;
        seen.push(format!("{exists:?}"));
    }
    for word in ["ruok", "isro", "wchs"] {
        seen.push(zk_testkit::four_letter_word(address, word).await.unwrap());
    }
    let srvr = zk_testkit::four_letter_word(address, "srvr").await.unwrap();
    let lines = ["Zookeeper version: 3.8.0-", "Zxid: ", "Mode: ", "Node count: "];
    for line in lines {
        let found = srvr.lines().find(|text| text.starts_with(line)).expect("such a line");
        seen.push(if line.starts_with("Zoo") { line.to_owned() } else { found.to_owned() });
    }
    // A body that is longer than the record.
    let mut long = GetDataRequest { path: "/", watch: false }.to_bytes().to_vec();
    long.extend_from_slice(b"more");
    seen.push(format!("{:?}", client.call(OpCode::GET_DATA, &Raw(Bytes::from(long))).await.is_ok()));
    for timeout in [-1, 0, 3_999, 4_000, 12_345, 40_001, i32::MAX] {
        let mut client = RawClient::tcp(address).await;
        client.connect(timeout, None).await.unwrap();
        seen.push(format!("{timeout}: {}", client.timeout));
    }
    // Ahead of the server; without the flag that clients before 3.4 do not send.
    let mut ahead = RawClient::tcp(address).await;
    seen.push(format!("{:?}", ahead.connect_with(4_000, None, Some(false), 1 << 40).await.is_some()));
    let mut old = RawClient::tcp(address).await;
    seen.push(format!("{:?}", old.connect_with(4_000, None, None, 0).await.unwrap().read_only));
    seen
}

#[tokio::test]
async fn fresh_servers_look_the_same() {
    let real = zk_testkit::Ensemble::builder().tick_time(Duration::from_secs(2)).start().await.unwrap();
    let embedded = zk_embedded::Server::start().await.unwrap();
    let (real, embedded) = (first_sight(real.addr(0)).await, first_sight(embedded.addr()).await);
    for (real, embedded) in real.iter().zip(&embedded) {
        assert_eq!(embedded, real);
    }
    assert_eq!(embedded.len(), real.len());
}
