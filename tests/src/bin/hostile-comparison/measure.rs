//! What a process takes in memory, as the kernel counts it.

use std::fs;

/// Peaks of a process, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Peak {
    /// Of memory in use (`VmHWM`).
    pub(crate) resident: u64,
    /// Of address space (`VmPeak`): what was asked for, used or not.
    pub(crate) reserved: u64,
}

/// Begins anew to look for the peak of memory in use, and says where it begins.
pub(crate) fn begin(pid: u32) -> Option<Peak> {
    // "5" resets VmHWM to what is in use now. VmPeak cannot be reset.
    fs::write(format!("/proc/{pid}/clear_refs"), "5").ok()?;
    peak(pid)
}

/// The peaks until now; `None` when the process is gone.
pub(crate) fn peak(pid: u32) -> Option<Peak> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Peak { resident: field("VmHWM:")?, reserved: field("VmPeak:")? })
}
