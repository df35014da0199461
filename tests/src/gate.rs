//! A door in front of a server: open, it passes everything; shut, it cuts every connection and lets nobody in.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The door. Dropping it shuts it for good.
#[derive(Debug)]
pub struct Gate {
    addr: SocketAddr,
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Gate {
    /// A door to this server.
    ///
    /// # Panics
    ///
    /// The operating system gives no port.
    pub async fn to(server: SocketAddr, open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let (sender, receiver) = watch::channel(open);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *receiver.borrow() {
                    tokio::spawn(pass(client, server, receiver.clone()));
                }
            }
        });
        Self { addr, open: sender, task }
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Lets clients in.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Cuts every connection and lets nobody in.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shut();
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, mut open: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
