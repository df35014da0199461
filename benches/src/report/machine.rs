//! What a figure comes from: the command, the commit, the machine.

use std::process::Command;

use serde::Serialize;

/// What has to be said with every figure.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// The command line.
    pub command: String,
    /// The commit that was checked out, with `+` where files were changed since; `unknown` where the checkout is gone.
    pub commit: String,
    /// The machine.
    pub machine: Machine,
}

/// A machine, as far as figures depend on it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's own name of itself.
    pub cpu: String,
    /// The kernel's release.
    pub kernel: String,
    /// How many processes were running or waiting for a core in the minute before: above 0 the figures had company.
    pub load: f64,
}

impl Provenance {
    /// Of this process, now.
    pub fn now() -> Self {
        let words: Vec<String> = std::env::args().collect();
        Self { command: words.join(" "), commit: commit(), machine: Machine::this() }
    }
}

impl Machine {
    /// The one this runs on.
    fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let load = read("/proc/loadavg");
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: cpu.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: load.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0),
        }
    }
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|list| !list.is_empty());
    format!("{commit}{}", if changed { "+" } else { "" })
}
