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

/// With fewer requests under way, what it costs to write twice is more than what is gained.
const LEAST_HALVED: usize = 64;

impl Driver {
    pub(super) fn received(&mut self, now: Timestamp, read: io::Result<usize>) {
        match read {
            Ok(0) => self.lost(now, Cause::ConnectionClosed),
            Ok(count) => {
                self.board.received(count);
                let (in_flight, bytes) = (self.session.in_flight(), self.incoming.bytes.len());
                self.session.handle_bytes(now, &mut self.incoming.bytes);
                let answered = in_flight.saturating_sub(self.session.in_flight());
                let taken = bytes.saturating_sub(self.incoming.bytes.len());
                self.incoming.portion = half(in_flight, answered, taken);
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

/// How many bytes answer half of the requests that were under way, by what came last: so many bytes answered so many of them.
fn half(in_flight: usize, answered: usize, bytes: usize) -> Option<usize> {
    // Never nothing: others would have their turn for ever.
    let each = bytes.checked_div(answered).filter(|each| *each > 0)?;
    (in_flight >= LEAST_HALVED).then(|| each.saturating_mul(in_flight / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_many_answers_is_a_portion() {
        assert_eq!(half(128, 128, 12_800), Some(6_400));
        assert_eq!(half(128, 64, 6_400), Some(6_400), "the same, told by half of them");
        assert_eq!(half(32, 32, 3_200), None, "few");
        assert_eq!(half(128, 0, 4_096), None, "a part of a large one");
        assert_eq!(half(128, 128, 10), None, "they ended, and were not answered");
        assert_eq!(half(usize::MAX, 1, usize::MAX), Some(usize::MAX));
    }
}
