//! One server: its addresses, its files and its process.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::{
    ServerStatus,
    error::{TestkitError, doing},
    four_letter, spawner,
};

/// Between two looks at a process or a server.
const POLL: Duration = Duration::from_millis(10);
/// How long one `srvr` may take while polling: a frozen server must not hold up the look at the others.
const STATUS_DEADLINE: Duration = Duration::from_millis(500);
/// After SIGTERM. ZooKeeper needs a fraction of a second.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// How much of a log goes into an error.
const LOG_TAIL: u64 = 12 * 1024;

/// One server of an [`Ensemble`](crate::Ensemble).
#[derive(Debug)]
pub struct Server {
    pub(crate) index: usize,
    pub(crate) addr: SocketAddr,
    pub(crate) secure_addr: Option<SocketAddr>,
    pub(crate) quorum_addr: Option<SocketAddr>,
    pub(crate) election_addr: Option<SocketAddr>,
    pub(crate) directory: PathBuf,
    /// The `java` program and its arguments; the same for every start.
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) start_timeout: Duration,
    /// The running process. Never locked across an await. `None` once the process has been waited for, so a
    /// signal can never reach a process that got the pid later.
    pub(crate) process: Mutex<Option<Child>>,
    /// Where in the log the last start begins.
    pub(crate) log_start: AtomicU64,
}

impl Server {
    /// Index in the ensemble, from 0. The number in `myid` is one more.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where clients connect in plain text.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where clients connect with TLS, if the builder was told [`tls_ports`](crate::EnsembleBuilder::tls_ports).
    pub fn secure_addr(&self) -> Option<SocketAddr> {
        self.secure_addr
    }

    /// Where followers connect while this server leads; `None` for a server on its own.
    pub fn quorum_addr(&self) -> Option<SocketAddr> {
        self.quorum_addr
    }

    /// Where the other servers send their votes; `None` for a server on its own.
    pub fn election_addr(&self) -> Option<SocketAddr> {
        self.election_addr
    }

    /// The server's own directory: `zoo.cfg`, `server.log`, `data/` and the files given to the builder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The pid, while the process runs. A frozen process runs.
    pub fn pid(&self) -> Option<u32> {
        let mut process = self.lock();
        reap(&mut process);
        process.as_ref().map(Child::id)
    }

    /// What the server answers to `srvr`; `None` when it does not answer within half a second or does not serve.
    pub async fn status(&self) -> Option<ServerStatus> {
        let answer = four_letter::ask(self.addr, "srvr", STATUS_DEADLINE).await.ok()?;
        ServerStatus::parse(&answer)
    }

    /// The end of the server's log, some 12 KiB of whole lines. Logs of all starts are in one file.
    pub fn log_tail(&self) -> String {
        read_tail(&self.log_path()).unwrap_or_else(|error| format!("(no log: {error})"))
    }

    /// The file with everything the server wrote.
    pub fn log_path(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// Starts the process without waiting for it to serve.
    pub(crate) fn spawn(&self) -> Result<(), TestkitError> {
        let mut process = self.lock();
        reap(&mut process);
        if let Some(child) = process.as_ref() {
            return Err(TestkitError::AlreadyRunning { server: self.index, pid: child.id() });
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .map_err(doing(format!("open {}", self.log_path().display())))?;
        self.log_start.store(log.metadata().map_or(0, |metadata| metadata.len()), Ordering::Relaxed);
        let errors = log.try_clone().map_err(doing("duplicate the log's descriptor"))?;
        let mut command = spawner::dying_with_us(&self.program);
        command.args(&self.arguments).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = spawner::spawn(command).map_err(doing(format!("start {}", self.program.display())))?;
        *process = Some(child);
        Ok(())
    }

    /// Polls `srvr` until the server names its mode, and the TLS port if there is one.
    pub(crate) async fn wait_ready(&self) -> Result<(), TestkitError> {
        let start = Instant::now();
        let mut polls = 0_u32;
        loop {
            if let Some(status) = self.exit_status()? {
                return Err(self.explain(|server, log| TestkitError::Exited {
                    server,
                    status: status.to_string(),
                    log,
                }));
            }
            if self.status().await.is_some() && self.takes_tls().await {
                return Ok(());
            }
            polls += 1;
            // A server whose election port is taken stays alive and tries for a minute.
            if polls.is_multiple_of(50) && self.found_port_taken() {
                return Err(TestkitError::PortTaken { server: self.index, log: self.log_tail() });
            }
            if start.elapsed() > self.start_timeout {
                let waited = self.start_timeout;
                return Err(self.explain(|server, log| TestkitError::NotReady { server, waited, log }));
            }
            sleep(POLL).await;
        }
    }

    /// Whether the TLS port, if there is one, takes connections: it opens last.
    async fn takes_tls(&self) -> bool {
        match self.secure_addr {
            Some(addr) => TcpStream::connect(addr).await.is_ok(),
            None => true,
        }
    }

    /// Sends a signal to the running process.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), TestkitError> {
        let mut process = self.lock();
        reap(&mut process);
        let not_running = TestkitError::NotRunning { server: self.index };
        let Some(child) = process.as_ref() else { return Err(not_running) };
        let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
            return Err(not_running);
        };
        kill_process(pid, signal).map_err(|errno| doing(format!("send {signal:?} to {pid:?}"))(errno.into()))
    }

    /// Waits until all threads have stopped, 1 s at most: on a busy machine a server may answer one more request between the
    /// signal and that. Where the system does not show threads this way (it is Linux's), there is nothing to wait for.
    pub(crate) fn wait_stopped(&self) {
        let Some(pid) = self.pid() else { return };
        let stopped = |task: &Path| {
            let stat = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
            // The state follows the name, which is in parentheses and may hold any.
            stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'Z', 'X']))
        };
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return };
            if tasks.flatten().all(|task| stopped(&task.path())) {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// SIGTERM, then SIGCONT so that a frozen server gets it too, then waits; SIGKILL after 10 s.
    pub(crate) async fn stop(&self) -> Result<(), TestkitError> {
        self.signal(Signal::TERM)?;
        let _ = self.signal(Signal::CONT);
        if self.wait_gone(STOP_DEADLINE).await {
            return Ok(());
        }
        self.kill().await?;
        Err(TestkitError::StopTimeout { server: self.index, waited: STOP_DEADLINE })
    }

    /// SIGKILL, then waits. Works on a frozen server.
    pub(crate) async fn kill(&self) -> Result<(), TestkitError> {
        self.signal(Signal::KILL)?;
        // Only a process that hangs in the kernel can outlast this.
        if self.wait_gone(STOP_DEADLINE).await {
            Ok(())
        } else {
            Err(TestkitError::StopTimeout { server: self.index, waited: STOP_DEADLINE })
        }
    }

    /// Polls until the process has ended. `false` when it has not by then.
    async fn wait_gone(&self, deadline: Duration) -> bool {
        let start = Instant::now();
        while self.pid().is_some() {
            if start.elapsed() > deadline {
                return false;
            }
            sleep(POLL / 5).await;
        }
        true
    }

    /// How the process ended; `None` while it runs.
    fn exit_status(&self) -> Result<Option<ExitStatus>, TestkitError> {
        match self.lock().as_mut() {
            Some(child) => child.try_wait().map_err(doing("wait for a server")),
            None => Err(TestkitError::NotRunning { server: self.index }),
        }
    }

    /// Makes an error with the log's end, and names a taken port when that is the cause.
    fn explain(&self, error: impl FnOnce(usize, String) -> TestkitError) -> TestkitError {
        let log = self.log_tail();
        if self.found_port_taken() {
            return TestkitError::PortTaken { server: self.index, log };
        }
        error(self.index, log)
    }

    /// Whether the server has complained of a taken port since its last start.
    fn found_port_taken(&self) -> bool {
        let start = self.log_start.load(Ordering::Relaxed);
        read_from(&self.log_path(), start).is_ok_and(|log| log.contains("java.net.BindException"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Child>> {
        // A panic elsewhere does not make the child less worth killing.
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    /// Kills the process and waits for it: milliseconds, as nothing can hold up SIGKILL.
    fn drop(&mut self) {
        if let Some(mut child) = self.lock().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Forgets a process that has ended.
fn reap(process: &mut Option<Child>) {
    if process.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_)))) {
        *process = None;
    }
}

/// The last whole lines of a file.
fn read_tail(path: &Path) -> std::io::Result<String> {
    let skip = std::fs::metadata(path)?.len().saturating_sub(LOG_TAIL);
    let text = read_from(path, skip)?;
    let whole = if skip == 0 { &text } else { text.split_once('\n').map_or(&*text, |(_, rest)| rest) };
    Ok(whole.to_owned())
}

/// A file from an offset on.
fn read_from(path: &Path, offset: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
