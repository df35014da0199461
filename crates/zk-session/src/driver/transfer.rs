//! Reading from a transport and writing to it, where there may be none.

use std::io;

use bytes::BytesMut;
use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    task::unconstrained,
};

/// The room made for reads when there is none.
const READ_CHUNK: usize = 64 * 1024;

pub(super) async fn read(
    reader: Option<&mut Box<dyn AsyncRead + Send + Unpin>>,
    buf: &mut BytesMut,
) -> io::Result<usize> {
    match reader {
        Some(reader) => {
            // Not before it is full: a buffer that was made for a large frame would be made anew for what follows the frame.
            if buf.len() == buf.capacity() {
                buf.reserve(READ_CHUNK);
            }
            reader.read_buf(buf).await
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
