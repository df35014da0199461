//! What arrives on the transport, and when it is looked at.

use std::io;

use futures_util::FutureExt;
use tokio::task::unconstrained;
use zk_proto::{Cause, Timestamp};

use super::{Driver, transfer::read};
use crate::connect::describe;

impl Driver {
    pub(super) fn received(&mut self, now: Timestamp, read: io::Result<usize>) {
        match read {
            Ok(0) => self.lost(now, Cause::ConnectionClosed),
            Ok(count) => {
                self.board.received(count);
                self.session.handle_bytes(now, &mut self.incoming.bytes);
                self.look_at = self.session.read_pause().map(|pause| now.after(pause));
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
