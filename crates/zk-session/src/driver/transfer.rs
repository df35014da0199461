//! Reading from a transport and writing to it, where there may be none.

use std::io;

use bytes::{BufMut, BytesMut};
use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::unconstrained,
};

/// The room made for reads when there is none: at first, and for a session that is told little.
const LEAST_CHUNK: usize = 4 * 1024;
/// The same for one that is told as much as can be.
const LARGEST_CHUNK: usize = 64 * 1024;

/// What was received and not understood yet.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) bytes: BytesMut,
    /// The most that came at once since room was made.
    most: usize,
    /// After how much of what has arrived others are to have their turn; `None`: after all of it.
    pub(super) portion: Option<usize>,
    /// How much was read since they had it.
    since: usize,
}

impl Incoming {
    /// Makes room for reads, twice what came at once, if there is none. Not before it is full: a buffer that was made for a
    /// large frame would be made anew for what follows the frame.
    fn make_room(&mut self) {
        if self.bytes.len() == self.bytes.capacity() {
            let chunk = (2 * self.most).clamp(LEAST_CHUNK, LARGEST_CHUNK);
            self.bytes.reserve(chunk);
            self.most = 0;
        }
    }

    /// Takes in that so much was read, where there was room for so much.
    fn came(&mut self, count: usize, room: usize) {
        self.most = self.most.max(count);
        self.since = if count < room { 0 } else { self.since.saturating_add(count) };
    }

    /// Whether a portion was read, and more may be there.
    pub(super) fn is_portion(&self) -> bool {
        self.portion.is_some_and(|portion| self.since >= portion)
    }

    /// The others had their turn.
    pub(super) fn next_portion(&mut self) {
        self.since = 0;
    }

    /// The connection is gone, and what was received on it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives up the room, which a while ago may have been for more, unless something is in it.
    pub(super) fn rest(&mut self) {
        if self.bytes.is_empty() {
            self.clear();
        }
    }
}

pub(super) async fn read(
    reader: Option<&mut Box<dyn AsyncRead + Send + Unpin>>,
    incoming: &mut Incoming,
) -> io::Result<usize> {
    match reader {
        Some(reader) => {
            incoming.make_room();
            // Never nothing: that would look like the connection's end.
            let left =
                incoming.portion.map_or(usize::MAX, |portion| portion.saturating_sub(incoming.since)).max(1);
            let room = left.min(incoming.bytes.capacity().saturating_sub(incoming.bytes.len()));
            let count = reader.read_buf(&mut (&mut incoming.bytes).limit(left)).await?;
            incoming.came(count, room);
            Ok(count)
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn write(
    writer: Option<&mut Box<dyn AsyncWrite + Send + Unpin>>,
    buf: &BytesMut,
    unflushed: &mut bool,
) -> io::Result<usize> {
    match writer {
        Some(writer) if !buf.is_empty() => {
            let count = writer.write(buf).await?;
            let flushed = unconstrained(writer.flush()).now_or_never();
            *unflushed = flushed.is_none();
            flushed.transpose()?;
            Ok(count)
        }
        Some(writer) if *unflushed => {
            writer.flush().await?;
            *unflushed = false;
            Ok(0)
        }
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;
    use tokio::io::{BufWriter, duplex};

    use super::*;

    /// Reads what is sent, a piece at a time, and takes it; the most memory that there was room in.
    async fn receive(incoming: &mut Incoming, pieces: usize, size: usize) -> usize {
        let (mut near, far) = duplex(size);
        let mut reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(far);
        let mut room = 0;
        for _ in 0..pieces {
            near.write_all(&vec![7; size]).await.unwrap();
            let mut left = size;
            while left > 0 {
                left -= read(Some(&mut reader), incoming).await.unwrap();
                room = room.max(incoming.bytes.capacity());
                drop(incoming.bytes.split());
            }
        }
        room
    }

    #[tokio::test]
    async fn room_is_made_for_what_comes() {
        let mut incoming = Incoming::default();
        assert!(receive(&mut incoming, 1_000, 20).await <= LEAST_CHUNK, "a session that is told little");
        assert!(receive(&mut incoming, 20, 256 * 1024).await >= LARGEST_CHUNK, "one that is told much");
        incoming.rest();
        assert_eq!(incoming.bytes.capacity(), 0, "it rests");
        assert!(receive(&mut incoming, 1_000, 20).await <= LEAST_CHUNK, "and is told little again");
    }

    #[tokio::test]
    async fn half_a_frame_is_kept_while_a_session_rests() {
        let mut incoming = Incoming::default();
        incoming.bytes.extend_from_slice(b"half");
        incoming.rest();
        assert_eq!(incoming.bytes, b"half"[..]);
    }

    #[tokio::test]
    async fn a_portion_is_read_of_what_is_more() {
        let (mut near, far) = duplex(100);
        let mut reader: Box<dyn AsyncRead + Send + Unpin> = Box::new(far);
        let mut incoming = Incoming { portion: Some(60), ..Incoming::default() };
        near.write_all(&[7; 100]).await.unwrap();
        assert_eq!(read(Some(&mut reader), &mut incoming).await.unwrap(), 60);
        assert!(incoming.is_portion());
        incoming.next_portion();
        assert_eq!(read(Some(&mut reader), &mut incoming).await.unwrap(), 40);
        assert!(!incoming.is_portion(), "nothing more is there");
    }

    /// TLS takes bytes, says so, and holds them back while the socket is full.
    #[tokio::test]
    async fn what_a_writer_holds_back_is_flushed_when_there_is_room() {
        let (near, mut far) = duplex(8);
        let mut writer: Box<dyn AsyncWrite + Send + Unpin> = Box::new(BufWriter::new(near));
        let mut outgoing = BytesMut::from(&b"twelve bytes"[..]);
        let mut unflushed = false;
        let count = write(Some(&mut writer), &outgoing, &mut unflushed).await.unwrap();
        outgoing.advance(count);
        assert!(outgoing.is_empty() && unflushed);

        let mut arrived = [0; 12];
        let (flushed, read) =
            tokio::join!(write(Some(&mut writer), &outgoing, &mut unflushed), far.read_exact(&mut arrived));
        assert_eq!((flushed.unwrap(), read.unwrap(), &arrived), (0, 12, b"twelve bytes"));
        assert!(!unflushed);
    }
}
