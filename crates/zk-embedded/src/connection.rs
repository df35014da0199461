//! One connection: bytes in, frames to the engine, bytes out.

use std::{sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep_until},
};
use zk_jute::{FrameDecoder, FrameLimit};

use crate::{engine::Engine, four_letter, hub::Hub, outbox::Outbox, watches::ConnectionId};

/// The longest request: `jute.maxbuffer`.
const LONGEST: usize = 0xf_ffff;
/// How long a connection may be without a session.
const GREETING: Duration = Duration::from_secs(10);

/// A connection that is counted as long as it lives.
struct Guest<'a> {
    hub: &'a Hub,
    server: usize,
    id: ConnectionId,
    outbox: Arc<Outbox>,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.hub.disconnect(self.id);
    }
}

/// Serves one client until either side ends it.
pub(crate) async fn serve(
    hub: Arc<Hub>,
    server: usize,
    address: String,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let (id, outbox) = hub.accept(server, &address);
    let guest = Guest { hub: &hub, server, id, outbox };
    // What went wrong with the connection concerns nobody: it is gone.
    let _ = guest.serve(stream).await;
}

impl Guest<'_> {
    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let limit = FrameLimit::new(LONGEST).unwrap_or_default();
        let mut decoder = FrameDecoder::new(limit);
        let (mut received, mut writing) = (BytesMut::new(), BytesMut::new());
        let mut greeted = Some(Instant::now() + GREETING);
        let mut started = false;
        loop {
            let orders = self.outbox.orders(writing.len());
            writing.unsplit(orders.write);
            if orders.closing && (writing.is_empty() || orders.stalled) {
                return writer.shutdown().await;
            }
            let may_read = orders.may_read && !self.hub.with(|engine, _| engine.is_overfull(self.id));
            if may_read && (started || received.len() >= 4) {
                if !started && let Some(word) = four_letter::recognise(&received) {
                    return self.answer(word, writer).await;
                }
                started = true;
                match decoder.decode(&mut received) {
                    Ok(Some(frame)) => {
                        self.hub.with(|engine, now| engine.receive(now, self.id, frame));
                        continue;
                    }
                    Ok(None) => {}
                    // No client of ours.
                    Err(_) => return Ok(()),
                }
            }
            tokio::select! {
                biased;
                written = writer.write_buf(&mut writing), if !writing.is_empty() && !orders.stalled => {
                    written?;
                }
                () = self.outbox.changed() => {}
                () = until(orders.more_at) => {}
                read = reader.read_buf(&mut received), if may_read => {
                    if read? == 0 {
                        return Ok(());
                    }
                }
                () = until(greeted) => {
                    if !orders.stalled && self.hub.with(|engine, _| engine.is_new(self.id)) {
                        return Ok(());
                    }
                    greeted = None;
                }
            }
        }
    }

    async fn answer(&self, word: &str, mut writer: impl AsyncWrite + Unpin) -> std::io::Result<()> {
        let report = self.hub.with(|engine: &mut Engine, _| engine.report(self.server));
        if let Some(report) = report {
            writer.write_all(four_letter::answer(word, &report).as_bytes()).await?;
        }
        writer.shutdown().await
    }
}

/// Waits for a time, or for ever.
async fn until(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}
