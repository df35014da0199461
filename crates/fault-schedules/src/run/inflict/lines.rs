//! What happens between clients and servers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use zk_jute::OpCode;
use zk_testkit::{Counts, FaultProxy, Request};

use super::super::world::World;
use crate::schedule::{Clients, Fault, ServerChoice};

pub(super) async fn happen(world: &World, fault: Fault, lasts: Duration) -> bool {
    match fault {
        Fault::Latency(clients, server, latency) => {
            let set = |line: &FaultProxy, on| line.set_latency(if on { latency } else { Duration::ZERO });
            while_on(world, clients, server, lasts, |counts| counts.delayed, set).await
        }
        Fault::BlackHole(clients, server, direction) => {
            let set = |line: &FaultProxy, on| line.black_hole(direction, on);
            while_on(world, clients, server, lasts, |counts| counts.held, set).await
        }
        Fault::Slices(clients, server, bytes) => {
            let set = |line: &FaultProxy, on: bool| line.set_slices(on.then_some(bytes));
            while_on(world, clients, server, lasts, |counts| counts.paced, set).await
        }
        Fault::Bandwidth(clients, server, bytes) => {
            let set = |line: &FaultProxy, on: bool| line.set_bandwidth(on.then_some(bytes));
            while_on(world, clients, server, lasts, |counts| counts.paced, set).await
        }
        Fault::HalfOpen(clients, server, direction) => {
            let set = |line: &FaultProxy, on| {
                if on {
                    line.half_open(direction);
                }
            };
            while_on(world, clients, server, lasts, |counts| counts.cut, set).await
        }
        Fault::Reset(clients, server) => {
            let set = |line: &FaultProxy, on| {
                if on {
                    line.reset();
                }
            };
            while_on(world, clients, server, lasts, |counts| counts.cut, set).await
        }
        Fault::Refuse(clients, server) => refuse(world, clients, server, lasts).await,
        Fault::LoseRequest(clients) => {
            lose(world, clients, lasts, |line, when| line.lose_request(when)).await
        }
        Fault::LoseReply(clients) => lose(world, clients, lasts, |line, when| line.lose_reply(when)).await,
        _ => false,
    }
}

/// Turns something on for as long as it lasts. Landed when the lines have counted more than before.
async fn while_on(
    world: &World,
    clients: Clients,
    server: ServerChoice,
    lasts: Duration,
    of: impl Fn(Counts) -> u64,
    set: impl Fn(&FaultProxy, bool),
) -> bool {
    let server = world.server_of(clients, server).await;
    let lines = world.lines.to_server(clients, server);
    let count = || lines.iter().map(|line| of(line.counts())).sum::<u64>();
    let before = count();
    lines.iter().for_each(|line| set(line, true));
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    lines.iter().for_each(|line| set(line, false));
    count() > before
}

/// Landed when a connection was cut, and the port does refuse.
async fn refuse(world: &World, clients: Clients, server: ServerChoice, lasts: Duration) -> bool {
    let server = world.server_of(clients, server).await;
    let lines = world.lines.to_server(clients, server);
    let cut = || lines.iter().map(|line| line.counts().cut).sum::<u64>();
    let before = cut();
    let mut refuses = true;
    for line in &lines {
        refuses &= line.refuse(true).await.is_ok();
        line.reset();
    }
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    for line in &lines {
        let connected = tokio::net::TcpStream::connect(line.address()).await;
        refuses &= connected.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        // A port that cannot be had again shows at the end of the run.
        let _ = line.refuse(false).await;
    }
    refuses && cut() > before
}

/// Landed when it has happened to one of them.
async fn lose(
    world: &World,
    clients: Clients,
    lasts: Duration,
    order: impl Fn(&FaultProxy, Box<dyn Fn(&Request) -> bool + Send>) -> zk_testkit::Fault,
) -> bool {
    let mut ordered = Vec::new();
    let mut armed = Vec::new();
    for own in world.lines.of(clients) {
        // One write of each client, on whichever line it goes.
        let wanted = Arc::new(AtomicBool::new(true));
        for line in own {
            let wanted = Arc::clone(&wanted);
            let when = move |request: &Request| is_write(request) && wanted.swap(false, Ordering::SeqCst);
            ordered.push(order(line, Box::new(when)));
        }
        armed.push(wanted);
    }
    // The length of the fault.
    tokio::time::sleep(lasts).await;
    armed.iter().for_each(|wanted| wanted.store(false, Ordering::SeqCst));
    ordered.iter().any(|fault| fault.count() > 0)
}

fn is_write(request: &Request) -> bool {
    [OpCode::CREATE, OpCode::CREATE2, OpCode::DELETE, OpCode::SET_DATA, OpCode::MULTI].contains(&request.op)
}
