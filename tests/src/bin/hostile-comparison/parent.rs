//! One client under one case: the servers, the process, its limits, and what is seen of it.

use std::{
    env, io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use integration_tests::{
    gate::Gate,
    hostile::{Bad, Case, Stage, ours::Honest},
    patroni::python,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{interval, timeout},
};

use crate::{
    Peer,
    child::{Again, Ending, HANGS, NEW_CLIENT, RECOVERS, Task},
    measure::{self, Peak},
};

/// The address space of a client: more than any needs, and less than 2^31-1 twice.
const ADDRESS_SPACE_KIB: u64 = 4 << 20;

/// How long a client may take to start and to warm up.
const STARTS: Duration = Duration::from_secs(30);

/// What came of a case.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) client: &'static str,
    pub(crate) case: &'static str,
    pub(crate) item: &'static str,
    /// `error`, `answer`, `panics` (the task, not the process), `hangs`, `dies`, or `cannot` where the client does not know the request.
    pub(crate) outcome: String,
    pub(crate) detail: String,
    /// Milliseconds until the error or the answer.
    pub(crate) ms: Option<u64>,
    /// By how much the memory in use rose, at most.
    pub(crate) resident_kib: u64,
    /// By how much the address space rose above all that came before, at most.
    pub(crate) reserved_kib: u64,
    /// Whether the honest server is used in the end: `yes`, `new client` (only by a new one), `no`, `hangs`, `dies`.
    pub(crate) again: String,
}

/// Why a client cannot be compared, and how it can be had.
pub(crate) async fn missing(peer: Peer) -> Option<&'static str> {
    match peer {
        Peer::ZookeeperClient if cfg!(not(feature = "peers")) => Some("build with --features peers"),
        Peer::Kazoo => {
            let found = Command::new(python()).args(["-c", "import kazoo"]).stderr(Stdio::null()).status();
            let there = found.await.is_ok_and(|status| status.success());
            (!there).then_some("run scripts/install-deps.sh python, or set DCS_ZK_PYTHON")
        }
        _ => None,
    }
}

/// Plays a case to a client.
pub(crate) async fn play(case: &Case, peer: Peer, honest: &Honest) -> Row {
    let mut row = Row {
        client: peer.name(),
        case: case.name,
        item: case.item,
        outcome: "dies".to_owned(),
        detail: String::new(),
        ms: None,
        resident_kib: 0,
        reserved_kib: 0,
        again: "no".to_owned(),
    };
    let gate = Gate::to(honest.port(case.stage), false).await;
    let bad = Bad::start(case.script.clone()).await;
    let task = Task {
        case: case.name.to_owned(),
        bad: bad.addr,
        gate: gate.addr(),
        honest: honest.port(case.stage),
        ask: case.ask.word().to_owned(),
        chroot: case.ask.chroot().to_owned(),
        in_the_session: case.stage == Stage::InTheSession,
        tls: (case.stage == Stage::Tls).then(|| honest.pems().clone()),
    };
    let mut process = match Process::start(peer) {
        Ok(process) => process,
        Err(error) => return Row { outcome: "cannot".to_owned(), detail: error.to_string(), ..row },
    };
    let ready: Option<String> = process.exchange(&task, STARTS).await;
    if ready.is_none() {
        let detail = format!("it did not start: {}", process.last_words().await);
        return Row { outcome: "cannot".to_owned(), detail, ..row };
    }
    process.begin_measure();
    // The session that is granted first may take as long as the request.
    let ending: Option<Ending> = process.exchange(&"go", HANGS * 3).await;
    let ended = ending.is_some();
    if let Some(Ending { outcome, detail, ms }) = ending {
        row.ms = matches!(outcome.as_str(), "error" | "answer").then_some(ms);
        (row.outcome, row.detail) = (outcome, detail);
    }
    // From here on there is an honest server only.
    drop(bad);
    gate.open();
    if ended && row.outcome != "cannot" {
        let again: Option<Again> = process.exchange(&"again", RECOVERS + NEW_CLIENT * 3).await;
        match again {
            Some(Again { again }) => row.again = again,
            None => row.again = if process.is_alive() { "hangs" } else { "dies" }.to_owned(),
        }
    }
    (row.resident_kib, row.reserved_kib) = process.growth();
    if row.outcome == "dies" || row.again == "dies" {
        row.detail = format!("{} {}", row.detail, process.last_words().await).trim().to_owned();
    }
    row
}

/// A client in a process of its own. The process ends with it.
struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    before: Peak,
    highest: Peak,
}

impl Process {
    fn start(peer: Peer) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {ADDRESS_SPACE_KIB}; exec \"$@\""), "sh"]);
        match peer {
            Peer::Kazoo => {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/hostile_kazoo.py");
                command.arg(python()).arg(script);
            }
            _ => {
                command.arg(env::current_exe()?).args(["--child", peer.name()]);
            }
        }
        // One arena, or each thread reserves 64 MiB that nobody has asked for.
        command.env("MALLOC_ARENA_MAX", "1").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let pipe = || io::Error::other("a pipe was asked for");
        let input = child.stdin.take().ok_or_else(pipe)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(pipe)?).lines();
        Ok(Self { child, input, output, before: Peak::default(), highest: Peak::default() })
    }

    fn begin_measure(&mut self) {
        self.before = self.child.id().and_then(measure::begin).unwrap_or_default();
        self.highest = self.before;
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn look(&mut self) {
        if let Some(now) = self.child.id().and_then(measure::peak) {
            self.highest.resident = self.highest.resident.max(now.resident);
            self.highest.reserved = self.highest.reserved.max(now.reserved);
        }
    }

    fn growth(&self) -> (u64, u64) {
        let Peak { resident, reserved } = self.before;
        (self.highest.resident.saturating_sub(resident), self.highest.reserved.saturating_sub(reserved))
    }

    /// Says something and waits for the answer, with an eye on the memory. `None` when the process is gone or too late.
    async fn exchange<T: DeserializeOwned>(&mut self, what: &impl Serialize, limit: Duration) -> Option<T> {
        let line = serde_json::to_string(what).ok()?;
        self.input.write_all(format!("{line}\n").as_bytes()).await.ok()?;
        let mut looks = interval(Duration::from_millis(5));
        let answer = timeout(limit, async {
            loop {
                tokio::select! {
                    line = self.output.next_line() => break line.ok()?,
                    _ = looks.tick() => self.look(),
                }
            }
        })
        .await
        .ok()
        .flatten();
        self.look();
        serde_json::from_str(&answer?).ok()
    }

    /// How it ended, and the last line that it wrote about it.
    async fn last_words(&mut self) -> String {
        let ended: Option<ExitStatus> =
            timeout(Duration::from_millis(200), self.child.wait()).await.ok().and_then(Result::ok);
        let _ = self.child.start_kill();
        let mut words = Vec::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = timeout(Duration::from_secs(1), stderr.read_to_end(&mut words)).await;
        }
        let words = String::from_utf8_lossy(&words);
        let hint = |line: &&str| line.trim().is_empty() || line.starts_with("note:");
        let last = words.lines().rfind(|line| !hint(line)).unwrap_or_default();
        match ended {
            Some(status) => format!("{status}: {last}"),
            None => format!("it does not end: {last}"),
        }
    }
}
