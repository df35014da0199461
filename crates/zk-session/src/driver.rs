//! The task that owns a session: it obeys [`zk_proto::Session`] and decides nothing itself.

use std::{collections::HashMap, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::{mpsc, oneshot},
    task::unconstrained,
    time::Instant,
};
use tracing::{Instrument, warn};
use zk_proto::{
    Cause, Config, Credential, Event, Host, Opened, Request, SaslStep, Session, SessionCredentials, State,
    Timestamp, WatchId, WatchNotice,
};

use crate::{
    board::Board,
    client::{NewWatch, ReplyTo, RequestCommand},
    clock,
    connect::{Security, Transport, describe, dial},
    sasl::{Mechanism, SaslSteps},
    spare::{Spare, SpareEvent},
    telemetry::TARGET,
    watcher::{WatchEvent, WatchSender},
};

/// What a client asks of the task.
#[derive(Debug)]
pub(crate) enum Command {
    Request(Box<RequestCommand>),
    ForgetWatch(WatchId),
    /// Add an identity.
    AddAuth(Credential, ReplyTo),
    /// A reply of this connection did not decode.
    Malformed {
        connection: u64,
        error: zk_jute::DecodeError,
    },
    /// Connect to other servers.
    SetHosts(Vec<Host>),
    SetReadTimeout(Option<Duration>),
    SetConnectTimeout(Duration),
    /// Replace the identities of every connection.
    SetCredentials(Vec<Credential>),
    /// End the client, but not the session.
    Detach(oneshot::Sender<Option<SessionCredentials>>),
    /// How connections are secured now, and what the live one was made with.
    #[cfg(feature = "tls")]
    Security(oneshot::Sender<(Security, Option<crate::tls::InUse>)>),
    /// Secures connections in another way from now on, the live one included.
    #[cfg(feature = "tls")]
    Secure(Security, oneshot::Sender<()>),
    /// Makes the live connection anew if this is still how connections are secured.
    #[cfg(feature = "tls")]
    Refresh(Arc<crate::tls::Connector>, oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

/// Commands taken from the channel at once, and so written at once.
const COMMAND_BATCH: usize = 256;

/// The longest that the timer is set for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The room made for each read.
const READ_CHUNK: usize = 64 * 1024;

type Dialling = Pin<Box<dyn Future<Output = Result<(Transport, Opened), String>> + Send>>;

pub(crate) struct Driver {
    session: Session<ReplyTo>,
    security: Security,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Every handle on the client is gone: no command can come.
    abandoned: bool,
    board: Board,
    watchers: HashMap<WatchId, WatchSender>,
    closing: Vec<oneshot::Sender<()>>,
    dialling: Option<Dialling>,
    transport: Option<Transport>,
    spare: Spare,
    sasl: SaslSteps,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// The transport holds bytes back that only a flush gets out: TLS does, when the socket is full.
    unflushed: bool,
}

/// Why the task woke up.
enum Wake {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Dialled(Result<(Transport, Opened), String>),
    Spare(SpareEvent),
    SaslStepped(u64, Result<SaslStep, String>),
    Commands(usize),
    Timer,
}

impl Driver {
    pub(crate) fn new(
        config: Config,
        security: Security,
        sasl: Option<Arc<dyn Mechanism>>,
        commands: mpsc::UnboundedReceiver<Command>,
        board: Board,
    ) -> Self {
        Self {
            session: Session::new(config, clock::now(), fastrand::u64(..)),
            security,
            commands,
            abandoned: false,
            board,
            watchers: HashMap::new(),
            closing: Vec::new(),
            dialling: None,
            transport: None,
            spare: Spare::default(),
            sasl: SaslSteps::new(sasl),
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Runs until the session is closed.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(COMMAND_BATCH);
        let mut timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        let mut timer_at: Option<Timestamp> = None;
        while self.settle() {
            let due = [self.session.poll_timeout(), self.board.sample_due()].into_iter().flatten().min();
            if due != timer_at {
                timer_at = due;
                // Without a due time the branch is disabled and the timer's own time does not matter. One that is farther off
                // than a clock can count (a deadline of `Duration::MAX`) is waited for in pieces: waking early does no harm.
                let wait = due.map_or(Duration::ZERO, |due| due.since(clock::now())).min(LONGEST_WAIT);
                timer.as_mut().reset(Instant::now() + wait);
            }
            let (reader, writer) = match &mut self.transport {
                Some(Transport { reader, writer, .. }) => (Some(reader), Some(writer)),
                None => (None, None),
            };
            // In no order of preference: a server that never stops talking must not keep timers and commands waiting.
            let wake = tokio::select! {
                read = read(reader, &mut self.incoming) => Wake::Read(read),
                wrote = write(writer, &self.outgoing, &mut self.unflushed) => Wake::Wrote(wrote),
                dialled = finish(&mut self.dialling) => Wake::Dialled(dialled),
                event = self.spare.next() => Wake::Spare(event),
                (connection, outcome) = self.sasl.next() => Wake::SaslStepped(connection, outcome),
                count = self.commands.recv_many(&mut batch, COMMAND_BATCH), if !self.abandoned => {
                    Wake::Commands(count)
                }
                () = &mut timer, if timer_at.is_some() => Wake::Timer,
            };
            self.handle(wake, &mut batch, &mut timer_at);
        }
        for done in self.closing {
            let _ = done.send(());
        }
    }

    fn handle(&mut self, wake: Wake, batch: &mut Vec<Command>, timer_at: &mut Option<Timestamp>) {
        let now = clock::now();
        match wake {
            Wake::Read(read) => self.received(now, read),
            Wake::Wrote(Ok(count)) => {
                self.outgoing.advance(count);
                self.board.sent(count);
            }
            Wake::Wrote(Err(error)) => {
                // What the server said before it stopped listening may be the last replies, or the reason.
                self.read_arrived(now);
                if self.transport.is_some() {
                    self.lost(now, Cause::Io(describe(&error).into()));
                }
            }
            Wake::Dialled(Ok((transport, opened))) => {
                self.board.opened(&opened.host);
                self.transport = Some(transport);
                self.session.transport_opened(now, opened);
            }
            Wake::Dialled(Err(reasons)) => {
                self.board.attempt_failed(now, &Cause::NoServer(reasons.as_str().into()));
                self.session.dial_failed(now, &reasons);
            }
            Wake::Spare(SpareEvent::Opened(opened)) => {
                self.board.spare_opened(&opened.host);
                // The link may have spoken while nobody looked; the spare is dropped then.
                if self.read_arrived(now) {
                    self.settle();
                }
                self.session.spare_opened(now, &opened);
            }
            Wake::Spare(SpareEvent::Failed) => {
                self.board.spare_failed();
                self.session.spare_failed();
            }
            Wake::Spare(SpareEvent::ProbeAnswered(connection)) => {
                self.board.probed(true);
                self.session.probe_answered(now, connection);
            }
            Wake::Spare(SpareEvent::ReadWriteFound(host, connection)) => {
                self.session.read_write_found(now, host, connection);
            }
            Wake::Spare(SpareEvent::NoneReadWrite) => {}
            Wake::Spare(SpareEvent::ProbeFailed) => self.board.probed(false),
            Wake::SaslStepped(connection, outcome) => self.session.sasl_stepped(now, connection, outcome),
            Wake::Commands(0) => {
                self.abandoned = true;
                self.session.close(now);
            }
            Wake::Commands(_) => batch.drain(..).for_each(|command| self.obey(now, command)),
            Wake::Timer => {
                *timer_at = None;
                // What has arrived is proof of life, and must be seen before the timer judges.
                if self.read_arrived(now) {
                    self.settle();
                }
                self.session.handle_timeout(now);
            }
        }
    }

    fn received(&mut self, now: Timestamp, read: io::Result<usize>) {
        match read {
            Ok(0) => self.lost(now, Cause::ConnectionClosed),
            Ok(count) => {
                self.board.received(count);
                self.session.handle_bytes(now, &mut self.incoming);
            }
            Err(error) => self.lost(now, Cause::Io(describe(&error).into())),
        }
    }

    /// Reads what is there without waiting. Tells whether there was anything.
    fn read_arrived(&mut self, now: Timestamp) -> bool {
        let reader = self.transport.as_mut().map(|transport| &mut transport.reader);
        match unconstrained(read(reader, &mut self.incoming)).now_or_never() {
            Some(read) => {
                self.received(now, read);
                true
            }
            None => false,
        }
    }

    fn obey(&mut self, now: Timestamp, command: Command) {
        match command {
            Command::Request(request) => {
                let RequestCommand { op, body, watch, deadline, when_disconnected, reply } = *request;
                let watch = watch.map(|NewWatch { on, id, sender }| {
                    self.watchers.insert(id, sender);
                    (on, id)
                });
                self.session
                    .submit(now, Request { op, body, watch, deadline, when_disconnected, token: reply });
            }
            Command::ForgetWatch(id) => {
                self.watchers.remove(&id);
                self.session.forget_watch(id);
            }
            Command::AddAuth(credential, reply) => self.session.add_auth(credential, reply),
            Command::Malformed { connection, error } => self.session.malformed_reply(now, connection, error),
            Command::SetReadTimeout(read_timeout) => self.session.set_read_timeout(now, read_timeout),
            Command::SetHosts(hosts) => {
                self.board.hosts_replaced(hosts.len());
                self.session.set_hosts(now, hosts);
            }
            Command::SetConnectTimeout(connect_timeout) => self.session.set_connect_timeout(connect_timeout),
            Command::SetCredentials(credentials) => self.session.set_credentials(now, credentials),
            Command::Detach(done) => {
                let _ = done.send(self.session.detach(now));
            }
            #[cfg(feature = "tls")]
            Command::Security(reply) => {
                let in_use = self.transport.as_ref().and_then(|transport| transport.tls.clone());
                let _ = reply.send((self.security.clone(), in_use));
            }
            #[cfg(feature = "tls")]
            Command::Secure(security, done) => {
                self.security = security;
                self.secure_anew(now);
                let _ = done.send(());
            }
            #[cfg(feature = "tls")]
            Command::Refresh(connector, done) => {
                if matches!(&self.security, Security::Tls(current) if Arc::ptr_eq(current, &connector)) {
                    self.secure_anew(now);
                }
                let _ = done.send(());
            }
            Command::Close(done) => {
                self.closing.push(done);
                self.session.close(now);
            }
        }
    }

    /// Gives up what was made, or is being made, with settings or files that hold no more.
    #[cfg(feature = "tls")]
    fn secure_anew(&mut self, now: Timestamp) {
        self.board.tls_reloaded();
        self.session.forget_spare();
        self.spare.drop_all();
        if self.transport.is_some() {
            self.lost(now, Cause::Reconfigured);
        } else if self.dialling.take().is_some() {
            self.board.attempt_failed(now, &Cause::Reconfigured);
            self.session.dial_failed(now, &Cause::Reconfigured.to_string());
        }
        // Whoever waits is to find the change in the status.
        self.settle();
    }

    fn lost(&mut self, now: Timestamp, cause: Cause) {
        self.drop_transport();
        self.session.transport_lost(now, cause.clone());
        // The session may know better what it means.
        self.board.dropped(now, self.session.last_cause().unwrap_or(&cause));
    }

    fn drop_transport(&mut self) {
        self.transport = None;
        self.sasl.drop_all();
        self.incoming.clear();
        self.outgoing.clear();
        self.unflushed = false;
    }

    /// Carries out what the session has decided. Tells whether it goes on.
    fn settle(&mut self) -> bool {
        // Before the replies: whoever is woken by the answer to a write may at once ask what that answer proves.
        self.board.lease(&self.session);
        while let Some(event) = self.session.poll_event() {
            self.announce(event);
        }
        if self.session.state() == State::Closed {
            return false;
        }
        if let Some(round) = self.session.poll_connect() {
            self.board.connecting(clock::now(), &round);
            self.dialling = Some(Box::pin(dial(round, self.security.clone()).instrument(self.board.span())));
        }
        if self.transport.is_some() {
            self.session.poll_transmit(clock::now(), &mut self.outgoing);
        }
        self.board.settled(&self.session);
        true
    }

    /// Nobody may be listening any more.
    fn tell_watcher(&mut self, id: WatchId, event: WatchEvent) {
        match self.watchers.remove(&id) {
            Some(WatchSender::Once(sender)) => {
                let _ = sender.send(event);
            }
            Some(WatchSender::Persistent(sender)) if sender.send(event) => {
                self.watchers.insert(id, WatchSender::Persistent(sender));
            }
            Some(WatchSender::Persistent(_)) | None => {}
        }
    }

    fn announce(&mut self, event: Event<ReplyTo>) {
        match event {
            Event::Reply { token, outcome } => {
                self.board.replied(&token.stopwatch, &outcome);
                token.send(outcome);
            }
            Event::Pong { round_trip } => self.board.ponged(round_trip),
            Event::Watch { watches, notice } => {
                self.board.watch_event(&notice, watches.len());
                let event = match notice {
                    WatchNotice::Event { kind, path, zxid } => WatchEvent::Changed { kind, path, zxid },
                    WatchNotice::Resync => WatchEvent::Resync,
                    WatchNotice::Unsupported => WatchEvent::Unsupported,
                    WatchNotice::Closed => WatchEvent::Closed,
                    _ => WatchEvent::SessionLost,
                };
                watches.iter().for_each(|id| self.tell_watcher(*id, event.clone()));
            }
            Event::State(change) => self.board.state(change, &self.session),
            Event::SessionEstablished(session) => self.board.established(session),
            Event::SessionExpired { session, cause } => self.board.expired(session, cause),
            Event::DropTransport(cause) => {
                self.board.dropped(clock::now(), &cause);
                self.drop_transport();
            }
            Event::Probe { host, connection } => {
                self.board.probing(&host);
                self.spare.probe(host, connection, self.security.clone());
            }
            Event::FindReadWrite { round, connection } => {
                self.spare.find_read_write(round, connection, self.security.clone());
            }
            Event::SaslStep { host, connection, challenge } => self.sasl.step(&host, connection, challenge),
            Event::DialSpare(round) => {
                self.board.dialling_spare();
                self.spare.dial(round, self.security.clone(), self.board.span());
            }
            Event::DropSpare => {
                self.board.spare_dropped();
                self.spare.drop_all();
            }
            Event::UseSpare => {
                let (transport, server) = self.spare.take().unzip();
                self.board.moved(clock::now(), server);
                // Without one (it cannot be) the read of no transport never ends, and the handshake's deadline does.
                self.transport = transport;
            }
            // What is in it is not known either: nothing of it is shown.
            _ => warn!(target: TARGET, "zk-proto tells an event that this driver does not know"),
        }
    }
}

async fn read(
    reader: Option<&mut Box<dyn AsyncRead + Send + Unpin>>,
    buf: &mut BytesMut,
) -> io::Result<usize> {
    match reader {
        Some(reader) => {
            buf.reserve(READ_CHUNK);
            reader.read_buf(buf).await
        }
        None => std::future::pending().await,
    }
}

async fn write(
    writer: Option<&mut Box<dyn AsyncWrite + Send + Unpin>>,
    buf: &BytesMut,
    unflushed: &mut bool,
) -> io::Result<usize> {
    match writer {
        Some(writer) if !buf.is_empty() => {
            let count = writer.write(buf).await?;
            let flushed = unconstrained(writer.flush()).now_or_never();
            *unflushed = flushed.is_none();
            flushed.transpose()?;
            Ok(count)
        }
        Some(writer) if *unflushed => {
            writer.flush().await?;
            *unflushed = false;
            Ok(0)
        }
        _ => std::future::pending().await,
    }
}

async fn finish(dialling: &mut Option<Dialling>) -> Result<(Transport, Opened), String> {
    match dialling {
        Some(dial) => {
            let dialled = dial.await;
            *dialling = None;
            dialled
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{BufWriter, duplex};

    use super::*;

    /// TLS takes bytes, says so, and holds them back while the socket is full.
    #[tokio::test]
    async fn what_a_writer_holds_back_is_flushed_when_there_is_room() {
        let (near, mut far) = duplex(8);
        let mut writer: Box<dyn AsyncWrite + Send + Unpin> = Box::new(BufWriter::new(near));
        let mut outgoing = BytesMut::from(&b"twelve bytes"[..]);
        let mut unflushed = false;
        let count = write(Some(&mut writer), &outgoing, &mut unflushed).await.unwrap();
        outgoing.advance(count);
        assert!(outgoing.is_empty() && unflushed);

        let mut arrived = [0; 12];
        let (flushed, read) =
            tokio::join!(write(Some(&mut writer), &outgoing, &mut unflushed), far.read_exact(&mut arrived));
        assert_eq!((flushed.unwrap(), read.unwrap(), &arrived), (0, 12, b"twelve bytes"));
        assert!(!unflushed);
    }
}
