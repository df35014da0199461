//! The fault proxy before a server that sends back what it gets.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use zk_jute::OpCode;
use zk_testkit::{Direction, FaultProxy};

const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(100);

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = client.split();
                let _ = tokio::io::copy(&mut reader, &mut writer).await;
            });
        }
    });
    address
}

/// Sends bytes (a four-letter word, a frame) and waits for them to come back.
async fn echoed(client: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    client.write_all(bytes).await?;
    let mut back = vec![0; bytes.len()];
    client.read_exact(&mut back).await?;
    assert_eq!(back, bytes);
    Ok(())
}

async fn proxied() -> (FaultProxy, TcpStream) {
    let proxy = FaultProxy::start(echo().await).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, client)
}

#[tokio::test]
async fn frames_and_everything_else_pass_as_they_are() {
    let (proxy, mut client) = proxied().await;
    for _ in 0..3 {
        echoed(&mut client, b"\0\0\0\x0b\0\0\0\x07\0\0\0\x04abc").await.unwrap();
    }
    echoed(&mut client, b"\0\0\0\0").await.unwrap();
    for foreign in [&b"srvr"[..], b"\x16\x03\x01\x02\x00hello", b"\xff\xff\xff\xff"] {
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        echoed(&mut client, foreign).await.unwrap();
    }
}

#[tokio::test]
async fn latency_is_added_each_way() {
    let (proxy, mut client) = proxied().await;
    proxy.set_latency(SHORT);
    let start = Instant::now();
    echoed(&mut client, b"srvr").await.unwrap();
    assert!(start.elapsed() >= 2 * SHORT, "{:?}", start.elapsed());
}

/// With a timer each way, nothing came back within a millisecond.
#[tokio::test]
async fn without_latency_nothing_waits_for_a_timer() {
    let (_proxy, mut client) = proxied().await;
    let mut least = LONG;
    for _ in 0..1_000 {
        let start = Instant::now();
        echoed(&mut client, b"srvr").await.unwrap();
        least = least.min(start.elapsed());
    }
    assert!(least < Duration::from_millis(1), "{least:?}");
}

#[tokio::test]
async fn a_black_hole_holds_one_direction_and_lets_go() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let (proxy, mut client) = proxied().await;
        proxy.black_hole(direction, true);
        client.write_all(b"srvr").await.unwrap();
        let mut back = [0; 4];
        assert!(timeout(SHORT, client.read_exact(&mut back)).await.is_err(), "{direction:?}");
        proxy.black_hole(direction, false);
        timeout(LONG, client.read_exact(&mut back)).await.unwrap().unwrap();
        assert_eq!(&back, b"srvr");
    }
}

#[tokio::test]
async fn connections_are_reset_and_new_ones_refused_and_taken_again() {
    let (proxy, mut client) = proxied().await;
    echoed(&mut client, b"srvr").await.unwrap();
    proxy.refuse(true).await.unwrap();
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    echoed(&mut client, b"srvr").await.expect("open connections stay");
    proxy.reset();
    let reset = timeout(LONG, client.read(&mut [0; 4])).await.unwrap().unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    proxy.refuse(false).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    echoed(&mut client, b"srvr").await.unwrap();
}

/// A frame with this number and op code.
fn request(xid: u8, op: OpCode) -> Vec<u8> {
    [&[0, 0, 0, 8, 0, 0, 0, xid][..], &op.get().to_be_bytes()].concat()
}

#[tokio::test]
async fn what_is_lost_does_not_arrive_and_the_connection_is_cut() {
    for reply in [true, false] {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start(server.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut server, _) = server.accept().await.unwrap();
        let is_delete = |request: &zk_testkit::Request| request.op == OpCode::DELETE;
        let lost = if reply { proxy.lose_reply(is_delete) } else { proxy.lose_request(is_delete) };
        let mut got = [0; 12];
        // The first frame is the connect request, whatever is in it; the second is another request.
        for sent in [request(1, OpCode::DELETE), request(2, OpCode::SYNC)] {
            client.write_all(&sent).await.unwrap();
            server.read_exact(&mut got).await.unwrap();
            server.write_all(&got).await.unwrap();
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(got[..], sent);
        }
        assert_eq!(lost.count(), 0);
        client.write_all(&request(3, OpCode::DELETE)).await.unwrap();
        if reply {
            server.read_exact(&mut got).await.expect("the server gets the request");
            server.write_all(&got).await.unwrap();
        }
        let cut = timeout(LONG, client.read(&mut got)).await.unwrap();
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let cut = timeout(LONG, server.read(&mut got)).await.unwrap();
        assert_eq!(cut.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(lost.count(), 1);
    }
}

#[tokio::test]
async fn bytes_come_in_slices() {
    let (proxy, mut client) = proxied().await;
    proxy.set_slices(Some(3));
    client.write_all(b"\0\0\0\x14twenty bytes of data").await.unwrap();
    let mut back = Vec::new();
    let mut reads = 0;
    while back.len() < 24 {
        let read = timeout(LONG, client.read_buf(&mut back)).await.unwrap().unwrap();
        assert!(read > 0);
        reads += 1;
    }
    assert_eq!(back, b"\0\0\0\x14twenty bytes of data");
    // Eight slices; on a busy machine some of them are read together.
    assert!(reads > 1, "it came at once");
    assert_eq!(proxy.counts().paced, 16, "eight slices each way");
    proxy.set_slices(None);
    echoed(&mut client, b"\0\0\0\x14twenty bytes of data").await.unwrap();
    assert_eq!(proxy.counts().paced, 16);
}

#[tokio::test]
async fn a_narrow_line_takes_its_time() {
    let (proxy, mut client) = proxied().await;
    let mut frame = vec![b'x'; 5_000];
    frame[..4].copy_from_slice(&4_996_u32.to_be_bytes());
    proxy.set_bandwidth(Some(25_000));
    let start = Instant::now();
    echoed(&mut client, &frame).await.unwrap();
    // A fifth of a second each way, less the pauses behind the last share.
    assert!(start.elapsed() > Duration::from_millis(300), "{:?}", start.elapsed());
    assert!(proxy.counts().paced >= 20);
}

#[tokio::test]
async fn a_half_open_connection_is_over_for_one_side_and_open_for_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for direction in [Direction::ToServer, Direction::ToClient] {
        let proxy = FaultProxy::start(listener.local_addr().unwrap()).await.unwrap();
        let client = TcpStream::connect(proxy.address()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        proxy.half_open(direction);
        let (mut receiver, mut sender) = match direction {
            Direction::ToServer => (server, client),
            Direction::ToClient => (client, server),
        };
        let reset = timeout(LONG, receiver.read(&mut [0; 4])).await.unwrap().unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        for _ in 0..3 {
            sender.write_all(b"lost").await.unwrap();
            assert!(timeout(SHORT, sender.read(&mut [0; 4])).await.is_err(), "{direction:?}: it is told");
        }
        assert_eq!((proxy.counts().cut, proxy.counts().open), (1, 1));
        proxy.reset();
        let reset = timeout(LONG, sender.read(&mut [0; 4])).await.unwrap().unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn one_side_may_close_and_still_listen() {
    let (_proxy, mut client) = proxied().await;
    client.write_all(b"srvr").await.unwrap();
    client.shutdown().await.unwrap();
    let mut back = Vec::new();
    timeout(LONG, client.read_to_end(&mut back)).await.unwrap().unwrap();
    assert_eq!(back, b"srvr");
}

#[tokio::test]
async fn a_black_hole_holds_ends_and_beginnings_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap()).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    proxy.black_hole(Direction::ToServer, true);
    drop(client);
    assert!(timeout(SHORT, server.read(&mut [0; 4])).await.is_err(), "the server is told");
    let given_up = TcpStream::connect(proxy.address()).await.unwrap();
    let mut waiting = TcpStream::connect(proxy.address()).await.unwrap();
    waiting.write_all(b"srvr").await.unwrap();
    assert!(timeout(SHORT, listener.accept()).await.is_err(), "the server is reached");
    drop(given_up);
    // One connection whose end is held, and one that waits.
    let start = Instant::now();
    while proxy.counts().open != 2 {
        assert!(start.elapsed() < LONG, "{:?}", proxy.counts());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(proxy.counts().held, 3);
    proxy.black_hole(Direction::ToServer, false);
    assert_eq!(timeout(LONG, server.read(&mut [0; 4])).await.unwrap().unwrap(), 0);
    let (mut server, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    let mut first = [0; 4];
    timeout(LONG, server.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"srvr");
    assert!(timeout(SHORT, listener.accept()).await.is_err(), "who gave up never reaches the server");
}

#[tokio::test]
async fn what_looks_like_a_frame_and_is_none_is_not_waited_for() {
    let proxy = FaultProxy::start_opaque(echo().await).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    timeout(LONG, echoed(&mut client, b"\0\0\0\x0bshort")).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_are_counted_without_handshakes_and_pings() {
    let (proxy, mut client) = proxied().await;
    echoed(&mut client, b"\0\0\0\x04shak").await.unwrap();
    echoed(&mut client, b"\0\0\0\x08\xff\xff\xff\xfe\0\0\0\x0b").await.unwrap();
    assert_eq!(proxy.counts().requests, 0);
    for xid in 1..=3 {
        echoed(&mut client, &[0, 0, 0, 8, 0, 0, 0, xid, 0, 0, 0, 4]).await.unwrap();
    }
    assert_eq!(proxy.counts().requests, 3);
}
