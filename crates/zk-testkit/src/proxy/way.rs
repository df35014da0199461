//! One direction of a connection through the proxy.

use std::sync::{Mutex, PoisonError};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use zk_jute::{FrameDecoder, FrameLimit, OpCode};

use super::{
    Controls, Direction,
    counts::count,
    rules::{Ordered, Request, Then},
};

/// The answer that is to be lost: the request's number, and the order.
pub(super) type Awaited = Mutex<Option<(i32, Ordered)>>;

/// How a connection ended, other than by both sides closing it.
pub(super) enum End {
    /// One side is gone.
    Broken,
    /// It is to be cut.
    Cut,
    /// It is to be cut for the side that receives in this direction.
    Halved(Direction),
}

/// What is on its way.
enum Parcel {
    Bytes(Bytes),
    /// The sender says no more.
    Close,
    /// The connection is to be cut when everything before has been passed on.
    Cut,
}

type Queue = mpsc::UnboundedSender<(Instant, Parcel)>;

pub(super) struct Way<'a> {
    pub(super) direction: Direction,
    pub(super) controls: &'a Controls,
    pub(super) awaited: &'a Awaited,
}

impl Way<'_> {
    /// Passes bytes on after the delay, beginning with `early`; later bytes do not wait for earlier ones to be delivered.
    /// Returns when the sender has closed its side and the receiver knows.
    pub(super) async fn pump(
        &self,
        from: ReadHalf<'_>,
        to: WriteHalf<'_>,
        early: BytesMut,
    ) -> Result<(), End> {
        let (sender, queue) = mpsc::unbounded_channel();
        tokio::try_join!(self.read(from, sender, early), self.write(to, queue))?;
        Ok(())
    }

    async fn read(&self, mut from: ReadHalf<'_>, queue: Queue, early: BytesMut) -> Result<(), End> {
        let mut incoming = early;
        let mut understanding = Understanding::new(self.direction, self.controls);
        loop {
            let mut parcels = Vec::new();
            if !incoming.is_empty() {
                understanding.split(self, &mut incoming, &mut parcels);
            }
            let is_cut = matches!(parcels.last(), Some(Parcel::Cut));
            self.queue(&queue, parcels);
            if is_cut {
                return Ok(());
            }
            match from.read_buf(&mut incoming).await {
                Ok(0) => {
                    self.queue(&queue, vec![Parcel::Close]);
                    return Ok(());
                }
                Ok(_) => {}
                Err(_) => return Err(End::Broken),
            }
        }
    }

    fn queue(&self, queue: &Queue, parcels: Vec<Parcel>) {
        let latency = *self.controls.latency.borrow();
        let due = Instant::now() + latency;
        for parcel in parcels {
            if let Parcel::Bytes(bytes) = &parcel
                && !latency.is_zero()
            {
                count(&self.controls.counters.delayed, bytes.len());
            }
            // Without a receiver the other half of this direction has ended the connection.
            let _ = queue.send((due, parcel));
        }
    }

    async fn write(
        &self,
        mut to: WriteHalf<'_>,
        mut queue: mpsc::UnboundedReceiver<(Instant, Parcel)>,
    ) -> Result<(), End> {
        let mut held = self.controls.held(self.direction).subscribe();
        while let Some((due, parcel)) = queue.recv().await {
            // Timers end at the next full millisecond, also those that are due.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            if *held.borrow() {
                let weight = if let Parcel::Bytes(bytes) = &parcel { bytes.len() } else { 1 };
                count(&self.controls.counters.held, weight);
            }
            if held.wait_for(|held| !held).await.is_err() {
                return Err(End::Broken);
            }
            let passed = match parcel {
                Parcel::Bytes(bytes) => self.send(&mut to, bytes).await,
                Parcel::Close => to.shutdown().await,
                Parcel::Cut => return Err(End::Cut),
            };
            passed.map_err(|_| End::Broken)?;
        }
        Ok(())
    }

    async fn send(&self, to: &mut WriteHalf<'_>, mut bytes: Bytes) -> std::io::Result<()> {
        let counters = &self.controls.counters;
        while !bytes.is_empty() {
            let pace = *self.controls.pace.borrow();
            let slice = bytes.split_to(pace.next(bytes.len()));
            to.write_all(&slice).await?;
            count(&counters.passed, slice.len());
            if let Some(pause) = pace.pause(slice.len()) {
                count(&counters.paced, 1);
                sleep(pause).await;
            }
        }
        Ok(())
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
                if request.op != OpCode::PING {
                    count(&self.controls.counters.requests, 1);
                }
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

/// How far the bytes of a direction are understood.
enum Understanding {
    /// They are frames; the first one each way is about the session.
    Frames { decoder: FrameDecoder, is_first: bool },
    /// They begin with a server's address.
    Announcement(super::Announced),
    /// Not ours to understand: a four-letter word, TLS, what servers say to each other.
    Foreign,
}

impl Understanding {
    fn new(direction: Direction, controls: &Controls) -> Self {
        match *controls.announced.borrow() {
            Some(announced) if direction == Direction::ToServer => Self::Announcement(announced),
            _ if controls.is_opaque => Self::Foreign,
            _ => Self::Frames { decoder: FrameDecoder::new(FrameLimit::MAX), is_first: true },
        }
    }

    /// Splits what can be passed on off `incoming`.
    fn split(&mut self, way: &Way<'_>, incoming: &mut BytesMut, parcels: &mut Vec<Parcel>) {
        if let Self::Frames { decoder, is_first } = self {
            loop {
                match decoder.decode(incoming) {
                    Ok(Some(frame)) => {
                        let passed = if std::mem::take(is_first) { Some(frame) } else { way.judge(frame) };
                        let Some(frame) = passed else { return parcels.push(Parcel::Cut) };
                        parcels.push(Parcel::Bytes(with_length(&frame)));
                    }
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
        if let Self::Announcement(announced) = self
            && !announced.replace(incoming)
        {
            return;
        }
        *self = Self::Foreign;
        parcels.push(Parcel::Bytes(incoming.split().freeze()));
    }
}

fn with_length(frame: &Bytes) -> Bytes {
    let mut bytes = BytesMut::with_capacity(frame.len() + 4);
    // The decoder takes no frame whose length is no i32.
    bytes.put_i32(i32::try_from(frame.len()).unwrap_or(i32::MAX));
    bytes.put_slice(frame);
    bytes.freeze()
}
