//! The connect request and what its answer means.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use zeroize::Zeroize;
use zk_jute::{
    Decode,
    records::{ConnectRequest, ConnectResponse},
};

use crate::{
    error::{Cause, ProtocolError},
    outbound::put_frame,
};

/// The length of a session password.
const PASSWORD_LEN: usize = 16;

/// The secret that lets a client resume its session. Shown nowhere, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(pub(crate) [u8; PASSWORD_LEN]);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A session as it was granted.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) session_id: i64,
    pub(crate) password: Password,
    pub(crate) negotiated_timeout: Duration,
    /// The server that granted it has no quorum.
    pub(crate) read_only: bool,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Granted(Granted),
    /// The session that was asked for is over.
    Expired,
}

/// Writes the connect request: to resume `session`, or for a new one.
pub(crate) fn write_connect_request(
    out: &mut BytesMut,
    session: Option<&Granted>,
    last_zxid: i64,
    timeout_ms: i32,
    read_only: bool,
) {
    let (session_id, password) = match session {
        Some(granted) => (granted.session_id, Bytes::copy_from_slice(&granted.password.0)),
        None => (0, Bytes::from_static(&[0; PASSWORD_LEN])),
    };
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: last_zxid,
        timeout: timeout_ms,
        session_id,
        password,
        // Always sent: a server takes a client without the byte for an old one (ZOOKEEPER-1489).
        read_only: Some(read_only),
    };
    put_frame(out, &request, &());
}

/// Interprets the answer to a connect request for `asked` (0 for a new session).
pub(crate) fn interpret(frame: &Bytes, asked: i64, allow_read_only: bool) -> Result<Answer, Cause> {
    let response = ConnectResponse::from_bytes(frame)
        .map_err(|source| ProtocolError::Decode { what: "connect response", source })?;
    if response.protocol_version != 0 {
        return Err(ProtocolError::ConnectResponse("unknown protocol version").into());
    }
    let read_only = response.read_only == Some(true);
    if read_only && asked != 0 && (response.timeout <= 0 || response.session_id != asked) {
        // It does not know the session, which may be younger than what it knows: only a quorum can say that it is over.
        return Err(Cause::ReadOnlyServer);
    }
    let timeout = match u64::try_from(response.timeout) {
        Ok(timeout) if timeout > 0 => Duration::from_millis(timeout),
        _ if asked != 0 => return Ok(Answer::Expired),
        _ => return Err(ProtocolError::ConnectResponse("no timeout granted to a new session").into()),
    };
    if response.session_id == 0 {
        return Err(ProtocolError::ConnectResponse("session id 0").into());
    }
    let password = <[u8; PASSWORD_LEN]>::try_from(response.password.as_ref())
        .map_err(|_| ProtocolError::ConnectResponse("the session password is not 16 bytes long"))?;
    if read_only && !allow_read_only {
        return Err(Cause::ReadOnlyServer);
    }
    Ok(Answer::Granted(Granted {
        session_id: response.session_id,
        password: Password(password),
        negotiated_timeout: timeout,
        read_only,
    }))
}
