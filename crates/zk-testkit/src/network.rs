//! The proxies of an ensemble: between clients and servers, and between each two servers.

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{Direction, Ensemble, FaultProxy, Server, ensemble::join, proxy::Announced};

/// None, some or all of them.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// In front of the client ports, by server.
    clients: Vec<FaultProxy>,
    /// By who dials and who is dialled.
    peers: BTreeMap<(usize, usize), Peer>,
}

/// What one server has in front of another.
#[derive(Debug)]
struct Peer {
    quorum: FaultProxy,
    election: FaultProxy,
}

impl Network {
    pub(crate) async fn start(servers: &[Server], clients: bool, quorum: bool) -> std::io::Result<Self> {
        let mut network = Self::default();
        for server in servers {
            if clients {
                network.clients.push(FaultProxy::start(server.addr).await?);
            }
            for peer in servers.iter().filter(|peer| quorum && peer.index != server.index) {
                let (Some(quorum), Some(election)) = (peer.quorum_addr, peer.election_addr) else { continue };
                let peers = Peer {
                    quorum: FaultProxy::start_opaque(quorum).await?,
                    election: FaultProxy::start_opaque(election).await?,
                };
                network.peers.insert((server.index, peer.index), peers);
            }
        }
        // A server that is dialled by another is told to dial back through its own proxy.
        for (&(from, to), peer) in &network.peers {
            if let (Some(own), Some(back)) = (servers[from].election_addr, network.peers.get(&(to, from))) {
                peer.election.announce(Announced { own, instead: back.election.address() });
            }
        }
        Ok(network)
    }

    /// The quorum and election addresses of a server as another one is told them. `None` for a server on its own.
    pub(crate) fn path(&self, from: &Server, to: &Server) -> Option<(SocketAddr, SocketAddr)> {
        match self.peers.get(&(from.index, to.index)) {
            Some(peer) => Some((peer.quorum.address(), peer.election.address())),
            None => to.quorum_addr.zip(to.election_addr),
        }
    }
}

impl Ensemble {
    /// The proxy in front of a server's client port.
    ///
    /// # Panics
    /// Without [`client_proxies`](crate::EnsembleBuilder::client_proxies).
    pub fn client_proxy(&self, server: usize) -> &FaultProxy {
        &self.network.clients[server]
    }

    /// The proxies' addresses of all servers, separated by commas, as ZooKeeper clients take them. Empty without
    /// [`client_proxies`](crate::EnsembleBuilder::client_proxies).
    pub fn proxied_connect_string(&self) -> String {
        join(self.network.clients.iter().map(FaultProxy::address))
    }

    /// Everything between these two servers, whoever dials: the proxies in front of quorum and election ports. Empty without
    /// [`quorum_proxies`](crate::EnsembleBuilder::quorum_proxies).
    pub fn proxies_between(&self, one: usize, other: usize) -> impl Iterator<Item = &FaultProxy> {
        let ways = [(one, other), (other, one)];
        let peers = ways.into_iter().filter_map(|way| self.network.peers.get(&way));
        peers.flat_map(|peer| [&peer.quorum, &peer.election])
    }

    /// Cuts each of the ones off from each of the others, in both directions, as a network does that drops every packet.
    ///
    /// # Panics
    /// Without [`quorum_proxies`](crate::EnsembleBuilder::quorum_proxies): nothing would be cut off.
    pub fn partition(&self, ones: &[usize], others: &[usize]) {
        assert!(!self.network.peers.is_empty(), "a partition needs quorum_proxies");
        self.hold_between(ones, others, true);
    }

    /// Ends the partition of these, as [`partition`](Self::partition) has them. What was held is delivered.
    pub fn rejoin(&self, ones: &[usize], others: &[usize]) {
        self.hold_between(ones, others, false);
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        let all: Vec<usize> = (0..self.servers.len()).collect();
        self.rejoin(&all, &all);
    }

    fn hold_between(&self, ones: &[usize], others: &[usize], on: bool) {
        for one in ones {
            for other in others {
                for proxy in self.proxies_between(*one, *other) {
                    proxy.black_hole(Direction::ToServer, on);
                    proxy.black_hole(Direction::ToClient, on);
                }
            }
        }
    }
}
