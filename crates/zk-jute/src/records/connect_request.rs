//! Jute record `ConnectRequest`.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::{Decode, DecodeError, Encode, Reader};

/// The first frame of a client: starts a session or resumes one. Jute record `ConnectRequest`.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The version of the protocol: 0.
    pub protocol_version: i32,
    /// The last zxid the client has seen; a server that is behind it closes the connection.
    pub last_zxid_seen: i64,
    /// The session timeout asked for, in milliseconds.
    pub timeout: i32,
    /// The session to resume, or 0 for a new one.
    pub session_id: i64,
    /// The session's password: 16 bytes, zeros for a new one; null is read as empty. Kept out of `Debug`.
    pub password: Bytes,
    /// Whether a read-only server will do; clients before 3.4 leave it out.
    pub read_only: Option<bool>,
}

impl Encode for ConnectRequest {
    fn encoded_len(&self) -> usize {
        // int, long, int, long, buffer, and the flag if it is there.
        24usize
            .saturating_add(self.password.encoded_len())
            .saturating_add(usize::from(self.read_only.is_some()))
    }

    fn encode(&self, buf: &mut BytesMut) {
        self.protocol_version.encode(buf);
        self.last_zxid_seen.encode(buf);
        self.timeout.encode(buf);
        self.session_id.encode(buf);
        self.password.encode(buf);
        if let Some(read_only) = self.read_only {
            read_only.encode(buf);
        }
    }
}

impl<'a> Decode<'a> for ConnectRequest {
    const MIN_LEN: usize = 28;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            protocol_version: reader.read_i32().map_err(|e| e.at("ConnectRequest.protocol_version"))?,
            last_zxid_seen: reader.read_i64().map_err(|e| e.at("ConnectRequest.last_zxid_seen"))?,
            timeout: reader.read_i32().map_err(|e| e.at("ConnectRequest.timeout"))?,
            session_id: reader.read_i64().map_err(|e| e.at("ConnectRequest.session_id"))?,
            password: reader.read_buffer().map_err(|e| e.at("ConnectRequest.password"))?.unwrap_or_default(),
            read_only: match reader.is_empty() {
                true => None,
                false => Some(reader.read_bool().map_err(|e| e.at("ConnectRequest.read_only"))?),
            },
        })
    }
}

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectRequest")
            .field("protocol_version", &self.protocol_version)
            .field("last_zxid_seen", &self.last_zxid_seen)
            .field("timeout", &self.timeout)
            .field("session_id", &self.session_id)
            .field("password", &format_args!("_"))
            .field("read_only", &self.read_only)
            .finish()
    }
}
