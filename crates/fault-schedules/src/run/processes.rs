//! The processes of a run, and what they tell.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use super::RunError;
use crate::{
    history::{Event, Nanos, Record},
    record,
    roles::{Order, RoleOptions},
};

/// Everything that was told, in the order in which it came here.
#[derive(Debug, Default)]
pub struct History(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    records: Vec<Record>,
    /// The newest lease of each process: its end and its token.
    leases: BTreeMap<String, (Nanos, i64)>,
}

impl History {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a process has told.
    pub fn add(&self, record: Record) {
        let mut told = self.told();
        match record.event {
            Event::Lease { until, token, .. } => {
                told.leases.insert(record.process.clone(), (until, token));
            }
            Event::Ceased { .. } => {
                told.leases.remove(&record.process);
            }
            _ => {}
        }
        told.records.push(record);
    }

    /// Adds what the run itself has to tell, now.
    pub fn run_tells(&self, event: Event) {
        self.add(Record { at: record::now(), process: "run".to_owned(), event });
    }

    /// All of it.
    pub fn records(&self) -> Vec<Record> {
        self.told().records.clone()
    }

    /// How many records there are that are like this.
    pub fn count(&self, like: impl Fn(&Record) -> bool) -> usize {
        self.told().records.iter().filter(|record| like(record)).count()
    }

    /// The process whose lease ends last, if it has not ended.
    pub fn leader(&self) -> Option<String> {
        let told = self.told();
        let newest = told.leases.iter().max_by_key(|(_, (until, _))| *until);
        newest.filter(|(_, (until, _))| *until > record::now()).map(|(process, _)| process.clone())
    }

    /// A process is dead, and believes nothing any more.
    fn is_dead(&self, process: &str) {
        let lease = self.told().leases.remove(process);
        if let Some((_, token)) = lease {
            let process = process.to_owned();
            self.add(Record { at: record::now(), process, event: Event::Ceased { token } });
        }
    }
}

/// A process of a run. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    orders: Option<ChildStdin>,
    listening: JoinHandle<()>,
    history: Arc<History>,
}

impl Process {
    /// Starts `program` in a role; what it tells goes into the history.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn start(program: &Path, role: &RoleOptions, history: &Arc<History>) -> Result<Self, RunError> {
        let mut command = Command::new(program);
        let value = clap::ValueEnum::to_possible_value(&role.role).map(|value| value.get_name().to_owned());
        command.arg("role").args(value).args(["--name", &role.name, "--member", &role.member]);
        command.args(["--hosts", &role.hosts, "--seed", &role.seed.to_string()]);
        command.args([
            "--session-ms",
            &role.session_ms.to_string(),
            "--sessions",
            &role.sessions.to_string(),
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| RunError::Io("a process", error))?;
        let orders = child.stdin.take();
        let output = child.stdout.take();
        let listening = tokio::spawn(listen(output, Arc::clone(history)));
        Ok(Self { name: role.name.clone(), child, orders, listening, history: Arc::clone(history) })
    }

    /// Its name in the history.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops its clock (SIGSTOP); tells whether it stands.
    pub async fn freeze(&self) -> bool {
        if !self.signal(Signal::STOP) {
            return false;
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            if self.state() == Some('T') {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        false
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Kills it (SIGKILL); tells whether it ran before. What it had told is in the history then.
    pub async fn kill(&mut self) -> bool {
        let ran = self.child.id().is_some() && self.state().is_some_and(|state| state != 'Z');
        let killed = self.child.kill().await.is_ok();
        let _ = (&mut self.listening).await;
        self.history.is_dead(&self.name);
        ran && killed
    }

    /// Tells it what to do next.
    pub async fn order(&mut self, order: Order) {
        if let Some(orders) = &mut self.orders {
            // A process that has ended needs no orders.
            let _ = orders.write_all(format!("{}\n", order.line()).as_bytes()).await;
        }
    }

    /// Waits until it has ended and all it told is in the history.
    ///
    /// # Errors
    ///
    /// It does not end in time.
    pub async fn ended(&mut self, limit: Duration) -> Result<(), RunError> {
        let name = &self.name;
        let ended = async {
            let _ = self.child.wait().await;
            let _ = (&mut self.listening).await;
        };
        let late = |_| RunError::Late { what: format!("the end of {name}"), limit };
        tokio::time::timeout(limit, ended).await.map_err(late)
    }

    fn signal(&self, signal: Signal) -> bool {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// What the system says of it: `T` when it is stopped.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }
}

async fn listen(output: Option<ChildStdout>, history: Arc<History>) {
    let Some(output) = output else { return };
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        // Half a line is the last of a process that was killed.
        if let Ok(record) = serde_json::from_str(&line) {
            history.add(record);
        }
    }
}
