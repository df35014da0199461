//! One connection through the proxy.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until},
};
use zk_jute::{FrameDecoder, FrameLimit};

use super::{
    Controls, Direction,
    rules::{Ordered, Request, Then},
};

/// The answer that is to be lost: the request's number, and the order.
type Awaited = Mutex<Option<(i32, Ordered)>>;

/// How a direction of a connection ended.
enum End {
    /// One side closed it.
    Closed,
    /// It is to be cut.
    Cut,
}

pub(super) async fn pass(mut client: TcpStream, controls: Arc<Controls>) {
    let mut resets = controls.resets.subscribe();
    let Ok(mut server) = TcpStream::connect(controls.server).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let awaited = Awaited::default();
    let end = {
        let (client_reader, client_writer) = client.split();
        let (server_reader, server_writer) = server.split();
        let way = |direction| Way { direction, controls: &controls, awaited: &awaited };
        let (there, back) = (way(Direction::ToServer), way(Direction::ToClient));
        tokio::select! {
            end = there.pump(client_reader, server_writer) => end,
            end = back.pump(server_reader, client_writer) => end,
            _ = resets.changed() => End::Cut,
        }
    };
    if matches!(end, End::Cut) {
        // Without lingering a close is a reset.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// One direction of a connection.
struct Way<'a> {
    direction: Direction,
    controls: &'a Controls,
    awaited: &'a Awaited,
}

impl Way<'_> {
    /// Passes bytes on after the delay; later bytes do not wait for earlier ones to be delivered.
    async fn pump(&self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> End {
        let (sender, queue) = mpsc::unbounded_channel();
        let (end, ()) = tokio::join!(self.read(from, sender), self.write(to, queue));
        end
    }

    async fn read(&self, mut from: ReadHalf<'_>, sender: mpsc::UnboundedSender<(Instant, Bytes)>) -> End {
        let mut frames = FrameDecoder::new(FrameLimit::MAX);
        let mut incoming = BytesMut::new();
        let (mut is_foreign, mut is_first) = (false, true);
        while let Ok(1..) = from.read_buf(&mut incoming).await {
            let due = Instant::now() + *self.controls.latency.borrow();
            while !is_foreign {
                match frames.decode(&mut incoming) {
                    Ok(Some(frame)) => {
                        // The first one each way is about the session.
                        let passed = if is_first { Some(frame) } else { self.judge(frame) };
                        is_first = false;
                        let Some(frame) = passed else { return End::Cut };
                        if sender.send((due, with_length(&frame))).is_err() {
                            return End::Closed;
                        }
                    }
                    Ok(None) => break,
                    // A four-letter word, TLS: not ours to understand.
                    Err(_) => is_foreign = true,
                }
            }
            if is_foreign && sender.send((due, incoming.split().freeze())).is_err() {
                return End::Closed;
            }
        }
        End::Closed
    }

    async fn write(&self, mut to: WriteHalf<'_>, mut queue: mpsc::UnboundedReceiver<(Instant, Bytes)>) {
        let mut held = match self.direction {
            Direction::ToServer => self.controls.to_server_held.subscribe(),
            Direction::ToClient => self.controls.to_client_held.subscribe(),
        };
        while let Some((due, bytes)) = queue.recv().await {
            sleep_until(due).await;
            if held.wait_for(|held| !held).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    /// The frame to pass on, or `None` to cut the connection.
    fn judge(&self, frame: Bytes) -> Option<Bytes> {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        match self.direction {
            Direction::ToClient => {
                let lost = awaited.take_if(|(xid, _)| frame.first_chunk() == Some(&xid.to_be_bytes()));
                match lost {
                    Some((_, ordered)) => {
                        ordered.carried_out();
                        None
                    }
                    None => Some(frame),
                }
            }
            Direction::ToServer => {
                let Some(request) = Request::from_frame(&frame) else { return Some(frame) };
                let Some(ordered) = self.controls.rules.meet(&request) else { return Some(frame) };
                match ordered.then {
                    Then::LoseRequest => {
                        ordered.carried_out();
                        None
                    }
                    Then::LoseReply => {
                        *awaited = Some((request.xid, ordered));
                        Some(frame)
                    }
                    Then::Hold => {
                        self.controls.to_server_held.send_replace(true);
                        ordered.carried_out();
                        Some(frame)
                    }
                    Then::ReplaceOp(op) => {
                        ordered.carried_out();
                        let mut replaced = BytesMut::with_capacity(frame.len());
                        replaced.put_i32(request.xid);
                        replaced.put_i32(op.get());
                        replaced.put(request.body);
                        Some(replaced.freeze())
                    }
                }
            }
        }
    }
}

fn with_length(frame: &Bytes) -> Bytes {
    let mut bytes = BytesMut::with_capacity(frame.len() + 4);
    // The decoder takes no frame whose length is no i32.
    bytes.put_i32(i32::try_from(frame.len()).unwrap_or(i32::MAX));
    bytes.put_slice(frame);
    bytes.freeze()
}
