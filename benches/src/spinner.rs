//! Processes of idle priority that keep every core awake: on a virtual machine, figures of one call after the other are
//! otherwise partly those of waking a core.

use std::{
    io::{self, Read},
    process::{Child, Command, Stdio},
};

/// The argument with which a program becomes a spinner.
pub const ROLE: &str = "spin";

/// One spinner per core; they end when this is dropped, or this process dies.
#[derive(Debug)]
pub struct Spinners(Vec<Child>);

impl Spinners {
    /// Starts them: this program again, as [`ROLE`], under `chrt --idle` where there is one.
    ///
    /// # Errors
    ///
    /// This program cannot be started again.
    pub fn start() -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut spinners = Self(Vec::new());
        for _ in 0..cores {
            let mut idle = Command::new("chrt");
            idle.args(["--idle", "0"]).arg(&this).arg(ROLE);
            let mut nice = Command::new(&this);
            nice.arg(ROLE);
            spinners.0.push(spawn(idle).or_else(|_| spawn(nice))?);
        }
        Ok(spinners)
    }
}

impl Drop for Spinners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn spawn(mut command: Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

/// Is a spinner until standard input ends.
pub fn run() {
    // Without `chrt` this is the next best. Where it is not allowed, the spinner is a competitor, and must not be.
    if rustix::process::nice(19).is_err() {
        return;
    }
    std::thread::spawn(|| {
        loop {
            std::hint::spin_loop();
        }
    });
    let _ = io::stdin().lock().read_to_end(&mut Vec::new());
}
