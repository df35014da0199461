//! A request on its way to the task that owns the session, and the way back of its outcome.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;
use zk_jute::{DecodeError, Encode, ErrorCode, OpCode};
use zk_proto::{Reply, RequestError, Timestamp, WatchId, WatchOn, WhenDisconnected};

use super::{
    Client,
    answer::{Answer, Call},
};
use crate::{
    driver::Command,
    error::{Error, Rejected},
    metrics::Stopwatch,
    persistent_watcher::PersistentWatcher,
    telemetry,
    watcher::{OneshotWatcher, WatchSender},
};

/// What the task needs to arm a watch.
#[derive(Debug)]
pub(crate) struct NewWatch {
    pub(crate) on: WatchOn,
    pub(crate) id: WatchId,
    pub(crate) sender: WatchSender,
}

/// A request on its way to the task.
#[derive(Debug)]
pub(crate) struct RequestCommand {
    pub(crate) op: OpCode,
    pub(crate) body: Bytes,
    pub(crate) watch: Option<NewWatch>,
    pub(crate) deadline: Timestamp,
    pub(crate) when_disconnected: WhenDisconnected,
    pub(crate) reply: ReplyTo,
}

/// Where the outcome goes.
#[derive(Debug)]
pub(crate) struct ReplyTo {
    reply: oneshot::Sender<Outcome>,
    pub(crate) stopwatch: Stopwatch,
    _outstanding: Outstanding,
}

impl ReplyTo {
    /// Tells the outcome. Nobody may be listening any more.
    pub(crate) fn send(self, outcome: Outcome) {
        let _ = self.reply.send(outcome);
    }
}

/// One of the outstanding requests; counted down when it ends, wherever that is.
#[derive(Debug)]
struct Outstanding(Arc<AtomicUsize>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a request ended, as the task tells it.
pub(crate) type Outcome = Result<Reply, RequestError>;

impl Client {
    /// A watch to be armed by a request.
    pub(crate) fn new_watch(&self, on: WatchOn) -> (NewWatch, OneshotWatcher) {
        let id = WatchId(self.shared.next_watch.fetch_add(1, Ordering::Relaxed));
        let (sender, events) = oneshot::channel();
        let watcher =
            OneshotWatcher::new(id, events, self.shared.commands.downgrade(), self.chroot().clone());
        (NewWatch { on, id, sender: WatchSender::Once(sender) }, watcher)
    }

    /// A persistent watch to be armed by a request.
    pub(crate) fn new_persistent_watch(&self, on: WatchOn) -> (NewWatch, PersistentWatcher) {
        let id = WatchId(self.shared.next_watch.fetch_add(1, Ordering::Relaxed));
        let (sender, watcher) =
            PersistentWatcher::new(id, self.shared.commands.downgrade(), self.chroot().clone());
        (NewWatch { on, id, sender: WatchSender::Persistent(sender) }, watcher)
    }

    /// Sends a request now; the answer is a future.
    pub(crate) fn submit(&self, op: OpCode, body: &dyn Encode, watch: Option<NewWatch>) -> Answer {
        self.submit_encoded(op, encode(body), watch)
    }

    /// The same for a body that is encoded already.
    pub(crate) fn submit_encoded(&self, op: OpCode, body: Bytes, watch: Option<NewWatch>) -> Answer {
        Answer::new(self.send(op, body, watch), telemetry::request_span(&self.shared.name, op))
    }

    fn send(
        &self,
        op: OpCode,
        body: Bytes,
        watch: Option<NewWatch>,
    ) -> Result<oneshot::Receiver<Outcome>, RequestError> {
        let (reply, outcome) = self.reply_to(op)?;
        let request = Command::Request(RequestCommand {
            op,
            body,
            watch,
            deadline: self.deadline(),
            when_disconnected: self.options.when_disconnected,
            reply,
        });
        self.command(request)?;
        Ok(outcome)
    }

    /// Where the outcome of a request goes, and where it is awaited; counted as outstanding until it comes.
    pub(crate) fn reply_to(&self, op: OpCode) -> Result<(ReplyTo, oneshot::Receiver<Outcome>), RequestError> {
        let outstanding = Outstanding(Arc::clone(&self.shared.outstanding));
        if outstanding.0.fetch_add(1, Ordering::Relaxed) >= self.shared.max_outstanding {
            return Err(RequestError::Overloaded);
        }
        let (reply, outcome) = oneshot::channel();
        Ok((ReplyTo { reply, stopwatch: Stopwatch::start(op), _outstanding: outstanding }, outcome))
    }

    pub(crate) fn command(&self, command: Command) -> Result<(), RequestError> {
        self.shared.commands.send(command).map_err(|_| RequestError::Closed)
    }

    /// Sends a request now; its decoded answer is a future. A rejection names `path`.
    pub(crate) fn call<R, F>(&self, op: OpCode, path: &str, body: &dyn Encode, decode: F) -> Call<F>
    where
        F: FnOnce(&Bytes) -> Result<R, DecodeError>,
    {
        Call::new(self.submit(op, body, None), self.clone(), path.to_owned(), decode)
    }

    /// The decoded body of a reply without an error code.
    pub(crate) fn decode_ok<R>(
        &self,
        reply: Reply,
        path: String,
        decode: impl FnOnce(&Bytes) -> Result<R, DecodeError>,
    ) -> Result<R, Error> {
        if reply.err != ErrorCode::OK {
            return Err(Error::Rejected(Rejected { code: reply.err, path, op_index: None, guard: false }));
        }
        self.decode(&reply, decode)
    }

    /// Decodes a reply. One that does not decode ends its connection: what else came on it cannot be trusted.
    pub(crate) fn decode<R>(
        &self,
        reply: &Reply,
        decode: impl FnOnce(&Bytes) -> Result<R, DecodeError>,
    ) -> Result<R, Error> {
        decode(&reply.body).map_err(|error| {
            let _ = self.command(Command::Malformed { connection: reply.connection, error: error.clone() });
            zk_proto::ProtocolError::Body(error).into()
        })
    }
}

/// A request's body, in one buffer of its size.
pub(crate) fn encode(body: &dyn Encode) -> Bytes {
    let mut encoded = BytesMut::with_capacity(body.encoded_len());
    body.encode(&mut encoded);
    encoded.freeze()
}
