//! Everything there is in a run, the clock, and what happens next.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, BinaryHeap},
    fmt,
    rc::Rc,
};

use bytes::Bytes;
use fastrand::Rng;
use zk_proto::Host;

use crate::{
    client::Client,
    ensemble::{Leader, LeaderMessage},
    faults::Fault,
    network::{Conn, Direction, Item},
    plan::Plan,
    server::Server,
    totals::Totals,
    tree::{Tree, Txn},
};

/// What is to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Something arrives at the end of a connection.
    Deliver {
        conn: usize,
        to: Direction,
        item: Item,
    },
    /// The next timeout of a client's session, if it is still the one.
    Timer {
        client: usize,
    },
    /// A client does some of its work, and goes on with it after a pause.
    Work {
        client: usize,
        again: bool,
    },
    /// A round of connects is over: the server that won, and those that failed before.
    Dialled {
        client: usize,
        dial: u64,
        spare: bool,
        won: Option<usize>,
        failed: Vec<Host>,
        started: u64,
    },
    ProbeAnswered {
        client: usize,
        connection: u64,
    },
    /// Half a tick of a server has passed.
    HalfTick {
        server: usize,
    },
    /// A tick of the leader is full: buckets of sessions end.
    Expiry,
    ToLeader {
        epoch: i64,
        from: usize,
        message: LeaderMessage,
    },
    /// The leader's ping reaches a follower, which answers with what it has heard.
    Ping {
        server: usize,
        epoch: i64,
    },
    /// The oldest proposals may have been acknowledged.
    Acknowledged {
        epoch: i64,
    },
    /// A follower learns what was committed, up to this length of the log.
    Learn {
        server: usize,
        epoch: i64,
        upto: usize,
    },
    Revalidated {
        server: usize,
        conn: usize,
        session: i64,
        timeout: Option<u64>,
    },
    Elect,
    Fault(Fault),
    /// Something may have healed: what was held up goes on.
    Heal,
    Restart {
        server: usize,
    },
}

struct Entry {
    at: u64,
    number: u64,
    happening: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A check failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The invariant: S1 to S9, or another word of `invariants`.
    pub(crate) check: &'static str,
    pub(crate) at: u64,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}.{:06} s: {}", self.check, self.at / 1_000_000, self.at % 1_000_000, self.what)
    }
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    happenings: BinaryHeap<Reverse<Entry>>,
    numbers: u64,

    pub(crate) servers: Vec<Server>,
    pub(crate) leader: Option<Leader>,
    pub(crate) epoch: i64,
    pub(crate) electing: bool,
    /// What was committed, and the state it adds up to.
    pub(crate) log: Vec<Rc<Txn>>,
    /// When, for each.
    pub(crate) committed_at: Vec<u64>,
    pub(crate) committed: Tree,
    /// Extra time that a quorum takes, and until when.
    pub(crate) slow_quorum: (u64, u64),

    /// Sessions that a server has told to be over.
    pub(crate) refused: BTreeSet<i64>,
    pub(crate) conns: Vec<Conn>,
    pub(crate) clients: Vec<Client>,
    /// Until when a client and a server cannot reach each other.
    pub(crate) blocked: Vec<Vec<u64>>,

    pub(crate) totals: Totals,
    pub(crate) violation: Option<Violation>,
    trace: u64,
    pub(crate) verbose: bool,
}

impl World {
    pub(crate) fn new(seed: u64, verbose: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::new(&mut rng);
        let mut world = Self {
            now: 0,
            happenings: BinaryHeap::new(),
            numbers: 0,
            servers: (0..plan.servers).map(|_| Server::new()).collect(),
            leader: None,
            epoch: 0,
            electing: false,
            log: Vec::new(),
            committed_at: Vec::new(),
            committed: Tree::seeded(),
            slow_quorum: (0, 0),
            refused: BTreeSet::new(),
            conns: Vec::new(),
            clients: Vec::new(),
            blocked: vec![vec![0; plan.servers]; plan.clients],
            totals: Totals::default(),
            violation: None,
            trace: 0xcbf2_9ce4_8422_2325,
            verbose,
            rng,
            plan,
        };
        world.say(|world| format!("{:?}", world.plan));
        world.elect();
        for server in 0..world.plan.servers {
            let phase = world.rng.u64(..world.plan.tick / 2);
            world.after(phase, Happening::HalfTick { server });
        }
        world.after(world.plan.tick, Happening::Expiry);
        for client in 0..world.plan.clients {
            let created = Client::new(&mut world.rng, &world.plan, client);
            world.clients.push(created);
            let start = world.rng.u64(..200_000);
            world.after(start, Happening::Work { client, again: true });
            world.settle(client);
        }
        world.plan_faults();
        world
    }

    pub(crate) fn after(&mut self, delay: u64, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    pub(crate) fn at(&mut self, at: u64, happening: Happening) {
        self.numbers += 1;
        self.happenings.push(Reverse(Entry { at: at.max(self.now), number: self.numbers, happening }));
    }

    /// Lets everything happen until then, or until a check fails.
    pub(crate) fn run_until(&mut self, end: u64) {
        while self.violation.is_none() {
            let Some(Reverse(next)) = self.happenings.peek() else { break };
            if next.at > end {
                break;
            }
            let Some(Reverse(next)) = self.happenings.pop() else { break };
            self.now = next.at;
            self.totals.steps += 1;
            self.happen(next.happening);
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver { conn, to, item } => self.deliver(conn, to, item),
            Happening::Timer { client } => self.timer(client),
            Happening::Work { client, again } => self.work(client, again),
            Happening::Dialled { client, dial, spare, won, failed, started } => {
                self.dialled(client, dial, spare, won, failed, started);
            }
            Happening::ProbeAnswered { client, connection } => self.probe_answered(client, connection),
            Happening::HalfTick { server } => {
                self.half_tick(server);
                self.after(self.plan.tick / 2, Happening::HalfTick { server });
            }
            Happening::Expiry => {
                self.expire_sessions();
                self.after(self.plan.tick, Happening::Expiry);
            }
            Happening::ToLeader { epoch, from, message } => self.reach_leader(epoch, from, message),
            Happening::Ping { server, epoch } => self.pinged(server, epoch),
            Happening::Acknowledged { epoch } => self.acknowledged(epoch),
            Happening::Learn { server, epoch, upto } => self.learn(server, epoch, upto),
            Happening::Revalidated { server, conn, session, timeout } => {
                self.revalidated(server, conn, session, timeout);
            }
            Happening::Elect => self.elect(),
            Happening::Fault(fault) => self.strike(fault),
            Happening::Heal => self.heal(),
            Happening::Restart { server } => self.restart(server),
        }
    }

    /// Takes a step into the trace, by which two runs are compared.
    pub(crate) fn note(&mut self, kind: u64, a: u64, b: u64) {
        for value in [self.now, kind, a, b] {
            self.trace = (self.trace ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
        }
    }

    pub(crate) fn trace(&self) -> u64 {
        self.trace
    }

    /// A line for whoever replays a seed.
    #[expect(clippy::print_stdout, reason = "only when a seed is replayed")]
    pub(crate) fn say(&self, line: impl FnOnce(&Self) -> String) {
        if self.verbose {
            println!("{:>3}.{:06} {}", self.now / 1_000_000, self.now % 1_000_000, line(self));
        }
    }

    pub(crate) fn violate(&mut self, check: &'static str, what: impl Into<String>) {
        if self.violation.is_none() {
            let violation = Violation { check, at: self.now, what: what.into() };
            self.say(|_| format!("VIOLATION {violation}"));
            self.violation = Some(violation);
        }
    }

    /// The way of a message between two machines.
    pub(crate) fn latency(&mut self) -> u64 {
        self.rng.u64(100..2_000)
    }
}

/// The data of a write, which names the request: client and token.
pub(crate) fn mark(client: usize, token: u64) -> Bytes {
    let mut data = vec![u8::try_from(client).expect("few clients")];
    data.extend_from_slice(&token.to_be_bytes());
    data.into()
}
