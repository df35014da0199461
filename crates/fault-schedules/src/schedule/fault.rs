//! What can go wrong.

use std::{fmt, time::Duration};

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use zk_testkit::Direction;

use super::{CONTENDERS, WATCHERS, WRITERS};

/// The kinds of faults, as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "`Fault` says what they are")]
pub enum Kind {
    KillServer,
    FreezeServer,
    RollingRestart,
    Partition,
    PartitionOfTwo,
    Island,
    SlowQuorum,
    QuorumReset,
    FreezeLeader,
    FreezeContender,
    FreezeWriter,
    FreezeWatcher,
    KillLeader,
    KillContender,
    KillWriter,
    Latency,
    BlackHole,
    Slices,
    Bandwidth,
    HalfOpen,
    Reset,
    Refuse,
    LoseRequest,
    LoseReply,
}

impl Kind {
    /// What happens to the contender that leads.
    pub(super) const OF_LEADERS: &[Self] = &[Self::FreezeLeader, Self::Island, Self::KillLeader];
    /// What happens to servers and between them.
    pub(super) const OF_SERVERS: &[Self] = &[
        Self::KillServer,
        Self::FreezeServer,
        Self::RollingRestart,
        Self::Partition,
        Self::PartitionOfTwo,
        Self::SlowQuorum,
        Self::QuorumReset,
    ];
    /// What happens to processes of clients, whether or not they lead.
    pub(super) const OF_CLIENTS: &[Self] = &[
        Self::FreezeContender,
        Self::FreezeWriter,
        Self::FreezeWatcher,
        Self::KillContender,
        Self::KillWriter,
    ];
    /// What happens between clients and servers.
    pub(super) const OF_LINES: &[Self] = &[
        Self::Latency,
        Self::BlackHole,
        Self::Slices,
        Self::Bandwidth,
        Self::HalfOpen,
        Self::Reset,
        Self::Refuse,
        Self::LoseRequest,
        Self::LoseReply,
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::OF_LEADERS, Self::OF_SERVERS, Self::OF_CLIENTS, Self::OF_LINES].into_iter().flatten().copied()
    }

    /// The shortest and the longest that it lasts, in milliseconds.
    pub(super) fn duration(self) -> (u64, u64) {
        match self {
            // Longer than a session, and so than any lease.
            Self::FreezeLeader | Self::FreezeContender | Self::FreezeWriter => (3_500, 5_000),
            // The client moves to the follower first.
            Self::Island => (4_500, 6_000),
            Self::FreezeWatcher => (1_000, 4_000),
            Self::KillServer | Self::FreezeServer | Self::Partition | Self::PartitionOfTwo => (800, 4_000),
            // They end when they are done; the rest of the time is for the recovery.
            Self::RollingRestart => (0, 0),
            Self::KillLeader | Self::KillContender | Self::KillWriter => (200, 2_000),
            Self::Reset | Self::QuorumReset | Self::HalfOpen => (100, 1_500),
            Self::LoseRequest | Self::LoseReply => (1_500, 3_000),
            _ => (800, 3_000),
        }
    }
}

/// A server, to be found when the fault begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerChoice {
    /// The one that leads the ensemble.
    Leader,
    /// The one that follows it, the first or the second.
    Follower(usize),
    /// This one.
    Number(usize),
    /// The one that the client is connected to.
    Home,
}

impl ServerChoice {
    /// One that the fault has a chance to hit: a single client is where it is.
    fn of(clients: Clients, rng: &mut Rng) -> Self {
        match clients {
            Clients::All => Self::draw(rng),
            Clients::One(_) => Self::Home,
        }
    }

    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..4) {
            0 => Self::Leader,
            1 => Self::Follower(rng.usize(..2)),
            _ => Self::Number(rng.usize(..3)),
        }
    }
}

/// Whose lines to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Those of every process.
    All,
    /// Those of the process at this place: contenders first, then writers, then watchers.
    One(usize),
}

impl Clients {
    fn draw(rng: &mut Rng) -> Self {
        if rng.bool() { Self::All } else { Self::One(rng.usize(..CONTENDERS + WRITERS + WATCHERS)) }
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A server is killed, and started again at the end.
    KillServer(ServerChoice),
    /// A server is frozen.
    FreezeServer(ServerChoice),
    /// All servers are restarted, one after the other.
    RollingRestart,
    /// A server is cut off from the two others.
    Partition(ServerChoice),
    /// Two servers are cut off from each other; both reach the third.
    PartitionOfTwo(usize, usize),
    /// A follower is cut off from the other servers together with a client that reaches no other server: the contender that leads,
    /// or this one.
    Island(Option<usize>),
    /// What servers say to each other takes this much longer, each way.
    SlowQuorum(Duration),
    /// All connections between two servers are reset.
    QuorumReset(usize, usize),
    /// The contender that leads is frozen.
    FreezeLeader,
    /// A contender is frozen.
    FreezeContender(usize),
    /// A writer is frozen.
    FreezeWriter(usize),
    /// A watcher is frozen.
    FreezeWatcher(usize),
    /// The contender that leads is killed; at the end another process of the same member is started.
    KillLeader,
    /// A contender is killed; at the end another process of the same member is started.
    KillContender(usize),
    /// A writer is killed; at the end another one is started.
    KillWriter(usize),
    /// A line is slow by this much, each way.
    Latency(Clients, ServerChoice, Duration),
    /// A line holds everything in one direction.
    BlackHole(Clients, ServerChoice, Direction),
    /// A line passes a few bytes at a time.
    Slices(Clients, ServerChoice, usize),
    /// A line passes few bytes a second.
    Bandwidth(Clients, ServerChoice, u32),
    /// Connections are over for the side that receives in this direction, and the other is not told.
    HalfOpen(Clients, ServerChoice, Direction),
    /// Connections are reset.
    Reset(Clients, ServerChoice),
    /// Connections are reset, and new ones refused.
    Refuse(Clients, ServerChoice),
    /// The next write of each of these is cut off before the server gets it.
    LoseRequest(Clients),
    /// The next write of each of these is carried out, and the connection cut before the answer.
    LoseReply(Clients),
}

impl Fault {
    pub(super) fn draw(kind: Kind, rng: &mut Rng) -> Self {
        let two = |rng: &mut Rng| [(0, 1), (0, 2), (1, 2)][rng.usize(..3)];
        match kind {
            Kind::KillServer => Self::KillServer(ServerChoice::draw(rng)),
            Kind::FreezeServer => Self::FreezeServer(ServerChoice::draw(rng)),
            Kind::RollingRestart => Self::RollingRestart,
            Kind::Partition => Self::Partition(ServerChoice::draw(rng)),
            Kind::PartitionOfTwo => {
                let (one, other) = two(rng);
                Self::PartitionOfTwo(one, other)
            }
            Kind::Island => Self::Island((rng.u8(..4) == 0).then(|| rng.usize(..CONTENDERS))),
            Kind::SlowQuorum => Self::SlowQuorum(Duration::from_millis(rng.u64(20..=250))),
            Kind::QuorumReset => {
                let (one, other) = two(rng);
                Self::QuorumReset(one, other)
            }
            Kind::FreezeLeader => Self::FreezeLeader,
            Kind::FreezeContender => Self::FreezeContender(rng.usize(..CONTENDERS)),
            Kind::FreezeWriter => Self::FreezeWriter(rng.usize(..WRITERS)),
            Kind::FreezeWatcher => Self::FreezeWatcher(rng.usize(..WATCHERS)),
            Kind::KillLeader => Self::KillLeader,
            Kind::KillContender => Self::KillContender(rng.usize(..CONTENDERS)),
            Kind::KillWriter => Self::KillWriter(rng.usize(..WRITERS)),
            Kind::LoseRequest => Self::LoseRequest(Clients::draw(rng)),
            Kind::LoseReply => Self::LoseReply(Clients::draw(rng)),
            _ => Self::draw_of_lines(kind, rng),
        }
    }

    fn draw_of_lines(kind: Kind, rng: &mut Rng) -> Self {
        let clients = Clients::draw(rng);
        let server = ServerChoice::of(clients, rng);
        let direction = if rng.bool() { Direction::ToServer } else { Direction::ToClient };
        match kind {
            Kind::Latency => Self::Latency(clients, server, Duration::from_millis(rng.u64(20..=600))),
            Kind::Slices => Self::Slices(clients, server, rng.usize(1..=7)),
            Kind::Bandwidth => Self::Bandwidth(clients, server, rng.u32(500..=20_000)),
            Kind::HalfOpen => Self::HalfOpen(clients, server, direction),
            Kind::Reset => Self::Reset(clients, server),
            Kind::Refuse => Self::Refuse(clients, server),
            _ => Self::BlackHole(clients, server, direction),
        }
    }

    /// Its kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::KillServer(_) => Kind::KillServer,
            Self::FreezeServer(_) => Kind::FreezeServer,
            Self::RollingRestart => Kind::RollingRestart,
            Self::Partition(_) => Kind::Partition,
            Self::PartitionOfTwo(..) => Kind::PartitionOfTwo,
            Self::Island(_) => Kind::Island,
            Self::SlowQuorum(_) => Kind::SlowQuorum,
            Self::QuorumReset(..) => Kind::QuorumReset,
            Self::FreezeLeader => Kind::FreezeLeader,
            Self::FreezeContender(_) => Kind::FreezeContender,
            Self::FreezeWriter(_) => Kind::FreezeWriter,
            Self::FreezeWatcher(_) => Kind::FreezeWatcher,
            Self::KillLeader => Kind::KillLeader,
            Self::KillContender(_) => Kind::KillContender,
            Self::KillWriter(_) => Kind::KillWriter,
            Self::Latency(..) => Kind::Latency,
            Self::BlackHole(..) => Kind::BlackHole,
            Self::Slices(..) => Kind::Slices,
            Self::Bandwidth(..) => Kind::Bandwidth,
            Self::HalfOpen(..) => Kind::HalfOpen,
            Self::Reset(..) => Kind::Reset,
            Self::Refuse(..) => Kind::Refuse,
            Self::LoseRequest(_) => Kind::LoseRequest,
            Self::LoseReply(_) => Kind::LoseReply,
        }
    }
}

impl fmt::Display for ServerChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leader => f.write_str("the ensemble's leader"),
            Self::Follower(nth) => write!(f, "follower {nth}"),
            Self::Number(server) => write!(f, "server {server}"),
            Self::Home => f.write_str("its server"),
        }
    }
}

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::All => f.write_str("every client"),
            Self::One(place) if place < CONTENDERS => write!(f, "contender {place}"),
            Self::One(place) if place < CONTENDERS + WRITERS => write!(f, "writer {}", place - CONTENDERS),
            Self::One(place) => write!(f, "watcher {}", place - CONTENDERS - WRITERS),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = |direction| match direction {
            Direction::ToServer => "to the server",
            Direction::ToClient => "to the client",
        };
        match *self {
            Self::KillServer(server) => write!(f, "{server} is killed"),
            Self::FreezeServer(server) => write!(f, "{server} is frozen"),
            Self::RollingRestart => f.write_str("a rolling restart"),
            Self::Partition(server) => write!(f, "{server} is cut off from the other servers"),
            Self::PartitionOfTwo(one, other) => {
                write!(f, "servers {one} and {other} are cut off from each other")
            }
            Self::Island(None) => f.write_str("a follower is cut off together with the leader's process"),
            Self::Island(Some(contender)) => {
                write!(f, "a follower is cut off together with contender {contender}")
            }
            Self::SlowQuorum(latency) => write!(f, "servers hear of each other {latency:?} later"),
            Self::QuorumReset(one, other) => {
                write!(f, "connections between servers {one} and {other} are reset")
            }
            Self::FreezeLeader => f.write_str("the contender that leads is frozen"),
            Self::FreezeContender(contender) => write!(f, "contender {contender} is frozen"),
            Self::FreezeWriter(writer) => write!(f, "writer {writer} is frozen"),
            Self::FreezeWatcher(watcher) => write!(f, "watcher {watcher} is frozen"),
            Self::KillLeader => f.write_str("the contender that leads is killed"),
            Self::KillContender(contender) => write!(f, "contender {contender} is killed"),
            Self::KillWriter(writer) => write!(f, "writer {writer} is killed"),
            Self::Latency(clients, server, latency) => {
                write!(f, "{clients} at {server}: {latency:?} later each way")
            }
            Self::BlackHole(clients, server, direction) => {
                write!(f, "{clients} at {server}: a black hole {}", way(direction))
            }
            Self::Slices(clients, server, bytes) => {
                write!(f, "{clients} at {server}: {bytes} bytes at a time")
            }
            Self::Bandwidth(clients, server, bytes) => {
                write!(f, "{clients} at {server}: {bytes} bytes a second")
            }
            Self::HalfOpen(clients, server, direction) => {
                write!(f, "{clients} at {server}: half open, over {}", way(direction))
            }
            Self::Reset(clients, server) => write!(f, "{clients} at {server}: reset"),
            Self::Refuse(clients, server) => write!(f, "{clients} at {server}: reset and refused"),
            Self::LoseRequest(clients) => write!(f, "{clients}: the next write is cut off before the server"),
            Self::LoseReply(clients) => write!(f, "{clients}: the next write is cut off before its answer"),
        }
    }
}
