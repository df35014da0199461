//! A port that counts who comes.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// It is passed on to the server.
    Pass,
    /// It is closed at once.
    Drop,
    /// It is kept, and nothing is ever said.
    Silence,
}

/// A port in front of a server. A change of its manners ends the connections that it has. Dropping it ends everything.
pub(crate) struct CountedPort {
    address: SocketAddr,
    manners: watch::Sender<Manners>,
    connects: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl CountedPort {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let manners = watch::Sender::new(Manners::Pass);
        let connects = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(serve(listener, server, manners.subscribe(), Arc::clone(&connects)));
        Self { address, manners, connects, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn behave(&self, manners: Manners) {
        self.manners.send_replace(manners);
    }

    /// How many connections were accepted since this was asked last.
    pub(crate) fn take_connects(&self) -> usize {
        self.connects.swap(0, Ordering::SeqCst)
    }
}

impl Drop for CountedPort {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    server: SocketAddr,
    mut manners: watch::Receiver<Manners>,
    connects: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connects.fetch_add(1, Ordering::SeqCst);
                let manners = *manners.borrow();
                if manners != Manners::Drop {
                    connections.spawn(keep(stream, server, manners));
                }
            }
            Ok(()) = manners.changed() => connections.abort_all(),
            Some(_) = connections.join_next() => {}
            else => return,
        }
    }
}

async fn keep(mut stream: TcpStream, server: SocketAddr, manners: Manners) {
    match TcpStream::connect(server).await {
        Ok(mut server) if manners == Manners::Pass => {
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut server).await;
        }
        _ => std::future::pending().await,
    }
}
