//! Guesses at what speaks when it is not ZooKeeper.

use std::fmt;

/// What the first bytes of a stream look like when they are no frame of ZooKeeper's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Foreign {
    /// A TLS alert: this side speaks plain text to a TLS port.
    TlsAlert,
    /// A TLS handshake: the other side starts TLS on a plain port.
    TlsHandshake,
    /// The answer of an HTTP server: its admin port, or a proxy.
    HttpResponse,
    /// The request of an HTTP client.
    HttpRequest,
}

impl Foreign {
    /// Judges the first four bytes of a stream.
    pub(crate) fn recognise(first: [u8; 4]) -> Option<Self> {
        match &first {
            [0x15, 0x03, ..] => Some(Self::TlsAlert),
            [0x16, 0x03, ..] => Some(Self::TlsHandshake),
            b"HTTP" => Some(Self::HttpResponse),
            b"GET " => Some(Self::HttpRequest),
            _ => None,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlert => "a TLS alert: the port expects TLS and was spoken to in plain text",
            Self::TlsHandshake => "a TLS handshake: the peer speaks TLS on a connection meant to be plain",
            Self::HttpResponse => {
                "an HTTP response: this is the port of a web server, not of ZooKeeper's clients"
            }
            Self::HttpRequest => "an HTTP request: the peer is a web client",
        })
    }
}
