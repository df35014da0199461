//! A server that plays a script instead of the protocol.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::bytes::{connect_response, reply_at, reply_head};

/// The longest request that is read: nothing here asks for more.
const LONGEST_REQUEST: usize = 64 * 1024;

/// The xid of pings.
const PING: i32 = -2;

/// What a bad server does with a connection. When the script is over, it closes the connection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Waits for the connect request.
    ReadConnect,
    /// Waits for bytes of any kind: a TLS client's hello.
    ReadAny,
    /// Waits for a request of the user's; pings are answered meanwhile: some clients trust no session before that.
    ReadRequest,
    /// Sends these bytes.
    Write(Vec<u8>),
    /// Grants a session of a second that no other connection was granted.
    GrantAnother,
    /// A reply to the request that was read: its xid moved by this much, an error code, a body.
    Reply(i32, i32, Vec<u8>),
    /// A reply to the request that was read, with the highest zxid there is.
    ReplyFromTheFuture(Vec<u8>),
    /// An honest reply to the request that was read, in slices of one byte.
    ReplyInSlices(Vec<u8>),
    /// These bytes in slices of one byte.
    Slices(Vec<u8>),
    /// A byte a second.
    Drip(Vec<u8>),
    /// The same so many times.
    Repeat(usize, Vec<u8>),
    /// The same for as long as anybody reads it.
    Flood(Vec<u8>),
    /// Answers pings, and nothing else, for ever.
    AnswerPings,
    /// Is slow.
    Pause(Duration),
    /// Stays silent for ever.
    Hold,
    /// Says that nothing more will come, and goes on listening.
    HalfClose,
    /// Ends the connection with RST.
    Reset,
}

/// A listener that plays the same script on each connection. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Bad {
    /// Where it listens.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Bad {
    /// Opens a port.
    ///
    /// # Panics
    ///
    /// The operating system gives no port.
    pub async fn start(script: impl Into<Arc<[Step]>>) -> Self {
        let script = script.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                number += 1;
                connections.spawn(play(stream, number, Arc::clone(&script)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, task }
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(mut stream: TcpStream, number: i64, script: Arc<[Step]>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut asked = 0;
    for step in &*script {
        match step {
            Step::ReadConnect => drop(read_frame(&mut stream).await?),
            Step::ReadAny => drop(stream.read(&mut [0; 4096]).await?),
            Step::ReadRequest => {
                asked = loop {
                    let xid = read_xid(&mut stream).await?;
                    if xid > 0 {
                        break xid;
                    }
                    if xid == PING {
                        stream.write_all(&reply_at(1, PING, 0, &[])).await?;
                    }
                }
            }
            Step::Write(bytes) => stream.write_all(bytes).await?,
            Step::GrantAnother => {
                stream.write_all(&connect_response(0, 1_000, 0x5eed + number, &[7; 16])).await?;
            }
            Step::Reply(off, code, body) => {
                // In two parts, because a body may be large, and what it costs to copy it here would count as the client's.
                stream.write_all(&reply_head(1, asked + off, *code, body.len())).await?;
                stream.write_all(body).await?;
            }
            Step::ReplyFromTheFuture(body) => stream.write_all(&reply_at(i64::MAX, asked, 0, body)).await?,
            Step::ReplyInSlices(body) => {
                one_by_one(&mut stream, &reply_at(1, asked, 0, body), Duration::from_millis(1)).await?;
            }
            Step::Slices(bytes) => one_by_one(&mut stream, bytes, Duration::from_millis(1)).await?,
            Step::Drip(bytes) => one_by_one(&mut stream, bytes, Duration::from_secs(1)).await?,
            Step::Repeat(times, bytes) => {
                let many = bytes.repeat(1_000);
                for _ in 0..times / 1_000 {
                    stream.write_all(&many).await?;
                }
                stream.write_all(&bytes.repeat(times % 1_000)).await?;
            }
            Step::Flood(bytes) => {
                let many = bytes.repeat(1_000);
                loop {
                    stream.write_all(&many).await?;
                }
            }
            Step::AnswerPings => loop {
                if read_xid(&mut stream).await? == PING {
                    stream.write_all(&reply_at(1, PING, 0, &[])).await?;
                }
            },
            Step::Pause(pause) => tokio::time::sleep(*pause).await,
            Step::Hold => std::future::pending().await,
            Step::HalfClose => stream.shutdown().await?,
            Step::Reset => stream.set_zero_linger()?,
        }
    }
    Ok(())
}

async fn one_by_one(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if len > LONGEST_REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = vec![0; len];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn read_xid(stream: &mut TcpStream) -> io::Result<i32> {
    let frame = read_frame(stream).await?;
    let xid = frame.first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    Ok(i32::from_be_bytes(*xid))
}
