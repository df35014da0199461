//! A session by hand, and processes by pid: the kit is tested without any client of this workspace.

#![allow(dead_code, reason = "every test binary uses another part")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

/// Opens a session as a client does and returns its connection and its id.
pub(crate) fn open_session(addr: SocketAddr) -> (TcpStream, i64) {
    let mut request = Vec::new();
    request.extend(44_i32.to_be_bytes());
    request.extend(0_i32.to_be_bytes()); // protocol version
    request.extend(0_i64.to_be_bytes()); // last zxid seen
    request.extend(2_000_i32.to_be_bytes()); // timeout in ms
    request.extend(0_i64.to_be_bytes()); // session id
    request.extend(16_i32.to_be_bytes()); // password
    request.extend([0; 16]);
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(&request).unwrap();
    // Length, protocol version, timeout, session id: the rest is the password.
    let mut response = [0; 20];
    stream.read_exact(&mut response).unwrap();
    (stream, i64::from_be_bytes(response[12..20].try_into().unwrap()))
}

/// Whether a process runs, stopped ones included. A zombie does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim().chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

/// Whether a process is stopped by a signal.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim().starts_with('T'))
}

/// Polls until the process is gone.
pub(crate) fn wait_gone(pid: u32) -> bool {
    wait_until(|| !is_running(pid))
}

/// Polls a condition for up to 5 s.
pub(crate) fn wait_until(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        if condition() {
            return true;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    false
}

/// The directory above those of the servers.
pub(crate) fn parent(directory: &Path) -> &Path {
    directory.parent().unwrap()
}
