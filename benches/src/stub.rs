//! A server that answers prepared replies: as little work a request as possible, so that the client is what is measured.
//!
//! It knows no tree. Every node exists with the same data and every write succeeds; a watch left by `getData` fires at the next
//! `setData` of its path, before the answer, as on a real server.

mod replies;
mod serve;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener},
};

/// Prints where it listens and serves until standard input ends, each connection on a thread of its own.
///
/// # Errors
///
/// There is no port to be had.
pub fn run(payload: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    std::thread::spawn(|| {
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    for connection in listener.incoming() {
        let connection = connection?;
        let replies = replies::Replies::new(payload);
        // A client that goes away ends its own connection only.
        std::thread::spawn(move || serve::serve(connection, &replies));
    }
    Ok(())
}
