//! A port that is unreachable without a word.

use std::net::SocketAddr;

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Duration, timeout},
};

/// A port whose queue of connections is full: the kernel drops each further SYN, as a firewall would.
#[derive(Debug)]
pub struct DeafPort {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl DeafPort {
    /// Opens the port and fills its queue.
    ///
    /// # Errors
    ///
    /// The operating system gives no port.
    pub async fn open() -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut queue = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queue.push(connected?);
        }
        Ok(Self { listener, _queue: queue })
    }

    /// Where nobody answers.
    ///
    /// # Panics
    ///
    /// Never: the port is open.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("the port is open")
    }
}
