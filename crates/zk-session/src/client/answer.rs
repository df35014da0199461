//! The futures of requests.
//!
//! Every request is awaited through these, so they are written by hand: each layer of async blocks moves what it awaits and is
//! polled on its own. With three layers, a pipelined `getData` took an eighth more processor time.

use std::{
    future::{Future, Ready, ready},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::Either;
use tokio::sync::oneshot;
use tracing::Span;
use zk_jute::DecodeError;
use zk_proto::RequestError;

use super::{Client, Outcome};
use crate::{
    error::{Error, Invalid},
    telemetry,
};

/// How a request ends, awaited inside its span.
#[derive(Debug)]
pub(crate) struct Answer {
    sent: Result<oneshot::Receiver<Outcome>, RequestError>,
    span: Span,
}

impl Answer {
    pub(super) fn new(sent: Result<oneshot::Receiver<Outcome>, RequestError>, span: Span) -> Self {
        Self { sent, span }
    }
}

impl Future for Answer {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Self { sent, span } = &mut *self;
        let _inside = span.enter();
        let outcome = match sent {
            // The task drops a request without an answer only when it ends.
            Ok(outcome) => ready!(Pin::new(outcome).poll(context)).unwrap_or(Err(RequestError::Closed)),
            Err(refused) => Err(refused.clone()),
        };
        telemetry::answered(&outcome);
        Poll::Ready(outcome)
    }
}

/// The decoded answer to a request.
#[derive(Debug)]
pub(crate) struct Call<F> {
    answer: Answer,
    client: Client,
    /// Named by a rejection.
    path: String,
    /// Gone when it has decoded.
    decode: Option<F>,
}

impl<F> Call<F> {
    pub(super) fn new(answer: Answer, client: Client, path: String, decode: F) -> Self {
        Self { answer, client, path, decode: Some(decode) }
    }
}

// Nothing in it is pinned but the answer, which may move.
impl<F> Unpin for Call<F> {}

impl<R, F> Future for Call<F>
where
    F: FnOnce(&Bytes) -> Result<R, DecodeError>,
{
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<R, Error>> {
        let reply = ready!(Pin::new(&mut self.answer).poll(context))?;
        let Some(decode) = self.decode.take() else { return Poll::Pending };
        let path = std::mem::take(&mut self.path);
        Poll::Ready(self.client.decode_ok(reply, path, decode))
    }
}

/// A call whose arguments have been checked: it fails at once if they make no sense.
pub(crate) fn checked<R, C>(call: Result<C, Invalid>) -> Either<C, Ready<Result<R, Error>>>
where
    C: Future<Output = Result<R, Error>>,
{
    call.map_or_else(|invalid| Either::Right(ready(Err(invalid.into()))), Either::Left)
}
