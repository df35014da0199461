//! What a server says of itself.

use std::fmt;

/// The part a server plays, as `srvr` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// The only server there is.
    Standalone,
    /// The server that orders the writes of an ensemble.
    Leader,
    /// A voting server that follows the leader.
    Follower,
    /// A server that follows without a vote.
    Observer,
    /// A server without a quorum that answers reads (`readonlymode.enabled`).
    ReadOnly,
}

impl Mode {
    /// Whether the server accepts writes.
    pub fn is_serving(self) -> bool {
        !matches!(self, Self::ReadOnly)
    }

    /// Whether writes are ordered here.
    pub fn is_leading(self) -> bool {
        matches!(self, Self::Standalone | Self::Leader)
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "standalone" => Self::Standalone,
            "leader" => Self::Leader,
            "follower" => Self::Follower,
            "observer" => Self::Observer,
            "read-only" => Self::ReadOnly,
            _ => return None,
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standalone => "standalone",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Observer => "observer",
            Self::ReadOnly => "read-only",
        })
    }
}

/// The answer to `srvr`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStatus {
    /// The part the server plays.
    pub mode: Mode,
    /// ZooKeeper's version, for instance `3.8.0`.
    pub version: String,
    /// The last transaction the server has processed. The upper 32 bits are the leader's epoch.
    pub zxid: u64,
    /// Open connections, the asking one included.
    pub connections: u64,
    /// Number of znodes, ZooKeeper's own ones included.
    pub node_count: u64,
}

impl ServerStatus {
    /// Reads the answer. `None` when the server says that it does not serve.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let field = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let number = |name: &str| field(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        let version = field("Zookeeper version:").unwrap_or_default();
        let zxid = field("Zxid: 0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        Some(Self {
            mode: Mode::parse(field("Mode:")?)?,
            version: version.split(['-', ',']).next().unwrap_or_default().to_owned(),
            zxid: zxid.unwrap_or(0),
            connections: number("Connections:"),
            node_count: number("Node count:"),
        })
    }
}

/// What a leader says in `mntr` of the writes that it orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderProgress {
    /// Writes proposed to the followers since the server was started.
    pub proposals: u64,
    /// Of these, those that a majority has acknowledged.
    pub commits: u64,
    /// Followers that have caught up and are heard of.
    pub synced_followers: u64,
}

impl LeaderProgress {
    /// Reads the answer. `None` when it is not a leader's.
    pub(crate) fn parse(mntr: &str) -> Option<Self> {
        let number = |name: &str| {
            let value = mntr.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'))?;
            value.trim().parse().ok()
        };
        Some(Self {
            // A follower has the other counters too, from when it led.
            synced_followers: number("zk_synced_followers")?,
            proposals: number("zk_proposal_count")?,
            commits: number("zk_commit_count")?,
        })
    }
}

/// The session ids in an answer to `cons`.
pub(crate) fn sessions(cons: &str) -> impl Iterator<Item = i64> + '_ {
    cons.split("sid=0x").skip(1).filter_map(|rest| {
        let hex = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
        u64::from_str_radix(hex, 16).ok().map(u64::cast_signed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srvr_of_a_leader() {
        let answer = "Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25\n\
                      Latency min/avg/max: 0/0.0/0\nReceived: 3\nSent: 2\nConnections: 1\nOutstanding: 0\n\
                      Zxid: 0x200000005\nMode: leader\nNode count: 5\nProposal sizes last/min/max: -1/-1/-1\n";
        let status = ServerStatus::parse(answer).unwrap();
        assert_eq!(status.mode, Mode::Leader);
        assert_eq!(status.version, "3.8.0");
        assert_eq!(status.zxid, 0x2_0000_0005);
        assert_eq!((status.connections, status.node_count), (1, 5));
    }

    #[test]
    fn srvr_of_a_server_that_does_not_serve() {
        assert_eq!(ServerStatus::parse("This ZooKeeper instance is not currently serving requests\n"), None);
    }

    #[test]
    fn mntr_of_a_leader() {
        let answer =
            "zk_version\t3.8.0\nzk_synced_followers\t2\nzk_proposal_count\t912\nzk_commit_count\t911\n";
        let progress = LeaderProgress { proposals: 912, commits: 911, synced_followers: 2 };
        assert_eq!(LeaderProgress::parse(answer), Some(progress));
        assert_eq!(LeaderProgress::parse(&answer.replace("zk_synced_followers\t2\n", "")), None);
    }

    #[test]
    fn session_ids_are_signed() {
        let cons = " /127.0.0.1:5[1](queued=0,recved=1,sent=1,sid=0x100003b,lop=PING)\n \
                    /127.0.0.1:6[1](queued=0,recved=1,sent=1,sid=0xf000000000000001,lop=SESS)\n \
                    /127.0.0.1:7[0](queued=0,recved=1,sent=0)\n";
        assert_eq!(sessions(cons).collect::<Vec<_>>(), [0x100_003b, -0x0fff_ffff_ffff_ffff]);
    }
}
