//! What a seed stands for: the size and pace of the ensemble, and what its servers can do.

use fastrand::Rng;

/// One millisecond of virtual time; the unit of the clock is the microsecond.
pub(crate) const MS: u64 = 1_000;

/// Nobody is granted less by the model: time for a lease to be renewed in spite of a slow commit.
const LEAST_TICKS: u64 = 4;

/// How servers take `SetWatches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetWatches {
    Known,
    /// Answered with `UNIMPLEMENTED`, and the connection is closed.
    Refused,
    /// The connection is closed without an answer.
    Closes,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) servers: usize,
    /// The servers' tick, µs.
    pub(crate) tick: u64,
    /// What clients ask for and get, µs.
    pub(crate) timeout: u64,
    /// Ticks that leader and follower bear each other's silence.
    pub(crate) sync_limit: u64,
    pub(crate) contenders: usize,
    pub(crate) clients: usize,
    /// Faults and work end then, µs.
    pub(crate) end: u64,
    /// Faults are this far apart on average, µs.
    pub(crate) fault_gap: u64,
    pub(crate) set_watches: SetWatches,
    /// The most that a clock of a client may run fast or slow, parts per million.
    pub(crate) drift_ppm: i64,
    pub(crate) suspicion: bool,
    pub(crate) small_queue: bool,
    /// Whoever holds the leader key mostly looks at it, and followers that are cut off hold out for longer than a session
    /// lasts: pongs and reads go on, and no write is there behind which they would wait.
    pub(crate) quiet_leaders: bool,
}

impl Plan {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let tick = [200, 300, 400][rng.usize(..3)] * MS;
        let contenders = rng.usize(2..=3);
        let timeout_ticks = rng.u64(LEAST_TICKS..=8);
        let quiet_leaders = rng.u8(..6) == 0;
        Self {
            servers: if rng.u8(..8) == 0 { 5 } else { 3 },
            tick,
            timeout: tick * timeout_ticks,
            sync_limit: if quiet_leaders { timeout_ticks * 2 + 2 } else { rng.u64(4..=9) },
            contenders,
            clients: contenders + 2,
            end: 5_000 * MS,
            fault_gap: [300, 500, 900][rng.usize(..3)] * MS,
            set_watches: match rng.u8(..16) {
                0 | 1 => SetWatches::Refused,
                2 => SetWatches::Closes,
                _ => SetWatches::Known,
            },
            drift_ppm: 5_000,
            suspicion: rng.u8(..4) != 0,
            small_queue: rng.u8(..4) == 0,
            quiet_leaders,
        }
    }

    /// How long a follower keeps to itself what it heard: half a tick, and the way of two messages.
    pub(crate) fn relay_delay(&self) -> u64 {
        self.tick / 2 + 10 * MS
    }

    /// What a lease is shorter than the timeout: the drift of two clocks, and the way of a few messages. Much less than what
    /// `dcs-zk` takes: nothing is to hide in it.
    pub(crate) fn margin(&self) -> u64 {
        self.timeout * self.drift_ppm.unsigned_abs() / 1_000_000 * 2 + 15 * MS
    }

    pub(crate) fn majority(&self) -> usize {
        self.servers / 2 + 1
    }
}
