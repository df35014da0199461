//! Connections: bytes in order, with latency, in slices, held up where nothing gets through.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    server::Serving,
    world::{Happening, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Server,
    Client,
}

#[derive(Debug, Clone)]
pub(crate) enum Item {
    Bytes(Bytes),
    /// The other side has closed the connection, or the machine has reset it.
    Close {
        reset: bool,
    },
}

/// One way of a connection.
#[derive(Debug, Default)]
struct Lane {
    /// When the last thing that was sent arrives: nothing overtakes it.
    last_arrival: u64,
    /// What has arrived where nothing gets through, or nobody listens.
    held: VecDeque<Item>,
    /// Nothing gets through until then.
    dead_until: u64,
}

#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) client: usize,
    pub(crate) server: usize,
    pub(crate) open_at_client: bool,
    /// The client has asked for its session.
    pub(crate) asked: bool,
    pub(crate) serving: Serving,
    to_server: Lane,
    to_client: Lane,
}

impl Conn {
    fn lane(&mut self, to: Direction) -> &mut Lane {
        match to {
            Direction::Server => &mut self.to_server,
            Direction::Client => &mut self.to_client,
        }
    }
}

impl World {
    pub(crate) fn connect(&mut self, client: usize, server: usize) -> usize {
        self.conns.push(Conn {
            client,
            server,
            open_at_client: true,
            asked: false,
            serving: Serving::new(),
            to_server: Lane::default(),
            to_client: Lane::default(),
        });
        let conn = self.conns.len() - 1;
        self.servers[server].conns.push(conn);
        conn
    }

    pub(crate) fn reachable(&self, client: usize, server: usize) -> bool {
        self.blocked[client][server] <= self.now
    }

    /// Nothing gets through for now, on this one connection.
    pub(crate) fn kill_lane(&mut self, conn: usize, to: Direction, until: u64) {
        self.conns[conn].lane(to).dead_until = until;
    }

    fn is_held(&self, conn: usize, to: Direction) -> bool {
        let Conn { client, server, to_server, to_client, .. } = &self.conns[conn];
        let (dead_until, asleep) = match to {
            Direction::Server => (to_server.dead_until, self.servers[*server].frozen_until),
            Direction::Client => (to_client.dead_until, self.clients[*client].frozen_until),
        };
        self.now < dead_until || self.now < asleep || !self.reachable(*client, *server)
    }

    /// Sends bytes, now and then in slices that arrive one after the other.
    pub(crate) fn send(&mut self, conn: usize, to: Direction, mut bytes: Bytes) {
        while self.rng.u8(..12) == 0 && bytes.len() > 1 {
            let slice = bytes.split_to(self.rng.usize(1..bytes.len()));
            self.put(conn, to, Item::Bytes(slice));
        }
        self.put(conn, to, Item::Bytes(bytes));
    }

    pub(crate) fn put(&mut self, conn: usize, to: Direction, item: Item) {
        let arrival = self.now + self.latency();
        let lane = self.conns[conn].lane(to);
        let arrival = arrival.max(lane.last_arrival);
        lane.last_arrival = arrival;
        self.at(arrival, Happening::Deliver { conn, to, item });
    }

    pub(crate) fn deliver(&mut self, conn: usize, to: Direction, item: Item) {
        let held = self.is_held(conn, to);
        let lane = self.conns[conn].lane(to);
        if held || !lane.held.is_empty() {
            lane.held.push_back(item);
        } else {
            self.arrive(conn, to, item);
        }
    }

    fn arrive(&mut self, conn: usize, to: Direction, item: Item) {
        let kind = match &item {
            Item::Bytes(bytes) => bytes.len() as u64,
            Item::Close { .. } => 0,
        };
        self.note(1 + u64::from(to == Direction::Client), conn as u64, kind);
        match to {
            Direction::Server => self.server_receives(conn, item),
            Direction::Client => self.client_receives(conn, item),
        }
    }

    /// Delivers what was held up and is not any more. First the connections of one server, then the next: the order in
    /// which a machine reads its sockets.
    pub(crate) fn release(&mut self) {
        for conn in 0..self.conns.len() {
            for to in [Direction::Server, Direction::Client] {
                while !self.is_held(conn, to) {
                    let Some(item) = self.conns[conn].lane(to).held.pop_front() else { break };
                    self.arrive(conn, to, item);
                }
            }
        }
    }

    /// The client gives its end up.
    pub(crate) fn close_at_client(&mut self, conn: usize) {
        if std::mem::replace(&mut self.conns[conn].open_at_client, false) {
            self.put(conn, Direction::Server, Item::Close { reset: false });
        }
    }

    pub(crate) fn forget_conn(&mut self, conn: usize) {
        let server = self.conns[conn].server;
        self.servers[server].conns.retain(|other| *other != conn);
    }

    /// The server gives its end up: what it has sent before still arrives.
    pub(crate) fn close_at_server(&mut self, conn: usize, reset: bool) {
        if self.conns[conn].serving.close() {
            self.forget_conn(conn);
            self.put(conn, Direction::Client, Item::Close { reset });
        }
    }
}
