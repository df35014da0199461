//! What no client can do better: a bare TCP connection to a healthy server, a `ConnectRequest` and one `getData`.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::future::select_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use zk_jute::{
    ErrorCode, FrameDecoder, FrameLimit, OpCode, Reader,
    records::{ConnectRequest, ConnectResponse, GetDataRequest, ReplyHeader, RequestHeader},
    write_frame,
};

use crate::contender::{GET_PATH, monotonic};

/// How long one attempt may take: a server that has just lost its leader may take a connection and say nothing.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// From the fault to the first good reply of any of these servers. `None` when there is none in time.
pub(super) async fn limit(servers: Vec<SocketAddr>, fault: u64, within: Duration) -> Option<Duration> {
    let attempts = servers.into_iter().map(|server| Box::pin(until_good(server)));
    timeout(within, select_all(attempts)).await.ok()?;
    Some(Duration::from_nanos(monotonic().saturating_sub(fault)))
}

async fn until_good(server: SocketAddr) {
    while !matches!(timeout(ATTEMPT, once(server)).await, Ok(Ok(()))) {
        sleep(PAUSE).await;
    }
}

async fn once(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 0,
        // The session is left to expire, soon.
        timeout: 4_000,
        session_id: 0,
        password: Bytes::from_static(&[0; 16]),
        read_only: Some(false),
    };
    let mut wire = BytesMut::new();
    write_frame(&mut wire, &request, &()).map_err(io::Error::other)?;
    stream.write_all(&wire).await?;
    let answer = frame(&mut stream).await?;
    let response = zk_jute::Decode::from_bytes(&answer);
    let response: ConnectResponse = response.map_err(io::Error::other)?;
    if response.timeout <= 0 {
        return Err(io::Error::other("there is no session to be had"));
    }
    wire.clear();
    let header = RequestHeader { xid: 1, op: OpCode::GET_DATA };
    write_frame(&mut wire, &header, &GetDataRequest { path: GET_PATH, watch: false })
        .map_err(io::Error::other)?;
    stream.write_all(&wire).await?;
    let answer = frame(&mut stream).await?;
    let header: ReplyHeader = zk_jute::Decode::decode(&mut Reader::new(&answer)).map_err(io::Error::other)?;
    if header.err == ErrorCode::OK { Ok(()) } else { Err(io::Error::other("the node cannot be read")) }
}

async fn frame(stream: &mut TcpStream) -> io::Result<Bytes> {
    let mut decoder = FrameDecoder::new(FrameLimit::MAX);
    let mut received = BytesMut::new();
    loop {
        if let Some(frame) = decoder.decode(&mut received).map_err(io::Error::other)? {
            return Ok(frame);
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
