//! Servers that play a script instead of the protocol, beside an honest one behind a gate.

use std::{io, net::SocketAddr, time::Duration};

use integration_tests::wait::eventually;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use zk_session::{Acl, Client, CreateMode};

use super::{client, gate::Gate, one_server};

/// What a bad server does with a connection. When the script is over, it closes the connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Waits for the connect request.
    ReadConnect,
    /// Waits for a request of the user's; pings stay unanswered.
    ReadRequest,
    Write(Vec<u8>),
    /// A reply to the request that was read: its xid moved by this much, an error code, a body.
    Reply(i32, i32, Vec<u8>),
    /// A reply to the request that was read, with the highest zxid there is.
    ReplyFromTheFuture(Vec<u8>),
    /// A byte a second.
    Drip(Vec<u8>),
    /// The same for as long as anybody reads it.
    Flood(Vec<u8>),
    /// Is slow.
    Pause(Duration),
    /// Stays silent for ever.
    Hold,
    /// Ends the connection with RST.
    Reset,
}

/// A listener that plays the same script on each connection.
pub(crate) struct Bad {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Bad {
    pub(crate) async fn start(script: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(play(stream, script.clone()));
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

async fn play(mut stream: TcpStream, script: Vec<Step>) -> io::Result<()> {
    let mut asked = 0;
    for step in script {
        match step {
            Step::ReadConnect => drop(read_frame(&mut stream).await?),
            Step::ReadRequest => {
                asked = loop {
                    let xid = read_xid(&mut stream).await?;
                    if xid > 0 {
                        break xid;
                    }
                }
            }
            Step::Write(bytes) => stream.write_all(&bytes).await?,
            Step::Reply(off, code, body) => stream.write_all(&reply(asked + off, code, &body)).await?,
            Step::ReplyFromTheFuture(body) => stream.write_all(&reply_at(i64::MAX, asked, 0, &body)).await?,
            Step::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Step::Flood(bytes) => {
                let many = bytes.repeat(1_000);
                loop {
                    stream.write_all(&many).await?;
                }
            }
            Step::Pause(pause) => tokio::time::sleep(pause).await,
            Step::Hold => std::future::pending().await,
            Step::Reset => stream.set_zero_linger()?,
        }
    }
    Ok(())
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let len = stream.read_u32().await?;
    let mut frame = vec![0; usize::try_from(len).unwrap()];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn read_xid(stream: &mut TcpStream) -> io::Result<i32> {
    let frame = read_frame(stream).await?;
    Ok(i32::from_be_bytes(frame[..4].try_into().unwrap()))
}

pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    [&i32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

pub(crate) fn reply(xid: i32, code: i32, body: &[u8]) -> Vec<u8> {
    reply_at(1, xid, code, body)
}

fn reply_at(zxid: i64, xid: i32, code: i32, body: &[u8]) -> Vec<u8> {
    frame(&[&xid.to_be_bytes()[..], &zxid.to_be_bytes(), &code.to_be_bytes(), body].concat())
}

pub(crate) fn event(kind: i32, state: i32, path: &[u8]) -> Vec<u8> {
    let len = i32::try_from(path.len()).unwrap();
    reply(-1, 0, &[&kind.to_be_bytes(), &state.to_be_bytes(), &len.to_be_bytes(), path].concat())
}

pub(crate) fn connect_response(version: i32, timeout: i32, session: i64, password: &[u8]) -> Vec<u8> {
    let len = i32::try_from(password.len()).unwrap();
    let fixed =
        [&version.to_be_bytes()[..], &timeout.to_be_bytes(), &session.to_be_bytes(), &len.to_be_bytes()];
    frame(&[fixed.concat().as_slice(), password, &[0]].concat())
}

/// A session of a second.
pub(crate) fn granted() -> Vec<u8> {
    connect_response(0, 1_000, 0x5eed, &[7; 16])
}

/// A client that knows the bad server and, behind a gate that is shut, the honest one.
pub(crate) fn client_of(bad: &Bad, gate: &Gate) -> Client {
    Client::builder(&format!("{},{}", bad.addr, gate.addr()))
        .unwrap()
        .session_timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_millis(200))
        .read_timeout(Duration::from_millis(400))
        .build()
}

/// Opens the gate, and waits until requests are answered by the honest server.
pub(crate) async fn works_with_the_honest_one(client: &Client, gate: &Gate, name: &str) {
    gate.open();
    let patient = client.with_timeout(Duration::from_secs(1));
    eventually(Duration::from_secs(5), name, async || {
        let (data, _) = patient.get_data("/honest").await.ok()?;
        let server = client.status().server?;
        patient.sync("/").await.ok()?;
        (data == "yes" && server.to_string() == gate.addr().to_string()).then_some(())
    })
    .await;
}

/// The honest server.
pub(crate) async fn honest() -> zk_testkit::Ensemble {
    let ensemble = one_server().await;
    let client = client(&ensemble).await;
    client.create("/honest", "yes", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    ensemble
}
