//! The task that owns a session: it obeys [`zk_proto::Session`] and decides nothing itself.

mod arrivals;
mod command;
mod transfer;

use std::{collections::HashMap, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tracing::{Instrument, warn};
use zk_proto::{Cause, Config, Event, Opened, SaslStep, Session, State, Timestamp, WatchId, WatchNotice};

pub(crate) use self::command::Command;
use self::transfer::{Incoming, read, write};
use crate::{
    board::Board,
    client::ReplyTo,
    clock,
    connect::{Security, Transport, describe, dial},
    sasl::{Mechanism, SaslSteps},
    spare::{Spare, SpareEvent},
    telemetry::TARGET,
    watcher::{WatchEvent, WatchSender},
};

/// Commands taken from the channel at once, and so written at once.
const COMMAND_BATCH: usize = 256;

/// The longest that the timer is set for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

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
    incoming: Incoming,
    outgoing: BytesMut,
    /// The transport holds bytes back that only a flush gets out: TLS does, when the socket is full.
    unflushed: bool,
    /// The socket is polled, and this is when to look next.
    look_at: Option<Timestamp>,
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
            incoming: Incoming::default(),
            outgoing: BytesMut::new(),
            unflushed: false,
            look_at: None,
        }
    }

    /// Runs until the session is closed.
    pub(crate) async fn run(mut self) {
        // Not before it is needed: of a client that is idle, this would be the most.
        let mut batch = Vec::new();
        let mut timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        let mut timer_at: Option<Timestamp> = None;
        while self.settle() {
            if self.incoming.is_portion() {
                self.let_others_ask(&mut batch, &mut timer_at).await;
                continue;
            }
            let due = [self.session.poll_timeout(), self.board.sample_due(), self.look_at];
            let due = due.into_iter().flatten().min();
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
        self.look_at = None;
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
            Event::Pong { round_trip } => {
                self.board.ponged(round_trip);
                self.incoming.rest();
            }
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
