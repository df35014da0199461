//! One connection of the stub.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use zk_jute::{
    Decode, DecodeError, OpCode, Reader,
    records::{ConnectRequest, CreateRequest, GetDataRequest, SetDataRequest},
};

use super::replies::Replies;

/// What is read at once: more than any of the workloads has under way.
const CHUNK: usize = 256 * 1024;

static SESSIONS: AtomicI64 = AtomicI64::new(1);

/// Answers until the client closes. What it sends is not judged: this server is for clients that are known to be well.
pub(super) fn serve(mut stream: TcpStream, replies: &Replies) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection { replies, connected: false, watched: HashSet::new() };
    let mut received = vec![0; CHUNK];
    let mut length = 0;
    let mut out = Vec::with_capacity(CHUNK);
    loop {
        let count = stream.read(&mut received[length..])?;
        if count == 0 {
            return Ok(());
        }
        length += count;
        let mut taken = 0;
        while let Some((head, rest)) = received[taken..length].split_first_chunk::<4>() {
            let frame = usize::try_from(i32::from_be_bytes(*head)).map_err(io::Error::other)?;
            if rest.len() < frame {
                break;
            }
            connection.answer(&rest[..frame], &mut out).map_err(io::Error::other)?;
            taken += head.len() + frame;
        }
        received.copy_within(taken..length, 0);
        length -= taken;
        if length == received.len() {
            received.resize(2 * length, 0);
        }
        stream.write_all(&out)?;
        out.clear();
    }
}

struct Connection<'a> {
    replies: &'a Replies,
    connected: bool,
    /// Paths with a watch.
    watched: HashSet<String>,
}

impl Connection<'_> {
    fn answer(&mut self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        if !self.connected {
            self.connected = true;
            let frame = Bytes::copy_from_slice(frame);
            let request = ConnectRequest::decode(&mut Reader::new(&frame))?;
            let session_id = match request.session_id {
                0 => SESSIONS.fetch_add(1, Ordering::Relaxed),
                resumed => resumed,
            };
            Replies::connected(request.timeout, session_id, out);
            return Ok(());
        }
        let truncated = DecodeError::Truncated { what: "request header", needed: 8, left: frame.len() };
        let Some((xid, rest)) = frame.split_first_chunk::<4>() else { return Err(truncated) };
        let Some((op, body)) = rest.split_first_chunk::<4>() else { return Err(truncated) };
        let op = OpCode::new(i32::from_be_bytes(*op));
        match op {
            // Only requests that are about a watch are looked into: the last byte of a getData asks for one.
            OpCode::GET_DATA if body.last() == Some(&1) => {
                let body = Bytes::copy_from_slice(body);
                self.watched.insert(GetDataRequest::from_bytes(&body)?.path.to_owned());
            }
            OpCode::SET_DATA if !self.watched.is_empty() => {
                let body = Bytes::copy_from_slice(body);
                let path = SetDataRequest::from_bytes(&body)?.path;
                if self.watched.remove(path) {
                    Replies::changed(path, out);
                }
            }
            OpCode::CREATE | OpCode::CREATE2 => {
                let body = Bytes::copy_from_slice(body);
                Replies::created(op, *xid, CreateRequest::from_bytes(&body)?.path, out);
                return Ok(());
            }
            _ => {}
        }
        let unknown = DecodeError::Truncated { what: "an operation that the stub knows", needed: 0, left: 0 };
        self.replies.answer(op, *xid, out).ok_or(unknown)
    }
}
