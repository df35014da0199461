//! A process may have only so many open files, and every session is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open besides its sessions.
const OTHERS: u64 = 200;

/// Makes sure that this process, and those that it starts, may have so many connections.
///
/// # Errors
///
/// In words: what it takes, and what there is.
pub fn require_files(connections: usize) -> Result<(), String> {
    let wanted = connections as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if is_enough(current) {
        return Ok(());
    }
    if !is_enough(maximum) {
        let maximum = maximum.unwrap_or_default();
        return Err(format!(
            "{connections} connections want {wanted} open files, and a process may have {maximum} here: as root, `ulimit -n \
             {wanted}` in the shell that starts this, or raise `nofile` in /etc/security/limits.conf and log in again"
        ));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .map_err(|error| format!("the limit of open files cannot be raised to {wanted}: {error}"))
}
