//! A proxy in front of a server that can lose one answer: the request gets there and is carried out, the client never hears.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// The proxy. Dropping it cuts every connection.
pub(crate) struct Cutter {
    addr: SocketAddr,
    armed: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Cutter {
    /// A proxy that loses, once it is armed, the answer to the first request that contains these bytes, and the connection
    /// with it.
    pub(crate) async fn to(server: SocketAddr, request: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let armed = Arc::new(AtomicBool::new(false));
        let switch = Arc::clone(&armed);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                tokio::spawn(pass(client, server, request, Arc::clone(&switch)));
            }
        });
        Self { addr, armed, task }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Loses the next answer that it is meant for.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether it has lost what it was armed for.
    pub(crate) fn has_cut(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(client: TcpStream, server: TcpStream, request: &'static [u8], armed: Arc<AtomicBool>) {
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    // The xid whose answer is to be lost.
    let (doomed, lose) = watch::channel(None);
    tokio::select! {
        _ = requests(client_reader, server_writer, request, &armed, doomed) => {}
        _ = answers(server_reader, client_writer, lose) => {}
    }
}

async fn frame(reader: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let len = reader.read_u32().await.ok()?;
    let mut frame = len.to_be_bytes().to_vec();
    frame.resize(4 + usize::try_from(len).unwrap(), 0);
    reader.read_exact(&mut frame[4..]).await.ok()?;
    Some(frame)
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    request: &[u8],
    armed: &AtomicBool,
    doomed: watch::Sender<Option<[u8; 4]>>,
) -> Option<()> {
    loop {
        let frame = frame(&mut from).await?;
        let meant = frame.windows(request.len()).any(|bytes| bytes == request);
        if meant && armed.swap(false, Ordering::SeqCst) {
            doomed.send_replace(frame[4..8].try_into().ok());
        }
        to.write_all(&frame).await.ok()?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    lose: watch::Receiver<Option<[u8; 4]>>,
) -> Option<()> {
    let mut first = true;
    loop {
        let frame = frame(&mut from).await?;
        // The first is the answer to the connect request, which has no xid.
        if !first && *lose.borrow() == frame[4..8].try_into().ok() {
            return None;
        }
        first = false;
        to.write_all(&frame).await.ok()?;
    }
}
