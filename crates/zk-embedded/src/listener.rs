//! The port of one server, which can be shut and opened again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::DuplexStream,
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::sleep,
};

use crate::{connection::serve, hub::Hub};

/// What a listener is given to work with.
pub(crate) struct Door {
    pub(crate) hub: Arc<Hub>,
    pub(crate) server: usize,
    pub(crate) address: SocketAddr,
    /// Orders to let clients connect or not, and where to tell that it is so.
    pub(crate) orders: mpsc::UnboundedReceiver<(bool, oneshot::Sender<io::Result<()>>)>,
    /// Clients in this process.
    pub(crate) insiders: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Door {
    /// Lets clients in for as long as it is polled; dropping the future ends all their connections.
    pub(crate) async fn keep(mut self, listener: TcpListener) {
        let mut clients = JoinSet::new();
        let mut listener = Some(listener);
        loop {
            tokio::select! {
                accepted = accept(listener.as_ref()) => match accepted {
                    Some((stream, address)) => {
                        // Replies are small and waited for.
                        let _ = stream.set_nodelay(true);
                        clients.spawn(serve(Arc::clone(&self.hub), self.server, address.to_string(), stream));
                    }
                    // Out of descriptors: clients are let in when others have gone.
                    None => sleep(Duration::from_millis(10)).await,
                },
                Some(stream) = self.insiders.recv() => {
                    if listener.is_none() {
                        // Refused: it finds its connection ended.
                        continue;
                    }
                    let address = format!("{}:0", self.address.ip());
                    clients.spawn(serve(Arc::clone(&self.hub), self.server, address, stream));
                }
                order = self.orders.recv() => {
                    let Some((open, done)) = order else { return };
                    let outcome = self.set_open(&mut listener, open).await;
                    // Nobody may be waiting any more.
                    let _ = done.send(outcome);
                }
                Some(_) = clients.join_next() => {}
            }
        }
    }
}

impl Door {
    async fn set_open(&self, listener: &mut Option<TcpListener>, open: bool) -> io::Result<()> {
        if !open {
            *listener = None;
        } else if listener.is_none() {
            *listener = Some(TcpListener::bind(self.address).await?);
        }
        Ok(())
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await.ok(),
        None => std::future::pending().await,
    }
}
