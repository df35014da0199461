//! Letting clients in, or refusing them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::net::{TcpListener, TcpSocket};

use super::{Controls, link};

/// How long the port is tried to be had again.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn keep(listener: TcpListener, address: SocketAddr, controls: Arc<Controls>) {
    let mut refuse = controls.refuse.subscribe();
    let mut listener = listener;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => Some(accepted),
            _ = refuse.wait_for(|refuse| *refuse) => None,
        };
        match accepted {
            Some(Ok((client, _))) => drop(tokio::spawn(link::pass(client, Arc::clone(&controls)))),
            Some(Err(_)) => {}
            None => {
                drop(listener);
                // A socket that is bound and does not listen keeps the port, and the kernel refuses for it.
                let Some(socket) = bind(address).await else { return };
                controls.refused.send_replace(true);
                if refuse.wait_for(|refuse| !refuse).await.is_err() {
                    return;
                }
                let Ok(again) = socket.listen(128) else { return };
                listener = again;
                controls.refused.send_replace(false);
            }
        }
    }
}

async fn bind(address: SocketAddr) -> Option<TcpSocket> {
    let bound = async {
        loop {
            let socket = TcpSocket::new_v4().ok()?;
            socket.set_reuseaddr(true).ok()?;
            if socket.bind(address).is_ok() {
                return Some(socket);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, bound).await.ok().flatten()
}
