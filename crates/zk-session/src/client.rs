//! The handle on a session.

mod answer;
mod call;
mod reconfigure;
#[cfg(feature = "tls")]
mod tls;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize},
    },
    time::Duration,
};

use tokio::sync::{mpsc, oneshot, watch};
use zk_proto::{Config, RequestError, SessionCredentials, State, Timestamp, WhenDisconnected};

pub(crate) use self::answer::checked;
pub(crate) use self::call::{NewWatch, Outcome, ReplyTo, RequestCommand, encode};
use crate::{
    board::Board,
    builder::ClientBuilder,
    clock,
    connect::Security,
    driver::{Command, Driver},
    error::Error,
    events::Subscriptions,
    path::Chroot,
    sasl::Mechanism,
    status::{SessionEvents, Status},
};

/// A ZooKeeper client: a cheap handle on a session that a task of its own keeps alive.
///
/// Clones share the session. It ends with [`close`](Self::close), or when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    options: Options,
}

/// How this handle makes its calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) timeout: Duration,
    /// When every call must have ended, however long one may take.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) when_disconnected: WhenDisconnected,
}

#[derive(Debug)]
struct Shared {
    /// In metrics and logs.
    name: Arc<str>,
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
    events: Subscriptions,
    chroot: Chroot,
    next_watch: AtomicU64,
    /// Requests handed to the task and not yet ended: the channel itself has no bound.
    outstanding: Arc<AtomicUsize>,
    max_outstanding: usize,
    /// A server did not know `create2`: none is asked again, since each time costs the connection.
    without_create2: AtomicBool,
}

impl Client {
    /// Settings for a client of these servers: `host[:port],…[/chroot]`.
    ///
    /// # Errors
    ///
    /// The part of the connect string that cannot be understood.
    pub fn builder(connect_string: &str) -> Result<ClientBuilder, zk_proto::ConnectStringError> {
        ClientBuilder::new(connect_string)
    }

    pub(crate) fn spawn(
        name: Arc<str>,
        config: Config,
        chroot: Chroot,
        options: Options,
        security: Security,
        sasl: Option<Arc<dyn Mechanism>>,
    ) -> Self {
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let board = Board::new(&name, config.session_timeout, clock::now());
        let (status, events) = (board.status(), board.subscriptions());
        let max_outstanding = config.max_requests;
        tokio::spawn(Driver::new(config, security, sasl, command_receiver, board).run());
        let shared = Shared {
            name,
            commands,
            status,
            events,
            chroot,
            next_watch: AtomicU64::new(0),
            outstanding: Arc::new(AtomicUsize::new(0)),
            max_outstanding,
            without_create2: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared), options }
    }

    /// The same session, with calls that may take this long.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), options: Options { timeout, ..self.options } }
    }

    /// The same session, with calls that end by `deadline` (on the clock of [`now`](crate::now)): for an operation that is made of
    /// several. Each may still take no longer than its own timeout.
    #[must_use]
    pub fn with_deadline(&self, deadline: Timestamp) -> Self {
        let deadline = self.options.deadline.map_or(deadline, |earlier| earlier.min(deadline));
        let options = Options { deadline: Some(deadline), ..self.options };
        Self { shared: Arc::clone(&self.shared), options }
    }

    /// The same session, with calls that wait for a connection or fail at once without one.
    #[must_use]
    pub fn with_when_disconnected(&self, when_disconnected: WhenDisconnected) -> Self {
        Self { shared: Arc::clone(&self.shared), options: Options { when_disconnected, ..self.options } }
    }

    /// Whether both are handles on one client.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A picture of the session as it is now.
    pub fn status(&self) -> Status {
        self.shared.status.borrow().clone()
    }

    /// Pictures of the session as it changes. Only the newest is kept.
    pub fn watch_status(&self) -> watch::Receiver<Status> {
        self.shared.status.clone()
    }

    /// Every event of the session from now on, in order; see [`watch_status`](Self::watch_status) for the newest state alone.
    pub fn session_events(&self) -> SessionEvents {
        SessionEvents(self.shared.events.subscribe())
    }

    /// Waits until the session is connected, at most as long as a call may take.
    ///
    /// # Errors
    ///
    /// [`Error::NotSent`] with what went wrong last when the time is up; [`Error::Closed`] when the client was closed.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only waits.
    pub async fn connected(&self) -> Result<(), Error> {
        let mut status = self.watch_status();
        let reached = status.wait_for(|status| matches!(status.state, State::Connected | State::Closed));
        match tokio::time::timeout(self.deadline().since(clock::now()), reached).await {
            Ok(Ok(status)) if status.state == State::Connected => Ok(()),
            Ok(_) => Err(Error::Closed),
            Err(_) => {
                let cause = self.status().cause.unwrap_or(zk_proto::Cause::NotConnected);
                Err(RequestError::NotSent(cause).into())
            }
        }
    }

    /// Ends this client and leaves its session alive at the servers, with its ephemeral nodes, until it is resumed
    /// ([`ClientBuilder::resume`](crate::ClientBuilder::resume)) or times out. Requests that are unanswered end as unknown.
    /// `None` if there is no session.
    ///
    /// # Cancel safety
    ///
    /// Giving up the wait does not stop the detaching, but loses what it takes to resume.
    pub async fn detach(&self) -> Option<SessionCredentials> {
        let (done, detached) = oneshot::channel();
        self.shared.commands.send(Command::Detach(done)).ok()?;
        detached.await.ok()?
    }

    /// Ends the session: requests made before are still sent, then the server is told, so that ephemeral nodes go at once.
    /// A connection that was lost a moment ago, or is lost before the answer, is replaced for that. Takes 2 s at most, and does
    /// nothing the second time.
    ///
    /// # Cancel safety
    ///
    /// Giving up the wait does not stop the closing.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.shared.commands.send(Command::Close(done)).is_ok() {
            // An error means that the task ended meanwhile, which is what we wait for.
            let _ = closed.await;
        }
    }

    /// When a call that begins now must have ended.
    pub(crate) fn deadline(&self) -> Timestamp {
        let within = clock::now().after(self.options.timeout);
        self.options.deadline.map_or(within, |deadline| deadline.min(within))
    }

    pub(crate) fn without_create2(&self) -> &AtomicBool {
        &self.shared.without_create2
    }

    pub(crate) fn chroot(&self) -> &Chroot {
        &self.shared.chroot
    }
}
