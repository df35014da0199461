//! A TLS connection as two halves whose errors are in words.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio_rustls::client::TlsStream;

use super::words::{Offer, tls_error};
use crate::socket::Socket;

/// What an error on the connection is to say.
struct Peer {
    host: String,
    offer: Offer,
}

impl Peer {
    fn in_words(&self, error: io::Error) -> io::Error {
        match tls_error(&error) {
            Some(tls) => {
                io::Error::new(error.kind(), format!("{}: TLS: {}", self.host, self.offer.explain(tls)))
            }
            None => error,
        }
    }
}

/// Splits an open TLS connection to `host`.
pub(super) fn split(stream: TlsStream<Socket>, host: String, offer: Offer) -> (Reader, Writer) {
    let peer = Arc::new(Peer { host, offer });
    let (reader, writer) = tokio::io::split(stream);
    (Reader { inner: reader, peer: Arc::clone(&peer) }, Writer { inner: writer, peer })
}

pub(super) struct Reader {
    inner: ReadHalf<TlsStream<Socket>>,
    peer: Arc<Peer>,
}

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.inner).poll_read(cx, buf)) {
            // The server ended without a word of farewell, as one that is killed does. ZooKeeper's frames have lengths of
            // their own: nobody can pass off a part for the whole.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read.map_err(|error| self.peer.in_words(error))),
        }
    }
}

pub(super) struct Writer {
    inner: WriteHalf<TlsStream<Socket>>,
    peer: Arc<Peer>,
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        Poll::Ready(wrote.map_err(|error| self.peer.in_words(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.inner).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.peer.in_words(error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
