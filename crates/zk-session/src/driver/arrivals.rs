//! What arrives on the transport, and when it is looked at.

use std::io;

use futures_util::FutureExt;
use tokio::task::{unconstrained, yield_now};
use zk_proto::{Cause, Timestamp};

use super::{
    COMMAND_BATCH, Command, Driver, Wake,
    transfer::{read, write},
};
use crate::connect::describe;

impl Driver {
    pub(super) fn received(&mut self, now: Timestamp, read: io::Result<usize>) {
        match read {
            Ok(0) => self.lost(now, Cause::ConnectionClosed),
            Ok(count) => {
                self.board.received(count);
                self.session.handle_bytes(now, &mut self.incoming.bytes);
                self.incoming.portion = self.session.read_portion();
                // More is there, so that nothing trickles.
                let pause = self.session.read_pause().filter(|_| !self.incoming.is_portion());
                self.look_at = pause.map(|pause| now.after(pause));
                if let Some(transport) = &self.transport {
                    match self.look_at {
                        Some(_) => transport.polling.start(),
                        None => transport.polling.stop(),
                    }
                }
            }
            Err(error) => self.lost(now, Cause::Io(describe(&error).into())),
        }
    }

    /// Between two halves of what has arrived: whoever was answered goes on, and what is asked next is sent before more is read.
    /// So the server works while the rest is taken in, and has answered when that is done; neither waits for the other.
    pub(super) async fn let_others_ask(
        &mut self,
        batch: &mut Vec<Command>,
        timer_at: &mut Option<Timestamp>,
    ) {
        self.incoming.next_portion();
        yield_now().await;
        let asked = unconstrained(self.commands.recv_many(batch, COMMAND_BATCH)).now_or_never();
        let Some(count @ 1..) = asked else { return };
        self.handle(Wake::Commands(count), batch, timer_at);
        if !self.settle() {
            return;
        }
        let writer = self.transport.as_mut().map(|transport| &mut transport.writer);
        let wrote = unconstrained(write(writer, &self.outgoing, &mut self.unflushed)).now_or_never();
        if let Some(wrote) = wrote {
            self.handle(Wake::Wrote(wrote), batch, timer_at);
        }
    }

    /// Reads what is there without waiting. Tells whether there was anything.
    pub(super) fn read_arrived(&mut self, now: Timestamp) -> bool {
        if let Some(transport) = &self.transport {
            transport.polling.look();
        }
        let reader = self.transport.as_mut().map(|transport| &mut transport.reader);
        match unconstrained(read(reader, &mut self.incoming)).now_or_never() {
            Some(read) => {
                self.received(now, read);
                true
            }
            None => {
                self.nothing_arrived(now);
                false
            }
        }
    }

    /// The pause was too short for anything to arrive: whatever comes is to be told at once again.
    fn nothing_arrived(&mut self, now: Timestamp) {
        if self.look_at.take_if(|at| *at <= now).is_some()
            && let Some(transport) = &self.transport
        {
            transport.polling.stop();
        }
    }
}
