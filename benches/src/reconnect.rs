//! Reconnect latency: from a fault to the first good reply.
//!
//! A contender makes one call after the other, through the fault and on. What counts is **the first good answer to a call that
//! was begun after the fault**, and the fault begins when it is in effect: when the killed server's connections have ended
//! (as a bare connection sees it, which is told at the same time as the contender's), when all threads of the frozen one stand
//! still, when the proxies pass nothing any more. So no answer that was on its way already can count, and the time that a
//! kernel takes to tear a process down is nobody's. A client that answers a call of before the fault on its next connection
//! loses nothing but the gap to its next call by this.
//!
//! Before each fault the contender's process is new, has called without failure for a while, and is known to be connected to
//! the server that is hit.

mod black_hole;
mod freeze;
mod kill;
mod limit;
mod probe;
mod scene;

use std::time::Duration;

pub use self::{
    probe::Outcome,
    scene::{Round, Scene},
};
use crate::contender::{OURS_NO_SUSPICION, OURS_PATRONI};

/// All contenders, ours first.
pub const CONTENDERS: [&str; 8] = [
    OURS_PATRONI,
    OURS_NO_SUSPICION,
    crate::report::OURS,
    "patroni",
    "kazoo",
    "zookeeper-client",
    "c",
    "java",
];

/// How often a contender that also sends does it.
pub const SENDING: Duration = Duration::from_millis(500);

/// What happens, always to the server that the contender is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// The connected server is killed, a follower.
    FollowerKilled,
    /// The connected server is killed, the leader: none serves until the others have elected.
    LeaderKilled,
    /// The connected server is stopped: connections stay and are taken, nothing answers.
    Frozen,
    /// Nothing passes to or from the connected server; connections stay and are taken.
    BlackHoled,
    /// The same, and the server that the client tries next is silent as well.
    TwoBlackHoled,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::FollowerKilled, Self::LeaderKilled, Self::Frozen, Self::BlackHoled, Self::TwoBlackHoled];

    /// Its name in tables and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::FollowerKilled => "follower-killed",
            Self::LeaderKilled => "leader-killed",
            Self::Frozen => "frozen",
            Self::BlackHoled => "black-holed",
            Self::TwoBlackHoled => "two-black-holed",
        }
    }

    /// Whether contenders are measured one at a time: where it is about milliseconds.
    pub fn is_for_one(self) -> bool {
        matches!(self, Self::FollowerKilled | Self::LeaderKilled)
    }

    /// From the end of one call to the next: the resolution.
    fn gap(self) -> Duration {
        Duration::from_millis(if self.is_for_one() { 1 } else { 5 })
    }
}
