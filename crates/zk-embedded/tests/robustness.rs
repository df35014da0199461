//! Arbitrary bytes on the port: they never end the server and never make it grow.

mod common;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use common::RawClient;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use zk_embedded::{OpCode, Server};
use zk_jute::{
    Encode, Permissions, Raw,
    records::{Acl, ConnectRequest, CreateRequest, ExistsRequest, Id, RequestHeader},
    write_frame,
};

/// What a peer sends: bytes of its own, or frames around them.
#[derive(Debug, Clone)]
enum Piece {
    Bytes(Vec<u8>),
    Frame(Vec<u8>),
    Length(i32),
    Connect(i32, i64),
    Request(i32, i32, Vec<u8>),
    Word(&'static str),
}

fn piece() -> impl Strategy<Value = Piece> {
    let bytes = || vec(any::<u8>(), 0..200);
    prop_oneof![
        1 => bytes().prop_map(Piece::Bytes),
        1 => bytes().prop_map(Piece::Frame),
        1 => any::<i32>().prop_map(Piece::Length),
        3 => (any::<i32>(), prop_oneof![Just(0), any::<i64>()]).prop_map(|(timeout, id)| Piece::Connect(timeout, id)),
        6 => (any::<i32>(), -20..120, bytes()).prop_map(|(xid, op, body)| Piece::Request(xid, op, body)),
        1 => proptest::sample::select(&["ruok", "stat", "mntr", "stmk", "GET ", "quit"][..]).prop_map(Piece::Word),
    ]
}

impl Piece {
    fn write(&self, buf: &mut BytesMut) {
        match self {
            Self::Bytes(bytes) => buf.extend_from_slice(bytes),
            Self::Frame(bytes) => write_frame(buf, &Raw(Bytes::copy_from_slice(bytes)), &()).unwrap(),
            Self::Length(length) => length.encode(buf),
            Self::Connect(timeout, session_id) => {
                let request = ConnectRequest {
                    protocol_version: 0,
                    last_zxid_seen: 0,
                    timeout: *timeout,
                    session_id: *session_id,
                    password: Bytes::from_static(&[0; 16]),
                    read_only: Some(true),
                };
                write_frame(buf, &request, &()).unwrap();
            }
            Self::Request(xid, op, body) => {
                let header = RequestHeader { xid: *xid, op: OpCode::new(*op) };
                write_frame(buf, &header, &Raw(Bytes::copy_from_slice(body))).unwrap();
            }
            Self::Word(word) => buf.extend_from_slice(word.as_bytes()),
        }
    }
}

/// Tests that look at the memory of the process do so one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of memory that this process has in use.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

async fn answers(server: &Server) -> bool {
    let mut client = RawClient::tcp(server.addr()).await;
    client.connect(4_000, None).await.is_some_and(|response| response.session_id != 0)
        && client.call(OpCode::EXISTS, &ExistsRequest { path: "/", watch: false }).await.is_ok()
        && client.call(OpCode::CLOSE_SESSION, &()).await.is_ok()
}

#[test]
fn arbitrary_bytes_end_nothing_and_leave_nothing() {
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Server::builder().tick(Duration::from_millis(50));
    let server = runtime.block_on(settings.start()).unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 1_500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let case = |pieces: Vec<Piece>| {
        let mut buf = BytesMut::new();
        for piece in &pieces {
            piece.write(&mut buf);
        }
        runtime.block_on(async {
            let mut peer = RawClient::tcp(server.addr()).await;
            peer.write_raw(&buf).await;
            drop(peer);
            prop_assert!(answers(&server).await);
            Ok(())
        })
    };
    runner.run(&vec(piece(), 0..20), case).unwrap();
    let before = resident();
    runner.run(&vec(piece(), 0..20), case).unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < 2 << 20, "{grown} bytes more after as many cases again");
    // Sessions that were begun on the way expire, and then nothing is left of any peer.
    runtime.block_on(async {
        while !server.sessions().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn promised_bytes_take_no_memory_and_unread_replies_little() {
    let _alone = alone();
    tokio::runtime::Runtime::new().unwrap().block_on(promises_and_unread_replies());
}

async fn promises_and_unread_replies() {
    let server = Server::start().await.unwrap();
    let before = resident();
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut peer = RawClient::tcp(server.addr()).await;
        // A frame of a megabyte, of which nothing comes.
        assert!(peer.write_raw(&0xf_ffff_i32.to_be_bytes()).await);
        silent.push(peer);
    }
    assert!(answers(&server).await);
    let mut greedy = RawClient::tcp(server.addr()).await;
    greedy.connect(40_000, None).await.unwrap();
    let acl = vec![Acl { perms: Permissions::ALL, id: Id { scheme: "world", id: "anyone" } }];
    let big = CreateRequest { path: "/big", data: Some(Bytes::from(vec![7; 500_000])), acl, flags: 0 };
    greedy.call(OpCode::CREATE, &big).await.unwrap();
    // It asks for half a gigabyte and reads none of it: the server stops reading it.
    let read = async {
        for _ in 0..1_000 {
            greedy
                .send(OpCode::GET_DATA, &zk_jute::records::GetDataRequest { path: "/big", watch: false })
                .await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), read).await;
    assert!(answers(&server).await);
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for 200 promises and a client that does not read");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_nothing_is_sent_away() {
    let server = Server::start().await.unwrap();
    let started = tokio::time::Instant::now();
    let mut peer = RawClient::over(server.connect());
    assert!(peer.message().await.is_none());
    assert_eq!(started.elapsed(), Duration::from_secs(10));
}

#[test]
fn a_server_starts_in_less_than_5_ms_and_takes_less_than_2_mib() {
    const SERVERS: usize = 50;
    let _alone = alone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let first = Server::start().await.unwrap();
        assert!(answers(&first).await);
        let (before, mut servers, mut took) = (resident(), Vec::new(), Vec::new());
        for _ in 0..SERVERS {
            let started = tokio::time::Instant::now();
            servers.push(Server::start().await.unwrap());
            took.push(started.elapsed());
        }
        took.sort();
        let each = resident().saturating_sub(before) / SERVERS;
        println!(
            "started in {:?} (median), {:?} (longest), {each} bytes each",
            took[SERVERS / 2],
            took[SERVERS - 1]
        );
        assert!(took[SERVERS / 2] < Duration::from_millis(5), "{took:?}");
        assert!(each < 2 << 20, "{each}");
        for server in &servers {
            assert!(answers(server).await);
        }
    });
}
