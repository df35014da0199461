//! Jute record `ConnectResponse`.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::{Decode, DecodeError, Encode, Reader};

/// The first frame of a server: the session that now is. Jute record `ConnectResponse`.
///
/// The record has grown over the years: the flag at its end may be missing, and
/// [`from_bytes`](Decode::from_bytes) ignores bytes after it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectResponse {
    /// The version of the protocol: 0.
    pub protocol_version: i32,
    /// The session timeout granted, in milliseconds; 0 or less if the session to resume is gone.
    pub timeout: i32,
    /// The session's id, 0 if the session to resume is gone.
    pub session_id: i64,
    /// The session's password, 16 bytes from an honest server; null is read as empty. Kept out of `Debug`.
    pub password: Bytes,
    /// Whether the server is read-only; servers before 3.4 leave it out.
    pub read_only: Option<bool>,
}

impl Encode for ConnectResponse {
    fn encoded_len(&self) -> usize {
        // int, int, long, buffer, and the flag if it is there.
        16usize
            .saturating_add(self.password.encoded_len())
            .saturating_add(usize::from(self.read_only.is_some()))
    }

    fn encode(&self, buf: &mut BytesMut) {
        self.protocol_version.encode(buf);
        self.timeout.encode(buf);
        self.session_id.encode(buf);
        self.password.encode(buf);
        if let Some(read_only) = self.read_only {
            read_only.encode(buf);
        }
    }
}

impl<'a> Decode<'a> for ConnectResponse {
    const MIN_LEN: usize = 20;

    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            protocol_version: reader.read_i32().map_err(|e| e.at("ConnectResponse.protocol_version"))?,
            timeout: reader.read_i32().map_err(|e| e.at("ConnectResponse.timeout"))?,
            session_id: reader.read_i64().map_err(|e| e.at("ConnectResponse.session_id"))?,
            password: reader.read_buffer().map_err(|e| e.at("ConnectResponse.password"))?.unwrap_or_default(),
            read_only: match reader.is_empty() {
                true => None,
                false => Some(reader.read_bool().map_err(|e| e.at("ConnectResponse.read_only"))?),
            },
        })
    }

    /// Reads the response and ignores what follows it.
    fn from_bytes(bytes: &'a Bytes) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes))
    }
}

impl fmt::Debug for ConnectResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectResponse")
            .field("protocol_version", &self.protocol_version)
            .field("timeout", &self.timeout)
            .field("session_id", &self.session_id)
            .field("password", &format_args!("_"))
            .field("read_only", &self.read_only)
            .finish()
    }
}
