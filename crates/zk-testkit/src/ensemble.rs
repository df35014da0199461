//! A running ensemble and what tests do to it.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use rustix::process::Signal;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    EnsembleBuilder, LeaderProgress, Mode, PortLease, Server, ServerStatus, TestkitError, four_letter,
    four_letter_word, network::Network, scratch::Scratch, status,
};

/// Between two rounds of questions to all servers.
const POLL: Duration = Duration::from_millis(20);

/// One or more ZooKeeper servers, as child processes on 127.0.0.1.
///
/// All methods take `&self`, so that one task can break servers while others use them. Servers are named by
/// their index, from 0; methods that take one panic when it is out of range.
///
/// Dropping the ensemble kills the servers, waits for the processes to be gone and removes the directory.
#[derive(Debug)]
pub struct Ensemble {
    // The order of fields is the order of dropping: processes, then their directory, then their ports.
    pub(crate) servers: Vec<Server>,
    pub(crate) network: Network,
    pub(crate) _scratch: Scratch,
    pub(crate) _ports: PortLease,
    pub(crate) start_timeout: Duration,
}

impl Ensemble {
    /// Describes an ensemble to be started.
    pub fn builder() -> EnsembleBuilder {
        EnsembleBuilder::default()
    }

    /// The plain-text addresses of all servers, separated by commas, as ZooKeeper clients take them.
    pub fn connect_string(&self) -> String {
        join(self.servers.iter().map(Server::addr))
    }

    /// The TLS addresses of all servers, separated by commas. Empty without
    /// [`tls_ports`](EnsembleBuilder::tls_ports).
    pub fn secure_connect_string(&self) -> String {
        join(self.servers.iter().filter_map(Server::secure_addr))
    }

    /// The plain-text addresses of all servers.
    pub fn hosts(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::addr).collect()
    }

    /// All servers, in order of index.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// One server.
    ///
    /// # Panics
    /// When there is no server of that index; so do all methods that take an index.
    pub fn server(&self, server: usize) -> &Server {
        &self.servers[server]
    }

    /// Where clients of one server connect in plain text.
    pub fn addr(&self, server: usize) -> SocketAddr {
        self.server(server).addr()
    }

    /// The process of one server, while it runs.
    pub fn pid(&self, server: usize) -> Option<u32> {
        self.server(server).pid()
    }

    /// Ends a server in an orderly way (SIGTERM, thawing it if frozen) and waits until it is gone.
    ///
    /// # Errors
    /// [`TestkitError::NotRunning`]; [`TestkitError::StopTimeout`] when it had to be killed after 10 s.
    ///
    /// # Cancel safety
    /// The signal has been sent once the future has been polled; only the waiting is given up.
    pub async fn stop(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).stop().await
    }

    /// Ends a server as a power failure would (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// [`TestkitError::NotRunning`].
    ///
    /// # Cancel safety
    /// The signal has been sent once the future has been polled; only the waiting is given up.
    pub async fn kill(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).kill().await
    }

    /// Stops a server's clock (SIGSTOP): its connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`TestkitError::NotRunning`].
    pub fn freeze(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).signal(Signal::STOP)?;
        self.server(server).wait_stopped();
        Ok(())
    }

    /// Lets a frozen server go on (SIGCONT). Does nothing to one that is not frozen.
    ///
    /// # Errors
    /// [`TestkitError::NotRunning`].
    pub fn thaw(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).signal(Signal::CONT)
    }

    /// Starts a server that was stopped or killed, with the data and the ports it had. Does not wait for it:
    /// without a quorum it cannot serve. See [`wait_ready`](Self::wait_ready).
    ///
    /// # Errors
    /// [`TestkitError::AlreadyRunning`], [`TestkitError::Io`].
    pub fn start_server(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).spawn()
    }

    /// [`stop`](Self::stop), [`start_server`](Self::start_server) and [`wait_ready`](Self::wait_ready).
    ///
    /// # Errors
    /// Those of the three.
    pub async fn restart(&self, server: usize) -> Result<(), TestkitError> {
        self.stop(server).await?;
        self.start_server(server)?;
        self.wait_ready(server).await
    }

    /// Waits until a server serves, that is until `srvr` names a [`Mode`].
    ///
    /// # Errors
    /// [`TestkitError::Exited`], [`TestkitError::PortTaken`] and [`TestkitError::NotReady`], with the end of
    /// the log.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn wait_ready(&self, server: usize) -> Result<(), TestkitError> {
        self.server(server).wait_ready().await
    }

    /// Waits until a leader serves with a majority of the servers, itself included, and returns its index.
    ///
    /// A server that is frozen or gone does not count, whatever it was before.
    ///
    /// # Errors
    /// [`TestkitError::NoQuorum`], with what each server said last.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn wait_quorum(&self) -> Result<usize, TestkitError> {
        self.wait_quorum_within(self.start_timeout).await
    }

    /// [`wait_quorum`](Self::wait_quorum) with another deadline than the builder's.
    ///
    /// # Errors
    /// [`TestkitError::NoQuorum`], with what each server said last.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn wait_quorum_within(&self, deadline: Duration) -> Result<usize, TestkitError> {
        let start = Instant::now();
        loop {
            let statuses = self.statuses().await;
            let serving = statuses.iter().flatten().filter(|status| status.mode.is_serving()).count();
            if let Some(leader) = leader_of(&statuses)
                && serving > self.servers.len() / 2
            {
                return Ok(leader);
            }
            if start.elapsed() > deadline {
                return Err(TestkitError::NoQuorum { waited: deadline, modes: describe(&statuses) });
            }
            sleep(POLL).await;
        }
    }

    /// Waits until every server serves, and returns the index of the leader.
    ///
    /// # Errors
    /// Those of [`wait_ready`](Self::wait_ready) and [`wait_quorum`](Self::wait_quorum);
    /// [`TestkitError::NotRunning`] when one has not been started.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn wait_all(&self) -> Result<usize, TestkitError> {
        for server in &self.servers {
            server.wait_ready().await?;
        }
        self.wait_quorum().await
    }

    /// The server that leads, as it says itself. `None` during an election and when the leader is frozen.
    ///
    /// When two say so, which happens for a moment after a thaw, it is the one of the later epoch.
    pub async fn leader(&self) -> Option<usize> {
        leader_of(&self.statuses().await)
    }

    /// The part a server plays; `None` when it does not answer or does not serve.
    pub async fn mode(&self, server: usize) -> Option<Mode> {
        self.status(server).await.map(|status| status.mode)
    }

    /// What a server answers to `srvr`; `None` when it does not answer or does not serve.
    pub async fn status(&self, server: usize) -> Option<ServerStatus> {
        self.server(server).status().await
    }

    /// What every server answers to `srvr`, asked at the same time.
    pub async fn statuses(&self) -> Vec<Option<ServerStatus>> {
        let answers = self.ask_all("srvr").await;
        answers.into_iter().map(|answer| ServerStatus::parse(&answer?)).collect()
    }

    /// What a leader says of the writes that it orders; `None` when the server does not answer or does not lead.
    pub async fn leader_progress(&self, server: usize) -> Option<LeaderProgress> {
        LeaderProgress::parse(&self.four_letter_word(server, "mntr").await.ok()?)
    }

    /// The server to which the client of a session is connected, by the `cons` of all servers.
    ///
    /// `None` when no answering server has such a connection.
    pub async fn server_of_session(&self, session_id: i64) -> Option<usize> {
        let answers = self.ask_all("cons").await;
        let holds = |cons: &String| status::sessions(cons).any(|id| id == session_id);
        answers.iter().position(|answer| answer.as_ref().is_some_and(holds))
    }

    /// Sends a four-letter word to a server; see [`four_letter_word`].
    ///
    /// # Errors
    /// [`TestkitError::FourLetterWord`].
    pub async fn four_letter_word(&self, server: usize, word: &str) -> Result<String, TestkitError> {
        four_letter_word(self.addr(server), word).await
    }

    /// The end of a server's log, for failure messages.
    pub fn logs(&self, server: usize) -> String {
        self.server(server).log_tail()
    }

    /// Asks all servers at once, so that frozen ones cost one deadline together.
    async fn ask_all(&self, word: &'static str) -> Vec<Option<String>> {
        let mut questions = JoinSet::new();
        for (index, addr) in self.hosts().into_iter().enumerate() {
            questions.spawn(async move {
                let answer = four_letter::ask(addr, word, Duration::from_millis(500)).await;
                (index, answer.ok())
            });
        }
        let mut answers = vec![None; self.servers.len()];
        while let Some(answered) = questions.join_next().await {
            if let Ok((index, answer)) = answered {
                answers[index] = answer;
            }
        }
        answers
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        // All at once; dropping the servers then waits for each.
        for server in &self.servers {
            let _ = server.signal(Signal::KILL);
        }
    }
}

/// The leader, or the lone server. Of two, the one of the later epoch.
fn leader_of(statuses: &[Option<ServerStatus>]) -> Option<usize> {
    let leading = statuses.iter().enumerate().filter_map(|(index, status)| {
        status.as_ref().filter(|status| status.mode.is_leading()).map(|status| (status.zxid >> 32, index))
    });
    leading.max().map(|(_, index)| index)
}

/// For an error: `0: leader, 1: no answer`.
fn describe(statuses: &[Option<ServerStatus>]) -> String {
    let mut text = String::new();
    for (index, status) in statuses.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let _ = match status {
            Some(status) => write!(text, "{comma}{index}: {}", status.mode),
            None => write!(text, "{comma}{index}: no answer"),
        };
    }
    text
}

/// A connect string.
pub(crate) fn join(addrs: impl Iterator<Item = SocketAddr>) -> String {
    addrs.map(|addr| addr.to_string()).collect::<Vec<_>>().join(",")
}
