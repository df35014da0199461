//! The driver of a session, as the contract of [`Session`] wants it: bytes and timeouts in, bytes and events out, on a clock
//! that starts anywhere and drifts.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use zk_proto::{Cause, Config, ConnectRound, Event, Host, Opened, Session, State, Timestamp};

use crate::{
    ledger::Ledger,
    network::{Direction, Item},
    plan::{MS, Plan},
    server::Role,
    work::App,
    world::{Happening, World},
};

/// Most requests that wait or are in flight, where the queue is small.
pub(crate) const SMALL_QUEUE: usize = 6;

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) session: Session<u64>,
    /// How much faster its clock runs, parts per million, and what it shows at the beginning, µs.
    drift_ppm: i64,
    offset: u64,
    pub(crate) frozen_until: u64,
    pub(crate) conn: Option<usize>,
    spare: Option<usize>,
    received: BytesMut,
    dial: u64,
    spare_dial: u64,
    timer_at: Option<u64>,
    pub(crate) ledger: Ledger,
    pub(crate) app: App,
}

impl Client {
    pub(crate) fn new(rng: &mut Rng, plan: &Plan, index: usize) -> Self {
        let mut config = Config::new((0..plan.servers).map(host).collect());
        config.session_timeout = Duration::from_micros(plan.timeout);
        config.relay_delay = Some(Duration::from_micros(plan.relay_delay()));
        config.suspicion = plan.suspicion;
        config.connect_timeout = Duration::from_millis(rng.u64(200..1_000));
        config.max_backoff = Duration::from_millis(300);
        if plan.small_queue {
            config.max_requests = SMALL_QUEUE;
        }
        let offset = rng.u64(1_000_000..u64::from(u32::MAX));
        let now = Timestamp::from_epoch(Duration::from_micros(offset));
        Self {
            session: Session::new(config, now, rng.u64(..)),
            drift_ppm: rng.i64(-plan.drift_ppm..=plan.drift_ppm),
            offset,
            frozen_until: 0,
            conn: None,
            spare: None,
            received: BytesMut::new(),
            dial: 0,
            spare_dial: 0,
            timer_at: None,
            ledger: Ledger::default(),
            app: App::new(index < plan.contenders),
        }
    }

    /// What its clock shows at a real time.
    pub(crate) fn clock(&self, real: u64) -> Timestamp {
        let drift = real.cast_signed() * self.drift_ppm / 1_000_000;
        Timestamp::from_epoch(Duration::from_micros((self.offset + real).saturating_add_signed(drift)))
    }

    /// The first real time at which its clock shows this.
    pub(crate) fn real(&self, shown: Timestamp) -> u64 {
        let shown_us = u64::try_from(shown.since_epoch().as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX);
        let elapsed = shown_us.saturating_sub(self.offset).cast_signed();
        let mut real = (elapsed * 1_000_000 / (1_000_000 + self.drift_ppm)).max(2).cast_unsigned() - 2;
        while self.clock(real) < shown {
            real += 1;
        }
        real
    }
}

pub(crate) fn host(server: usize) -> Host {
    Host::new("zk", 2_181 + u16::try_from(server).expect("few servers"))
}

pub(crate) fn server_of(host: &Host) -> usize {
    usize::from(host.port - 2_181)
}

impl World {
    pub(crate) fn local(&self, client: usize) -> Timestamp {
        self.clients[client].clock(self.now)
    }

    pub(crate) fn is_frozen(&self, client: usize) -> bool {
        self.clients[client].frozen_until > self.now
    }

    /// Does what the session wants, after every input and command.
    pub(crate) fn settle(&mut self, client: usize) {
        while let Some(event) = self.clients[client].session.poll_event() {
            self.event(client, event);
        }
        if let Some(round) = self.clients[client].session.poll_connect() {
            self.clients[client].dial += 1;
            let dial = self.clients[client].dial;
            self.dial(client, dial, false, &round);
        }
        self.transmit(client);
        self.check_session(client);
        self.schedule_timer(client);
    }

    fn transmit(&mut self, client: usize) {
        let Some(conn) = self.clients[client].conn else { return };
        let now = self.local(client);
        loop {
            let mut out = BytesMut::new();
            if !self.clients[client].session.poll_transmit(now, &mut out) {
                return;
            }
            self.check_transmitted(client, out.len());
            if !std::mem::replace(&mut self.conns[conn].asked, true) {
                self.check_connect_request(client, &out);
            }
            self.send(conn, Direction::Server, out.freeze());
        }
    }

    fn schedule_timer(&mut self, client: usize) {
        let Some(due) = self.clients[client].session.poll_timeout() else {
            self.clients[client].timer_at = None;
            return;
        };
        let due = self.clients[client].real(due).max(self.now);
        if self.clients[client].timer_at != Some(due) {
            self.clients[client].timer_at = Some(due);
            self.at(due, Happening::Timer { client });
        }
    }

    pub(crate) fn timer(&mut self, client: usize) {
        if self.clients[client].timer_at != Some(self.now) || self.is_frozen(client) {
            return;
        }
        self.clients[client].timer_at = None;
        self.wake(client);
    }

    /// Handles the timeout, if it is due.
    pub(crate) fn wake(&mut self, client: usize) {
        let now = self.local(client);
        if let Some(due) = self.clients[client].session.poll_timeout().filter(|due| *due <= now) {
            self.clients[client].session.handle_timeout(now);
            let next = self.clients[client].session.poll_timeout();
            self.note(20, client as u64, next.map_or(0, |at| at.since_epoch().as_micros() as u64));
            if next.is_some_and(|next| next <= now) {
                self.say(|world| format!("{:#?}", world.clients[client].session));
                let what = format!("client {client}: due {due:?}, handled at {now:?}, due again {next:?}");
                self.violate("S8", what);
            }
        }
        self.settle(client);
    }

    fn event(&mut self, client: usize, event: Event<u64>) {
        self.say(|_| format!("client {client}: {event:?}"));
        self.check_event(client, &event);
        match event {
            Event::DropTransport(cause) => {
                if matches!(cause, Cause::Protocol(_)) {
                    self.totals.protocol_errors += 1;
                }
                if matches!(cause, Cause::Suspected { .. }) {
                    self.totals.moves += 1;
                }
                self.drop_conn(client);
            }
            Event::Probe { host, connection } => {
                let server = server_of(&host);
                if self.answers_probe(server) && self.reachable(client, server) {
                    self.after_answer(client, connection);
                }
            }
            Event::DialSpare(round) => {
                self.clients[client].spare_dial += 1;
                let dial = self.clients[client].spare_dial;
                self.dial(client, dial, true, &round);
            }
            Event::DropSpare => {
                self.clients[client].spare_dial += 1;
                if let Some(spare) = self.clients[client].spare.take() {
                    self.close_at_client(spare);
                }
            }
            Event::UseSpare => {
                self.drop_conn(client);
                self.totals.spares_used += 1;
                self.clients[client].conn = self.clients[client].spare.take();
                if self.clients[client].conn.is_none() {
                    self.violate("order", "a spare is to be used that is not there");
                }
            }
            Event::State(change) => self.state_changed(client, &change),
            Event::Reply { token, outcome } => self.outcome(client, token, outcome),
            Event::Watch { watches, notice } => self.watch_fired(client, &watches, &notice),
            Event::SessionEstablished(_) => self.totals.sessions += 1,
            Event::SessionExpired { .. } => self.clients[client].app.session_expired(),
            _ => {}
        }
    }

    fn drop_conn(&mut self, client: usize) {
        self.clients[client].received.clear();
        if let Some(conn) = self.clients[client].conn.take() {
            self.close_at_client(conn);
        }
    }

    /// Works out how a round of connects ends: the first server that takes the connection wins.
    fn dial(&mut self, client: usize, dial: u64, spare: bool, round: &ConnectRound) {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let (budget, stagger) = (micros(round.budget), micros(round.stagger));
        let mut start = 0;
        let mut best: Option<(u64, usize, u64)> = None;
        let mut failures = Vec::new();
        for host in &round.hosts {
            if best.is_some_and(|(opens, ..)| opens <= start) {
                break;
            }
            let server = server_of(host);
            let round_trip = self.latency() * 2;
            if !self.reachable(client, server) {
                failures.push((start + budget, host.clone()));
                start += stagger;
            } else if self.servers[server].role == Role::Down {
                failures.push((start + round_trip, host.clone()));
                start += stagger.min(round_trip);
            } else {
                let opens = start + round_trip;
                if best.is_none_or(|(earliest, ..)| opens < earliest) {
                    best = Some((opens, server, start));
                }
                start += stagger;
            }
        }
        let end = best
            .map_or_else(|| failures.iter().map(|(at, _)| *at).max().unwrap_or(budget), |(opens, ..)| opens);
        let failed = failures.into_iter().filter(|(at, _)| *at <= end).map(|(_, host)| host).collect();
        let (won, started) = (best.map(|(_, server, _)| server), self.now + best.map_or(0, |(.., at)| at));
        self.after(end, Happening::Dialled { client, dial, spare, won, failed, started });
    }

    pub(crate) fn dialled(
        &mut self,
        client: usize,
        dial: u64,
        spare: bool,
        won: Option<usize>,
        failed: Vec<Host>,
        started: u64,
    ) {
        let current = if spare { self.clients[client].spare_dial } else { self.clients[client].dial };
        if current != dial {
            return;
        }
        if self.is_frozen(client) {
            let awake = self.clients[client].frozen_until;
            self.at(awake, Happening::Dialled { client, dial, spare, won, failed, started });
            return;
        }
        let now = self.local(client);
        match won {
            Some(server) => {
                let conn = self.connect(client, server);
                let started_at = self.clients[client].clock(started);
                let opened = Opened { host: host(server), failed, started_at };
                if spare {
                    self.clients[client].spare = Some(conn);
                    self.clients[client].session.spare_opened(now, &opened);
                } else {
                    self.clients[client].conn = Some(conn);
                    self.clients[client].received.clear();
                    self.clients[client].session.transport_opened(now, opened);
                }
            }
            None if spare => self.clients[client].session.spare_failed(),
            None => self.clients[client].session.dial_failed(now, "nobody answers"),
        }
        self.settle(client);
    }

    pub(crate) fn probe_answered(&mut self, client: usize, connection: u64) {
        if self.is_frozen(client) {
            return;
        }
        let now = self.local(client);
        self.clients[client].session.probe_answered(now, connection);
        self.settle(client);
    }

    pub(crate) fn client_receives(&mut self, conn: usize, item: Item) {
        let client = self.conns[conn].client;
        if self.clients[client].conn != Some(conn) {
            // A spare that is closed shows when it is used.
            return;
        }
        let now = self.local(client);
        match item {
            Item::Bytes(bytes) => self.receive(client, now, &bytes),
            Item::Close { reset } => {
                self.conns[conn].open_at_client = false;
                self.clients[client].conn = None;
                self.clients[client].received.clear();
                let cause = if reset { Cause::Io("reset".into()) } else { Cause::ConnectionClosed };
                self.clients[client].session.transport_lost(now, cause);
            }
        }
        self.settle(client);
    }

    fn receive(&mut self, client: usize, now: Timestamp, bytes: &Bytes) {
        let Client { session, received, .. } = &mut self.clients[client];
        received.extend_from_slice(bytes);
        session.handle_bytes(now, received);
    }

    pub(crate) fn is_connected(&self, client: usize) -> bool {
        self.clients[client].session.state() == State::Connected
    }

    /// Ends the session at the end of a run.
    pub(crate) fn close(&mut self, client: usize) {
        let now = self.local(client);
        self.clients[client].app.give_up();
        self.clients[client].session.close(now);
        self.settle(client);
    }
}

/// The shortest and the longest pause between two pieces of work.
pub(crate) const WORK_PAUSE: std::ops::Range<u64> = 60 * MS..340 * MS;
