//! What is done beside the live link: while its server is suspected, a spare transport and a probe of the server; while it
//! can only read, the search for one that can write.

use std::{
    future::{Future, pending},
    pin::Pin,
};

use tracing::{Instrument, Span};
use zk_proto::{ConnectRound, Host, Opened};

use crate::connect::{Security, Transport, dial, find_read_write, probe};

type Dialling = Pin<Box<dyn Future<Output = Result<(Transport, Opened), String>> + Send>>;
type Probing = Pin<Box<dyn Future<Output = bool> + Send>>;
type Searching = Pin<Box<dyn Future<Output = Option<Host>> + Send>>;

/// At most one of each; see `zk_proto`'s suspicion and read-only servers.
#[derive(Default)]
pub(crate) struct Spare {
    dialling: Option<Dialling>,
    ready: Option<(Transport, Host)>,
    probing: Option<(u64, Probing)>,
    searching: Option<(u64, Searching)>,
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
    /// This server has a quorum; that of this connection has none.
    ReadWriteFound(Host, u64),
    /// No server has one: the search is repeated.
    NoneReadWrite,
}

impl Spare {
    pub(crate) fn dial(&mut self, round: ConnectRound, security: Security, span: Span) {
        self.dialling = Some(Box::pin(dial(round, security).instrument(span)));
    }

    /// A probe of the same connection that is still unanswered goes on: where connecting takes long, a new one each time
    /// would never be answered.
    pub(crate) fn probe(&mut self, host: Host, connection: u64, security: Security) {
        if self.probing.as_ref().is_some_and(|(running, _)| *running == connection) {
            return;
        }
        self.probing = Some((connection, Box::pin(probe(host, security))));
    }

    pub(crate) fn find_read_write(&mut self, round: ConnectRound, connection: u64, security: Security) {
        self.searching = Some((connection, Box::pin(find_read_write(round, security))));
    }

    /// Gives up all of it.
    pub(crate) fn drop_all(&mut self) {
        *self = Self::default();
    }

    /// The spare becomes the link: the transport, and where it leads.
    pub(crate) fn take(&mut self) -> Option<(Transport, Host)> {
        let ready = self.ready.take();
        self.drop_all();
        ready
    }

    /// Waits for something to come of it; for ever while nothing is under way.
    pub(crate) async fn next(&mut self) -> SpareEvent {
        let Self { dialling, ready, probing, searching } = self;
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
        let searched = async {
            match searching {
                Some((connection, searching)) => (*connection, searching.await),
                None => pending().await,
            }
        };
        tokio::select! {
            dialled = dialled => {
                *dialling = None;
                match dialled {
                    Ok((transport, opened)) => {
                        *ready = Some((transport, opened.host.clone()));
                        SpareEvent::Opened(opened)
                    }
                    Err(_) => SpareEvent::Failed,
                }
            }
            (connection, answered) = probed => {
                *probing = None;
                if answered { SpareEvent::ProbeAnswered(connection) } else { SpareEvent::ProbeFailed }
            }
            (connection, found) = searched => {
                *searching = None;
                found.map_or(SpareEvent::NoneReadWrite, |host| SpareEvent::ReadWriteFound(host, connection))
            }
        }
    }
}
