//! A client of bare frames: it sends what it is told and shows what comes, in order.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use zk_jute::{
    Decode, Encode, ErrorCode, FrameDecoder, FrameLimit, OpCode, Raw, Reader,
    records::{ConnectRequest, ConnectResponse, ReplyHeader, RequestHeader},
    write_frame,
    xid::PING_XID,
};

/// A stream to a server.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What a server has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) header: ReplyHeader,
    pub(crate) body: Bytes,
}

/// A connection.
pub(crate) struct RawClient {
    stream: Box<dyn Stream>,
    decoder: FrameDecoder,
    received: BytesMut,
    next_xid: i32,
    /// What was asked under each xid.
    asked: HashMap<i32, OpCode>,
    pub(crate) session_id: i64,
    pub(crate) password: Bytes,
    pub(crate) timeout: i32,
}

impl RawClient {
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            decoder: FrameDecoder::new(FrameLimit::MAX),
            received: BytesMut::new(),
            next_xid: 1,
            asked: HashMap::new(),
            session_id: 0,
            password: Bytes::from_static(&[0; 16]),
            timeout: 0,
        }
    }

    pub(crate) async fn tcp(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// Asks for a session, or for this one; `None` if the server hangs up.
    pub(crate) async fn connect(
        &mut self,
        timeout: i32,
        session: Option<(i64, Bytes)>,
    ) -> Option<ConnectResponse> {
        self.connect_with(timeout, session, Some(false), 0).await
    }

    pub(crate) async fn connect_with(
        &mut self,
        timeout: i32,
        session: Option<(i64, Bytes)>,
        read_only: Option<bool>,
        last_zxid_seen: i64,
    ) -> Option<ConnectResponse> {
        let (session_id, password) = session.unwrap_or((0, Bytes::from_static(&[0; 16])));
        let request =
            ConnectRequest { protocol_version: 0, last_zxid_seen, timeout, session_id, password, read_only };
        self.write(&request, &()).await;
        let response = ConnectResponse::from_bytes(&self.frame().await?).unwrap();
        (self.session_id, self.password, self.timeout) =
            (response.session_id, response.password.clone(), response.timeout);
        Some(response)
    }

    /// Whether the answer to a connect request comes that was not waited for.
    pub(crate) async fn late_connect_response(&mut self) -> bool {
        self.frame().await.is_some_and(|frame| ConnectResponse::from_bytes(&frame).is_ok())
    }

    /// Sends a request and returns its xid.
    pub(crate) async fn send(&mut self, op: OpCode, body: &impl Encode) -> i32 {
        let xid = self.next_xid;
        self.next_xid += 1;
        self.asked.insert(xid, op);
        self.write(&RequestHeader { xid, op }, body).await;
        xid
    }

    /// What a message answers.
    pub(crate) fn op_of(&self, message: &Message) -> Option<OpCode> {
        self.asked.get(&message.header.xid).copied()
    }

    pub(crate) async fn ping(&mut self) {
        self.write(&RequestHeader { xid: PING_XID, op: OpCode::PING }, &()).await;
    }

    /// Frames may find the connection closed: what has come before is still read.
    pub(crate) async fn write(&mut self, header: &impl Encode, body: &impl Encode) {
        let mut buf = BytesMut::new();
        write_frame(&mut buf, header, body).unwrap();
        let _ = self.stream.write_all(&buf).await;
    }

    pub(crate) async fn write_raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The next message; `None` when the connection has ended.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        let frame = self.frame().await?;
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut reader).unwrap();
        Some(Message { header, body: Raw::decode(&mut reader).unwrap().0 })
    }

    /// All messages up to the answer to a ping, which has been sent; the flag tells whether it came.
    pub(crate) async fn until_pong(&mut self) -> (Vec<Message>, bool) {
        let mut messages = Vec::new();
        while let Some(message) = self.message().await {
            let is_pong = message.header.xid == PING_XID;
            messages.push(message);
            if is_pong {
                return (messages, true);
            }
        }
        (messages, false)
    }

    /// Sends a request and waits for its reply; events before it are dropped.
    pub(crate) async fn call(&mut self, op: OpCode, body: &impl Encode) -> Result<Bytes, ErrorCode> {
        let xid = self.send(op, body).await;
        loop {
            let message = self.message().await.expect("the connection stands");
            if message.header.xid == xid {
                return match message.header.err {
                    ErrorCode::OK => Ok(message.body),
                    code => Err(code),
                };
            }
        }
    }

    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.received).unwrap() {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.received).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }
}
