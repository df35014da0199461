//! What is done beside the live link while its server is suspected: a spare transport, and a probe of the server.

use std::{
    future::{Future, pending},
    pin::Pin,
};

use zk_proto::{ConnectRound, Host, Opened};

use crate::connect::{Security, Transport, dial, probe};

type Dialling = Pin<Box<dyn Future<Output = Result<(Transport, Opened), String>> + Send>>;
type Probing = Pin<Box<dyn Future<Output = bool> + Send>>;

/// At most one spare and one probe; see `zk_proto`'s suspicion.
#[derive(Default)]
pub(crate) struct Spare {
    dialling: Option<Dialling>,
    ready: Option<Transport>,
    probing: Option<(u64, Probing)>,
}

/// What came of it.
pub(crate) enum SpareEvent {
    /// A spare is open, and kept.
    Opened(Opened),
    /// No spare could be opened.
    Failed,
    /// The server of this connection has answered the probe.
    ProbeAnswered(u64),
    /// It has not: there is nothing to tell, silence is what the session waits for.
    ProbeFailed,
}

impl Spare {
    pub(crate) fn dial(&mut self, round: ConnectRound, security: Security) {
        self.dialling = Some(Box::pin(dial(round, security)));
    }

    /// A probe of the same connection that is still unanswered goes on: where connecting takes long, a new one each time
    /// would never be answered.
    pub(crate) fn probe(&mut self, host: Host, connection: u64, security: Security) {
        if self.probing.as_ref().is_some_and(|(running, _)| *running == connection) {
            return;
        }
        self.probing = Some((connection, Box::pin(probe(host, security))));
    }

    /// Gives up the spare, open or being dialled, and the probe.
    pub(crate) fn drop_all(&mut self) {
        *self = Self::default();
    }

    /// The spare becomes the link.
    pub(crate) fn take(&mut self) -> Option<Transport> {
        let ready = self.ready.take();
        self.drop_all();
        ready
    }

    /// Waits for something to come of it; for ever while nothing is under way.
    pub(crate) async fn next(&mut self) -> SpareEvent {
        let Self { dialling, ready, probing } = self;
        let dialled = async {
            match dialling {
                Some(dialling) => dialling.await,
                None => pending().await,
            }
        };
        let probed = async {
            match probing {
                Some((connection, probing)) => (*connection, probing.await),
                None => pending().await,
            }
        };
        tokio::select! {
            dialled = dialled => {
                *dialling = None;
                match dialled {
                    Ok((transport, opened)) => {
                        *ready = Some(transport);
                        SpareEvent::Opened(opened)
                    }
                    Err(_) => SpareEvent::Failed,
                }
            }
            (connection, answered) = probed => {
                *probing = None;
                if answered { SpareEvent::ProbeAnswered(connection) } else { SpareEvent::ProbeFailed }
            }
        }
    }
}
