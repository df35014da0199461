//! A TCP proxy that delays what it passes on, to count round trips by the clock.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// A proxy in front of one server. Ends when dropped.
#[derive(Debug)]
pub struct DelayProxy {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl DelayProxy {
    /// Starts a proxy to `server` that delays every byte by `one_way`, in both directions.
    ///
    /// # Errors
    ///
    /// The operating system gives no port.
    pub async fn start(server: SocketAddr, one_way: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let (client_reader, client_writer) = client.into_split();
                let (server_reader, server_writer) = server.into_split();
                tokio::spawn(pass(client_reader, server_writer, one_way));
                tokio::spawn(pass(server_reader, client_writer, one_way));
            }
        });
        Ok(Self { address, task })
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes bytes on after the delay; later bytes do not wait for earlier ones to be delivered.
async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
) {
    let (sender, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let write = async move {
        while let Some((due, bytes)) = queue.recv().await {
            sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    let read = async move {
        let mut buf = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buf).await {
            let due = Instant::now() + delay;
            if sender.send((due, buf[..count].to_vec())).is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}
