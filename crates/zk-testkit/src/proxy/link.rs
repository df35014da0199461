//! One connection through the proxy.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::{io::AsyncReadExt, net::TcpStream};

use super::{
    Controls, Direction,
    counts::{Open, count},
    way::{Awaited, End, Way},
};

/// What a client may say to a server that cannot be reached yet.
const EARLY: usize = 64 * 1024;

pub(super) async fn pass(mut client: TcpStream, controls: Arc<Controls>) {
    let counters = &controls.counters;
    let _open = Open::new(counters);
    let mut resets = controls.resets.subscribe();
    let mut halvings = controls.halvings.subscribe();
    let mut early = BytesMut::new();
    let reached = tokio::select! {
        server = reach(&mut client, &mut early, &controls) => server,
        _ = resets.changed() => {
            count(&counters.cut, 1);
            let _ = client.set_zero_linger();
            return;
        }
    };
    let Some(mut server) = reached else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let awaited = Awaited::default();
    let end = {
        let (client_reader, client_writer) = client.split();
        let (server_reader, server_writer) = server.split();
        let way = |direction| Way { direction, controls: &controls, awaited: &awaited };
        let (there, back) = (way(Direction::ToServer), way(Direction::ToClient));
        let both = async {
            tokio::try_join!(
                there.pump(client_reader, server_writer, early),
                back.pump(server_reader, client_writer, BytesMut::new()),
            )
        };
        tokio::select! {
            ends = both => ends.err(),
            _ = resets.changed() => Some(End::Cut),
            _ = halvings.changed() => Some(End::Halved(halvings.borrow().1)),
        }
    };
    if !matches!(end, None | Some(End::Broken)) {
        count(&counters.cut, 1);
    }
    match end {
        None | Some(End::Broken) => {}
        Some(End::Cut) => {
            // Without lingering a close is a reset.
            let _ = (client.set_zero_linger(), server.set_zero_linger());
        }
        Some(End::Halved(Direction::ToServer)) => {
            let _ = server.set_zero_linger();
            drop(server);
            swallow(client, resets).await;
        }
        Some(End::Halved(Direction::ToClient)) => {
            let _ = client.set_zero_linger();
            drop(client);
            swallow(server, resets).await;
        }
    }
}

/// Connects to the server as soon as something can get there. `None` when that is refused, or the client gives up.
async fn reach(client: &mut TcpStream, early: &mut BytesMut, controls: &Controls) -> Option<TcpStream> {
    let mut held = controls.to_server_held.subscribe();
    if *held.borrow() {
        count(&controls.counters.held, 1);
    }
    loop {
        tokio::select! {
            biased;
            free = held.wait_for(|held| !held) => {
                free.ok()?;
                break;
            }
            read = client.read_buf(early), if early.len() < EARLY => {
                read.ok().filter(|read| *read > 0)?;
            }
        }
    }
    TcpStream::connect(controls.server).await.ok()
}

/// Takes what a side says that does not know that nobody listens, until it closes or is reset after all.
async fn swallow(mut side: TcpStream, mut resets: tokio::sync::watch::Receiver<u64>) {
    let mut lost = vec![0; 4096];
    loop {
        tokio::select! {
            read = side.read(&mut lost) => if !matches!(read, Ok(1..)) { return },
            _ = resets.changed() => {
                let _ = side.set_zero_linger();
                return;
            }
        }
    }
}
