//! The agents: child processes that die with us, however we end.

use std::{env, process::Stdio, time::Duration};

use dcs_zk::Timings;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command},
    sync::mpsc,
};

use crate::{failure::Failure, line::Line};

/// The scope that they are members of.
pub(crate) const SCOPE: &str = "demo";

/// What an agent lets us know.
#[derive(Debug)]
pub(crate) enum Heard {
    Said(Line),
    /// Its output has ended, and so has it; with what it complained about.
    Ended(String),
    /// It said what we do not understand.
    Strange(String),
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    pub(crate) pid: u32,
}

impl Agent {
    /// Starts an agent, whose lines go to `heard` with its index.
    pub(crate) fn start(
        index: usize,
        name: &str,
        servers: &str,
        timings: Timings,
        heard: mpsc::UnboundedSender<(usize, Heard)>,
    ) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::failed(format!("cannot start the agent {name}: {error}"));
        let seconds = |duration: Duration| duration.as_secs_f64().to_string();
        let mut child = Command::new(env::current_exe().map_err(failed)?)
            .args(["agent", "--json", "--show-renewals", "--scope", SCOPE, "-d", servers, "--name", name])
            .args(["--ttl", &seconds(timings.ttl()), "--loop-wait", &seconds(timings.loop_wait())])
            .args(["--retry-timeout", &seconds(timings.retry_timeout())])
            // A configuration of Patroni that happens to lie here is not meant.
            .env_clear()
            // Closed when we are gone: see `agent.rs`.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for us, not for it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(pid), Some(stdout), Some(stderr)) = (child.id(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Failure::failed(format!("the agent {name} ended while it was started")));
        };
        tokio::spawn(listen(index, stdout, stderr, heard));
        Ok(Self { child, pid })
    }

    /// SIGKILL: it does not get to say or do anything more. Waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), Failure> {
        let failed = |error| Failure::failed(format!("cannot kill process {}: {error}", self.pid));
        self.child.kill().await.map_err(failed)
    }
}

/// Passes on what an agent says, to its end.
async fn listen(
    index: usize,
    stdout: ChildStdout,
    mut stderr: ChildStderr,
    heard: mpsc::UnboundedSender<(usize, Heard)>,
) {
    let say = |what| {
        // When nobody listens any more the story is over.
        let _ = heard.send((index, what));
    };
    let lines = async {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(text)) = lines.next_line().await {
            say(match Line::parse(&text) {
                Ok(line) => Heard::Said(line),
                Err(error) => Heard::Strange(format!("{error}: {text}")),
            });
        }
    };
    let mut complaints = String::new();
    let (_, _) = tokio::join!(lines, stderr.read_to_string(&mut complaints));
    say(Heard::Ended(complaints.trim().to_owned()));
}
