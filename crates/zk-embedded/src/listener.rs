//! The port of one server, which can be shut and opened again.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::DuplexStream,
    net::{TcpListener, TcpSocket, TcpStream},
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
        let mut port = Port::Open(listener);
        loop {
            tokio::select! {
                accepted = port.accept() => match accepted {
                    Some((stream, address)) => {
                        // Replies are small and waited for.
                        let _ = stream.set_nodelay(true);
                        clients.spawn(serve(Arc::clone(&self.hub), self.server, address.to_string(), stream));
                    }
                    // Out of descriptors: clients are let in when others have gone.
                    None => sleep(Duration::from_millis(10)).await,
                },
                Some(stream) = self.insiders.recv() => {
                    if !matches!(port, Port::Open(_)) {
                        // Refused: it finds its connection ended.
                        continue;
                    }
                    let address = format!("{}:0", self.address.ip());
                    clients.spawn(serve(Arc::clone(&self.hub), self.server, address, stream));
                }
                order = self.orders.recv() => {
                    let Some((open, done)) = order else { return };
                    let outcome = self.set_open(&mut port, open);
                    // Nobody may be waiting any more.
                    let _ = done.send(outcome);
                }
                Some(_) = clients.join_next() => {}
            }
        }
    }
}

impl Door {
    fn set_open(&self, port: &mut Port, open: bool) -> io::Result<()> {
        *port = match (std::mem::replace(port, Port::Free), open) {
            (Port::Open(listener), false) => {
                drop(listener);
                Port::Kept(bind(self.address)?)
            }
            (Port::Kept(socket), true) => Port::Open(socket.listen(BACKLOG)?),
            (Port::Free, true) => Port::Open(bind(self.address)?.listen(BACKLOG)?),
            (as_it_was, _) => as_it_was,
        };
        Ok(())
    }
}

/// How many connections wait to be accepted.
const BACKLOG: u32 = 128;

/// What has become of the port.
enum Port {
    Open(TcpListener),
    /// Clients are refused, and yet nobody else can be given the port: neither another server nor an outgoing connection.
    Kept(TcpSocket),
    /// Somebody else took it in the moment between the two.
    Free,
}

impl Port {
    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await.ok(),
            Self::Kept(_) | Self::Free => std::future::pending().await,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Connections of before may linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
