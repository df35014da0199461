//! Opening a transport: resolve, dial, secure, race.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use zk_proto::{ConnectRound, Host, Opened};

use crate::{
    clock,
    race::race,
    socket::{Polling, Socket},
    telemetry,
};

/// The two halves of an open connection.
pub(crate) struct Transport {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub(crate) polling: Polling,
    /// What it was secured with.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::InUse>,
}

/// How connections are secured.
#[derive(Debug, Clone)]
pub(crate) enum Security {
    /// Not at all.
    Plain,
    #[cfg(feature = "tls")]
    Tls(std::sync::Arc<crate::tls::Connector>),
}

/// The same, ready for one round of connects.
#[derive(Clone)]
enum Securing {
    Plain,
    #[cfg(feature = "tls")]
    Tls(crate::tls::Prepared),
}

impl Security {
    /// Reads what is needed, within `limit`.
    async fn prepare(&self, limit: Duration) -> Result<Securing, String> {
        match self {
            Self::Plain => {
                let _ = limit;
                Ok(Securing::Plain)
            }
            #[cfg(feature = "tls")]
            Self::Tls(connector) => match timeout(limit, connector.prepare()).await {
                Ok(Ok(prepared)) => Ok(Securing::Tls(prepared)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!(
                    "TLS: certificates and keys could not be read within {} ms",
                    limit.as_millis()
                )),
            },
        }
    }
}

impl Securing {
    async fn secure(&self, host: &Host, socket: Socket) -> io::Result<Transport> {
        match self {
            Self::Plain => {
                let _ = host;
                let polling = socket.polling();
                let (reader, writer) = split(socket);
                Ok(Transport {
                    reader: Box::new(reader),
                    writer: Box::new(writer),
                    polling,
                    #[cfg(feature = "tls")]
                    tls: None,
                })
            }
            #[cfg(feature = "tls")]
            Self::Tls(prepared) => prepared.handshake(host, socket).await,
        }
    }
}

/// A host that could not be reached, and why.
struct Failed {
    host: Host,
    reason: String,
}

/// Dials the hosts of the round; the first transport that opens wins. On failure the text names each host with its reason.
pub(crate) async fn dial(round: ConnectRound, security: Security) -> Result<(Transport, Opened), String> {
    let ConnectRound { hosts, budget, stagger, .. } = round;
    let securing = security.prepare(budget).await?;
    let attempts = hosts.into_iter().map(|host| attempt(host, &securing, budget, stagger)).collect();
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

/// Asks a server on a connection of its own whether it is alive. Any answer will do, also that the word is not in the
/// whitelist: a process that answers lives. The session gives up a probe that it does not wait for any more; the limit is
/// only for one that it forgets.
pub(crate) async fn probe(host: Host, security: Security) -> bool {
    const LIMIT: Duration = Duration::from_secs(60);
    let answer = async {
        let securing = security.prepare(LIMIT).await.ok()?;
        let mut transport = ask(&host, &securing, LIMIT, b"srvr").await.ok()?;
        transport.reader.read_u8().await.ok()
    };
    timeout(LIMIT, answer).await.is_ok_and(|answer| answer.is_some())
}

/// The first server of the round that says of itself that it has a quorum. One that does not know the word is none.
pub(crate) async fn find_read_write(round: ConnectRound, security: Security) -> Option<Host> {
    let ConnectRound { hosts, budget, stagger, .. } = round;
    let securing = security.prepare(budget).await.ok()?;
    let attempts = hosts.into_iter().map(async |host| {
        let answer = async {
            let mut transport = ask(&host, &securing, stagger, b"isro").await?;
            let mut mode = [0; 2];
            transport.reader.read_exact(&mut mode).await?;
            io::Result::Ok(mode)
        };
        match timeout(budget, answer).await {
            Ok(Ok(mode)) if mode == *b"rw" => Ok(host),
            _ => Err(()),
        }
    });
    race(attempts.collect(), stagger).await.ok().map(|won| won.value)
}

/// Sends a four-letter word on a connection of its own.
async fn ask(host: &Host, securing: &Securing, stagger: Duration, word: &[u8; 4]) -> io::Result<Transport> {
    let mut transport = open(host, securing, stagger, &AtomicBool::new(false)).await?;
    transport.writer.write_all(word).await?;
    transport.writer.flush().await?;
    Ok(transport)
}

async fn attempt(
    host: Host,
    securing: &Securing,
    budget: Duration,
    stagger: Duration,
) -> Result<(Transport, Opened), Failed> {
    let started_at = clock::now();
    let connected = AtomicBool::new(false);
    let reason = match timeout(budget, open(&host, securing, stagger, &connected)).await {
        Ok(Ok(transport)) => return Ok((transport, Opened { host, failed: vec![], started_at })),
        Ok(Err(error)) => describe(&error),
        Err(_) if connected.into_inner() => format!("TLS: no handshake within {} ms", budget.as_millis()),
        Err(_) => format!("no connection within {} ms", budget.as_millis()),
    };
    telemetry::host_failed(&host, &reason);
    Err(Failed { host, reason })
}

/// Resolves the name anew (a name that does not resolve is a host that is down) and races its addresses. Notes in
/// `connected` that one of them took the connection.
async fn open(
    host: &Host,
    securing: &Securing,
    stagger: Duration,
    connected: &AtomicBool,
) -> io::Result<Transport> {
    let mut addresses: Vec<SocketAddr> = lookup_host((host.name.as_str(), host.port)).await?.collect();
    fastrand::shuffle(&mut addresses);
    let attempts = addresses
        .into_iter()
        .map(async |address| {
            let stream = TcpStream::connect(address).await?;
            connected.store(true, Ordering::Relaxed);
            tune(&stream)?;
            securing.secure(host, Socket::new(stream)).await
        })
        .collect();
    match race(attempts, stagger).await {
        Ok(won) => Ok(won.value),
        Err(errors) => {
            let none = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            Err(errors.into_iter().next().unwrap_or_else(none))
        }
    }
}

/// How long the kernel may try to get bytes through before it gives the connection up. The session does so much earlier; this
/// is for connections that nobody reads any more.
const GIVE_UP: Duration = Duration::from_secs(60);

fn tune(stream: &TcpStream) -> io::Result<()> {
    // Requests are small and waited for.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(GIVE_UP))?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(GIVE_UP))?;
    Ok(())
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
