//! One allocator of ports for all test processes of a machine.

use std::{
    fs::{File, OpenOptions},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
};

use crate::error::{TestkitError, doing};

/// Ports that are locked together. An ensemble of three servers takes nine.
const BLOCK: u16 = 20;
/// The lowest port ever leased; below it live well-known services, ZooKeeper's own 2181 among them.
const LOWEST: u16 = 10_000;
/// Where Linux starts its ephemeral ports unless told otherwise.
const USUAL_EPHEMERAL: u16 = 32_768;

/// Ports on 127.0.0.1 that belong to this lease until it is dropped.
///
/// Asking the kernel for a free port (`bind` to port 0) is not enough here: a server that a test kills and
/// restarts gives its port up in between, and then any outgoing connection of any process may be given that
/// very port. So two things are done instead.
///
/// * Ports come from **below the ephemeral range**, where the kernel never picks one by itself, neither for an
///   outgoing connection nor for a `bind` to port 0.
/// * Test processes keep apart through **lock files**, one for each block of 20 ports, in the temporary
///   directory. The lock is the kernel's (`flock`), so it goes with the process however that dies. The empty
///   files stay: unlinking a file that another process is about to lock would hand out a block twice.
///
/// A port of a locked block is still tried with a `bind`, because programs that know nothing of this may
/// listen there, and so may a server whose test process has been killed a moment ago.
#[derive(Debug)]
pub struct PortLease {
    /// The locked files, one for each block.
    locks: Vec<File>,
    /// Ports of the locked blocks that have not been handed out.
    spare: Vec<u16>,
    /// Where to look for the next block.
    next_block: u16,
}

impl PortLease {
    /// A lease that holds nothing yet.
    pub fn new() -> Self {
        Self { locks: Vec::new(), spare: Vec::new(), next_block: fastrand::u16(..) }
    }

    /// Takes a port on which nobody listens, and keeps it until the lease is dropped.
    ///
    /// # Errors
    /// [`TestkitError::NoPorts`] when every block is taken, [`TestkitError::Io`] when the lock files cannot be
    /// made.
    pub fn take(&mut self) -> Result<SocketAddr, TestkitError> {
        loop {
            while let Some(port) = self.spare.pop() {
                let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                if TcpListener::bind(addr).is_ok() {
                    return Ok(addr);
                }
            }
            self.lock_block()?;
        }
    }

    /// Locks the next block that nobody holds.
    fn lock_block(&mut self) -> Result<(), TestkitError> {
        let (low, high) = range();
        let blocks = (high - low) / BLOCK;
        let directory = lock_directory();
        std::fs::create_dir_all(&directory).map_err(doing(format!("create {}", directory.display())))?;
        for _ in 0..blocks {
            let block = self.next_block % blocks;
            self.next_block = (block + 1) % blocks;
            let path = directory.join(format!("{}.lock", low + block * BLOCK));
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(doing(format!("open {}", path.display())))?;
            match file.try_lock() {
                Ok(()) => {
                    self.locks.push(file);
                    let first = low + block * BLOCK;
                    self.spare.extend((first..first + BLOCK).rev());
                    return Ok(());
                }
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(doing(format!("lock {}", path.display()))(error));
                }
            }
        }
        Err(TestkitError::NoPorts { low, high })
    }
}

impl Default for PortLease {
    fn default() -> Self {
        Self::new()
    }
}

/// The ports to choose from: `low..high`.
fn range() -> (u16, u16) {
    let ephemeral = ephemeral_start().unwrap_or(USUAL_EPHEMERAL);
    // A machine with hardly any room below its ephemeral ports gets the usual range: the `bind` and the retry
    // with new ports have to do.
    if ephemeral >= LOWEST + 100 * BLOCK { (LOWEST, ephemeral) } else { (LOWEST, USUAL_EPHEMERAL) }
}

/// Where this machine's ephemeral ports start.
fn ephemeral_start() -> Option<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// One directory per user, so that nobody meets a file that only another user may open.
fn lock_directory() -> PathBuf {
    std::env::temp_dir().join(format!("zk-testkit-ports-{}", rustix::process::getuid().as_raw()))
}

/// Takes exactly these ports, for people who want to know them beforehand.
///
/// # Errors
/// [`TestkitError::Invalid`] when one of them is in use.
pub(crate) fn require_free(addr: SocketAddr) -> Result<SocketAddr, TestkitError> {
    let check: io::Result<TcpListener> = TcpListener::bind(addr);
    check.map(|_| addr).map_err(|error| TestkitError::Invalid(format!("port {addr} is in use: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn two_leases_never_share_a_port() {
        let (mut a, mut b) = (PortLease::new(), PortLease::new());
        b.next_block = a.next_block;
        let mut seen = HashSet::new();
        for _ in 0..30 {
            assert!(seen.insert(a.take().unwrap()));
            assert!(seen.insert(b.take().unwrap()));
        }
        let (low, high) = range();
        assert!(seen.iter().all(|addr| (low..high).contains(&addr.port())));
    }

    #[test]
    fn a_port_with_a_listener_is_skipped() {
        let mut lease = PortLease::new();
        let first = lease.take().unwrap();
        let next = SocketAddr::from((Ipv4Addr::LOCALHOST, *lease.spare.last().unwrap()));
        let _listener = TcpListener::bind(next).unwrap();
        let second = lease.take().unwrap();
        assert_ne!(first, second);
        assert_ne!(second, next);
    }
}
