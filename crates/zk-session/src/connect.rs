//! Opening a transport: resolve, dial, race.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use zk_proto::{ConnectRound, Host, Opened};

use crate::{clock, race::race};

/// The two halves of an open connection.
pub(crate) struct Transport {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

/// A host that could not be reached, and why.
struct Failed {
    host: Host,
    reason: String,
}

/// Dials the hosts of the round; the first transport that opens wins. On failure the text names each host with its reason.
pub(crate) async fn dial(round: ConnectRound) -> Result<(Transport, Opened), String> {
    let ConnectRound { hosts, budget, stagger, .. } = round;
    let attempts = hosts.into_iter().map(|host| attempt(host, budget, stagger)).collect();
    match race(attempts, stagger).await {
        Ok(won) => {
            let (transport, mut opened) = won.value;
            opened.failed = won.failed.into_iter().map(|failed| failed.host).collect();
            Ok((transport, opened))
        }
        Err(failed) => {
            let reasons: Vec<String> =
                failed.into_iter().map(|failed| format!("{}: {}", failed.host, failed.reason)).collect();
            Err(reasons.join("; "))
        }
    }
}

async fn attempt(host: Host, budget: Duration, stagger: Duration) -> Result<(Transport, Opened), Failed> {
    let started_at = clock::now();
    let reason = match timeout(budget, open(&host, stagger)).await {
        Ok(Ok(transport)) => return Ok((transport, Opened { host, failed: vec![], started_at })),
        Ok(Err(error)) => describe(&error),
        Err(_) => format!("no connection within {} ms", budget.as_millis()),
    };
    Err(Failed { host, reason })
}

/// Resolves the name anew (a name that does not resolve is a host that is down) and races its addresses.
async fn open(host: &Host, stagger: Duration) -> io::Result<Transport> {
    let mut addresses: Vec<SocketAddr> = lookup_host((host.name.as_str(), host.port)).await?.collect();
    fastrand::shuffle(&mut addresses);
    let attempts = addresses.into_iter().map(TcpStream::connect).collect();
    let stream = match race(attempts, stagger).await {
        Ok(won) => won.value,
        Err(errors) => {
            let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            return Err(errors.into_iter().next().unwrap_or_else(none));
        }
    };
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    Ok(Transport { reader: Box::new(reader), writer: Box::new(writer) })
}

/// An I/O error in a few words, without the operating system's number.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::TimedOut => "timed out".to_owned(),
        _ => error.to_string(),
    }
}
