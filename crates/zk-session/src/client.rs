//! The handle on a session.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::Instrument;
use zk_jute::{DecodeError, Encode, ErrorCode, OpCode};
use zk_proto::{
    Config, ConnectString, Credential, Reply, RequestError, Secret, SessionCredentials, State, Timestamp,
    WatchId, WatchOn, WhenDisconnected,
};

use crate::{
    board::Board,
    builder::ClientBuilder,
    clock,
    connect::Security,
    driver::{Command, Driver},
    error::{Error, Invalid, Rejected},
    metrics::Stopwatch,
    path::Chroot,
    persistent_watcher::PersistentWatcher,
    sasl::Mechanism,
    status::{SessionEvent, SessionEvents, Status},
    telemetry,
    watcher::{OneshotWatcher, WatchSender},
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
    events: broadcast::WeakSender<SessionEvent>,
    chroot: Chroot,
    next_watch: AtomicU64,
    /// Requests handed to the task and not yet ended: the channel itself has no bound.
    outstanding: Arc<AtomicUsize>,
    max_outstanding: usize,
    /// A server did not know `create2`: none is asked again, since each time costs the connection.
    without_create2: AtomicBool,
}

/// One of the outstanding requests; counted down when it ends, wherever that is.
#[derive(Debug)]
pub(crate) struct Outstanding(Arc<AtomicUsize>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How a request ended, as the task tells it.
pub(crate) type Outcome = Result<Reply, RequestError>;

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
        let (status, events) = (board.status(), board.events());
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
        // Without a sender the client has ended, and the events with it.
        let events = self.shared.events.upgrade().unwrap_or_else(|| broadcast::Sender::new(1));
        SessionEvents(events.subscribe())
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

    /// Uses these TLS settings from now on. The live connection is dropped and the session resumed on one that is made with
    /// them; calls in flight end as [`Error::Unknown`]. Returns when the connection is dropped: [`connected`](Self::connected)
    /// waits for the new one.
    ///
    /// Files are read anew for every connect anyhow; this is for settings that differ, or to have replaced files used at once.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the settings or the files they name are of no use: nothing has changed then, and the session
    /// goes on as it was. [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Safe: either nothing has changed, or the settings are used.
    #[cfg(feature = "tls")]
    pub async fn reload_tls(&self, options: crate::TlsOptions) -> Result<(), Error> {
        let connector = Arc::new(crate::tls::Connector::new(options));
        connector.prepare().await.map_err(Invalid::Tls)?;
        self.secure(connector).await
    }

    /// Reads the files of the TLS settings anew and, if they hold something else than the connection was made with, uses it at
    /// once, as [`reload_tls`](Self::reload_tls) does. Otherwise nothing changes, and the connection stays. Tells which. Settings
    /// that are replaced meanwhile stay: their files are read later than this.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the files are of no use: nothing has changed then. [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Safe: either nothing has changed, or the files are used.
    #[cfg(feature = "tls")]
    pub async fn refresh_tls(&self) -> Result<bool, Error> {
        let (reply, security) = oneshot::channel();
        self.shared.commands.send(Command::Security(reply)).map_err(|_| Error::Closed)?;
        let (security, in_use) = security.await.map_err(|_| Error::Closed)?;
        let Security::Tls(connector) = security else { return Ok(false) };
        if !connector.has_changed(in_use).await.map_err(Invalid::Tls)? {
            return Ok(false);
        }
        let (done, used) = oneshot::channel();
        self.shared.commands.send(Command::Refresh(connector, done)).map_err(|_| Error::Closed)?;
        used.await.map_err(|_| Error::Closed)?;
        Ok(true)
    }

    /// Uses these TLS settings from now on, as [`reload_tls`](Self::reload_tls) does, but without a look at the files first: see
    /// [`TlsOptions::check`](crate::TlsOptions::check). For whoever changes several things in one step.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`].
    #[cfg(feature = "tls")]
    pub fn set_tls(&self, options: crate::TlsOptions) -> Result<(), Error> {
        let connector = Arc::new(crate::tls::Connector::new(options));
        let (done, _) = oneshot::channel();
        Ok(self.command(Command::Secure(Security::Tls(connector), done))?)
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, connector: Arc<crate::tls::Connector>) -> Result<(), Error> {
        let (done, replaced) = oneshot::channel();
        let command = Command::Secure(Security::Tls(connector), done);
        self.shared.commands.send(command).map_err(|_| Error::Closed)?;
        replaced.await.map_err(|_| Error::Closed)
    }

    /// Replaces the servers: `host[:port],…`. If the connected one is no longer among them, the session moves; it is not
    /// lost. The same list changes nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` for what cannot be understood, and for a chroot: it cannot change while the client lives. `Closed`.
    pub fn set_hosts(&self, hosts: &str) -> Result<(), Error> {
        let parsed: ConnectString = hosts.parse().map_err(Invalid::Hosts)?;
        if parsed.chroot.is_some() {
            return Err(Invalid::Chroot.into());
        }
        Ok(self.command(Command::SetHosts(parsed.hosts))?)
    }

    /// Changes how long a link may be silent before it is dead, also of the live connection, which goes on: see
    /// [`ClientBuilder::read_timeout`]. 10 ms at least; `None` for a third of the negotiated session timeout. Pings follow at
    /// half of it.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_read_timeout(&self, read_timeout: Option<Duration>) -> Result<(), Error> {
        Ok(self.command(Command::SetReadTimeout(read_timeout))?)
    }

    /// Changes how long one attempt to connect may take, from the next attempt on; see [`ClientBuilder::connect_timeout`].
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_connect_timeout(&self, connect_timeout: Duration) -> Result<(), Error> {
        Ok(self.command(Command::SetConnectTimeout(connect_timeout))?)
    }

    /// Replaces the identities (scheme and credential) of every connection; see [`ClientBuilder::credential`]. Added ones take
    /// effect on the live connection. One that is missing cannot be taken back there: the session moves to a new connection, and
    /// calls in flight end as [`Error::Unknown`]. The same list changes nothing.
    ///
    /// What the servers think of them is told as the cause of calls that fail meanwhile.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn set_credentials(&self, credentials: &[(String, Secret)]) -> Result<(), Error> {
        let credentials = credentials.iter().map(|(scheme, auth)| Credential::new(scheme, auth.clone()));
        Ok(self.command(Command::SetCredentials(credentials.collect()))?)
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
    /// A connection that was lost a moment ago is replaced for that. Takes 2 s at most, and does nothing the second time.
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

    /// Sends a request now and returns a future of its outcome.
    pub(crate) fn submit(
        &self,
        op: OpCode,
        body: &dyn Encode,
        watch: Option<NewWatch>,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        self.submit_encoded(op, encode(body), watch)
    }

    /// The same for a body that is encoded already.
    pub(crate) fn submit_encoded(
        &self,
        op: OpCode,
        body: Bytes,
        watch: Option<NewWatch>,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let sent = self.send(op, body, watch);
        let span = telemetry::request_span(&self.shared.name, op);
        async move {
            let outcome = match sent {
                // The task drops a request without an answer only when it ends.
                Ok(outcome) => outcome.await.unwrap_or(Err(RequestError::Closed)),
                Err(refused) => Err(refused),
            };
            telemetry::answered(&outcome);
            outcome
        }
        .instrument(span)
    }

    fn send(
        &self,
        op: OpCode,
        body: Bytes,
        watch: Option<NewWatch>,
    ) -> Result<oneshot::Receiver<Outcome>, RequestError> {
        let (reply, outcome) = self.reply_to(op)?;
        let request = Command::Request(Box::new(RequestCommand {
            op,
            body,
            watch,
            deadline: self.deadline(),
            when_disconnected: self.options.when_disconnected,
            reply,
        }));
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

    /// Sends a request now and returns a future that decodes its reply. A rejection names `path`.
    pub(crate) fn call<R, F>(
        &self,
        op: OpCode,
        path: &str,
        body: &dyn Encode,
        decode: F,
    ) -> impl Future<Output = Result<R, Error>> + Send + use<R, F>
    where
        F: FnOnce(&Bytes) -> Result<R, DecodeError> + Send,
    {
        let outcome = self.submit(op, body, None);
        let client = self.clone();
        let path = path.to_owned();
        async move {
            let reply = outcome.await?;
            client.decode_ok(reply, path, decode)
        }
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
            let _ = self
                .shared
                .commands
                .send(Command::Malformed { connection: reply.connection, error: error.clone() });
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
