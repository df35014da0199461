//! The servers of an ensemble, and the order in which a round of connects tries them.

use std::fmt;

/// One server as the user named it: a host name or an address, and a port. Resolving it is the driver's work.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub name: String,
    /// The client port, 1..=65535.
    pub port: u16,
}

impl Host {
    /// A host by name (or address) and port.
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self { name: name.into(), port }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// The host list, and what is left of the current round.
///
/// A round visits every host once. Its order is drawn anew for each round, so that the clients of a dead server spread
/// over the living ones; the server that was lost last goes last, so that a round does not begin with the dead one.
#[derive(Debug)]
pub(crate) struct Hosts {
    all: Vec<Host>,
    round: Vec<Host>,
    lost_last: Option<Host>,
    /// The one to begin the next round with.
    preferred: Option<Host>,
}

impl Hosts {
    pub(crate) fn new(all: Vec<Host>) -> Self {
        Self { all, round: Vec::new(), lost_last: None, preferred: None }
    }

    /// Another list. The round begins anew.
    pub(crate) fn replace(&mut self, all: Vec<Host>) {
        self.all = all;
        self.round.clear();
    }

    pub(crate) fn contains(&self, host: &Host) -> bool {
        self.all.contains(host)
    }

    /// How many servers there are, at least 1 (for divisions).
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX).max(1)
    }

    /// What is left of the current round.
    pub(crate) fn round(&self) -> &[Host] {
        &self.round
    }

    /// The other hosts, shuffled: where a session may move to.
    pub(crate) fn others(&self, host: &Host, rng: &mut fastrand::Rng) -> Vec<Host> {
        let mut others: Vec<Host> = self.all.iter().filter(|other| *other != host).cloned().collect();
        rng.shuffle(&mut others);
        others
    }

    /// Starts a round: every host once.
    pub(crate) fn start_round(&mut self, rng: &mut fastrand::Rng) {
        self.round.clone_from(&self.all);
        rng.shuffle(&mut self.round);
        if let Some(lost) = &self.lost_last {
            // A stable sort: `false` (not the lost one) comes before `true`.
            self.round.sort_by_key(|host| host == lost);
        }
        if let Some(preferred) = self.preferred.take() {
            self.round.sort_by_key(|host| *host != preferred);
        }
    }

    /// Starts a round that has begun with this host already. The server that was lost last is left for it and has no place in
    /// the round.
    pub(crate) fn start_round_with(&mut self, first: &Host, rng: &mut fastrand::Rng) {
        self.start_round(rng);
        self.round.retain(|host| host != first && Some(host) != self.lost_last.as_ref());
    }

    /// Takes a host out of the current round: it was tried.
    pub(crate) fn tried(&mut self, host: &Host) {
        self.round.retain(|other| other != host);
    }

    /// Ends the round early: the next one starts with every host again.
    pub(crate) fn end_round(&mut self) {
        self.round.clear();
    }

    /// The next round begins with this host.
    pub(crate) fn prefer(&mut self, host: Host) {
        self.preferred = Some(host);
    }

    /// Remembers the server that was lost, for the order of the next rounds.
    pub(crate) fn lost(&mut self, host: Host) {
        self.lost_last = Some(host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lost_server_goes_last_and_each_is_tried_once() {
        let all: Vec<Host> = (0u16..5).map(|n| Host::new(format!("zk{n}"), 2181)).collect();
        for seed in 0..50 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut hosts = Hosts::new(all.clone());
            hosts.lost(all[2].clone());
            hosts.start_round(&mut rng);
            assert_eq!(hosts.round().last(), Some(&all[2]));
            let mut sorted = hosts.round().to_vec();
            sorted.sort();
            assert_eq!(sorted, all);
            let first = hosts.round()[0].clone();
            hosts.tried(&first);
            assert!(!hosts.round().contains(&first));
        }
    }

    #[test]
    fn orders_differ_between_seeds() {
        let all: Vec<Host> = (0u16..5).map(|n| Host::new(format!("zk{n}"), 2181)).collect();
        let orders: std::collections::HashSet<Vec<Host>> = (0..20)
            .map(|seed| {
                let mut hosts = Hosts::new(all.clone());
                hosts.start_round(&mut fastrand::Rng::with_seed(seed));
                hosts.round().to_vec()
            })
            .collect();
        assert!(orders.len() > 5, "20 processes should not agree on a few orders: {}", orders.len());
    }

    #[test]
    fn ipv6_is_shown_in_brackets() {
        assert_eq!(Host::new("::1", 2181).to_string(), "[::1]:2181");
        assert_eq!(Host::new("zk1", 2181).to_string(), "zk1:2181");
    }
}
