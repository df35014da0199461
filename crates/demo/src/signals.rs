//! Ctrl-C, SIGTERM, and a terminal that is closed.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// The wish that we end.
pub(crate) struct Stop {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on these signals do not kill the process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error: io::Error| Failure::failed(format!("cannot listen for signals: {error}")))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Resolves when one has come.
    pub(crate) async fn requested(&mut self) -> Failure {
        Failure::Stopped(tokio::select! {
            _ = self.hangup.recv() => 1,
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        })
    }
}
