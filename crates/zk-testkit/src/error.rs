//! What can go wrong with an ensemble.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

/// The Debian packages that together run a ZooKeeper server, TLS included.
const DEBIAN_PACKAGES: &str =
    "libzookeeper-java libslf4j-java libnetty-java libsnappy-java default-jre-headless";

/// Why an ensemble could not be started, reached or changed. The text is meant to be read in a test's output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestkitError {
    /// No Java runtime was found.
    #[error(
        "no Java runtime at {}: run `apt-get install --no-install-recommends default-jre-headless`, \
         or set JAVA_HOME to a runtime's directory",
        looked_for.display()
    )]
    JavaMissing {
        /// The program that was looked for.
        looked_for: PathBuf,
    },

    /// The ZooKeeper jars were not found.
    #[error(
        "no ZooKeeper in {} ({missing} is not there): run `apt-get install --no-install-recommends \
         {DEBIAN_PACKAGES}`, or set ZOOKEEPER_HOME to an unpacked ZooKeeper distribution",
        directory.display()
    )]
    JarsMissing {
        /// The directory that was looked in.
        directory: PathBuf,
        /// The jar that was missing.
        missing: String,
    },

    /// The builder was given something that cannot be started, such as zero servers.
    #[error("cannot start such an ensemble: {0}")]
    Invalid(String),

    /// No free ports were left to take.
    #[error("no free block of ports on 127.0.0.1 between {low} and {high}")]
    NoPorts {
        /// The lowest port that was considered.
        low: u16,
        /// The port after the highest that was considered.
        high: u16,
    },

    /// A server's process ended before it was ready.
    #[error("server {server} ended with {status} before it was ready; its log ends with:\n{log}")]
    Exited {
        /// Index of the server, from 0.
        server: usize,
        /// How the process ended.
        status: String,
        /// The end of the server's log.
        log: String,
    },

    /// A server did not serve in time.
    #[error("server {server} did not serve within {waited:?}; its log ends with:\n{log}")]
    NotReady {
        /// Index of the server, from 0.
        server: usize,
        /// How long was waited.
        waited: Duration,
        /// The end of the server's log.
        log: String,
    },

    /// A port was taken by another process between being leased and being bound by the server.
    #[error("server {server} found a port taken; its log ends with:\n{log}")]
    PortTaken {
        /// Index of the server, from 0.
        server: usize,
        /// The end of the server's log.
        log: String,
    },

    /// No leader with a majority behind it appeared in time.
    #[error("no quorum within {waited:?}; the servers say: {modes}")]
    NoQuorum {
        /// How long was waited.
        waited: Duration,
        /// What each server answered to `srvr`.
        modes: String,
    },

    /// The server is not running, so it cannot be signalled.
    #[error("server {server} is not running")]
    NotRunning {
        /// Index of the server, from 0.
        server: usize,
    },

    /// The server is running, so it cannot be started.
    #[error("server {server} is already running with pid {pid}")]
    AlreadyRunning {
        /// Index of the server, from 0.
        server: usize,
        /// Its process.
        pid: u32,
    },

    /// The server did not end in time after SIGTERM; it has been killed instead.
    #[error("server {server} did not stop within {waited:?} and was killed")]
    StopTimeout {
        /// Index of the server, from 0.
        server: usize,
        /// How long was waited.
        waited: Duration,
    },

    /// A four-letter word was not answered.
    #[error("`{word}` was not answered by {addr}: {source}")]
    FourLetterWord {
        /// The word, for instance `srvr`.
        word: String,
        /// The server that was asked.
        addr: SocketAddr,
        /// The cause; `TimedOut` when the server accepted the connection and said nothing.
        source: io::Error,
    },

    /// A certificate or a key could not be made.
    #[error("cannot make a certificate or a key: {0}")]
    Certificate(String),

    /// A program of MIT Kerberos was not found.
    #[error(
        "no {program}: run `scripts/install-deps.sh kerberos`, or `apt-get install --no-install-recommends \
         krb5-kdc krb5-admin-server krb5-user`"
    )]
    KerberosMissing {
        /// The program.
        program: &'static str,
    },

    /// A program of MIT Kerberos failed.
    #[error("{program} failed: {output}")]
    Kerberos {
        /// The program.
        program: &'static str,
        /// What it said.
        output: String,
    },

    /// A file, a directory or a process could not be made.
    #[error("{action}: {source}")]
    Io {
        /// What was being done, for instance `write zoo.cfg`.
        action: String,
        /// The cause.
        source: io::Error,
    },
}

impl TestkitError {
    /// Whether starting again with other ports may help.
    pub(crate) fn is_port_taken(&self) -> bool {
        matches!(self, Self::PortTaken { .. })
    }
}

/// Names the action in an I/O error.
pub(crate) fn doing(action: impl Into<String>) -> impl FnOnce(io::Error) -> TestkitError {
    let action = action.into();
    move |source| TestkitError::Io { action, source }
}
