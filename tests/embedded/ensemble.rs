//! `zk_testkit::Ensemble`, played by an embedded server where one can, and by real ones where not.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use integration_tests::wait::eventually;
use real_testkit::{PortLease, TestkitError};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use zk_embedded::{Server, ServerBuilder};

const SOON: Duration = Duration::from_secs(10);

/// One embedded server, or real ones.
#[derive(Debug)]
pub(crate) enum Ensemble {
    Embedded(Embedded),
    Real(real_testkit::Ensemble, #[expect(dead_code, reason = "held for as long as the servers run")] Turn),
}

/// Real ensembles take turns: the tests beside them shall not slow their elections.
type Turn = SemaphorePermit<'static>;
static TURN: Semaphore = Semaphore::const_new(1);

/// An embedded server with the outside of a process.
#[derive(Debug)]
pub(crate) struct Embedded {
    addr: SocketAddr,
    settings: ServerBuilder,
    /// A server that begins anew after its data are gone wants the port again: no outgoing connection may be given it.
    _port: PortLease,
    server: Arc<Mutex<Arc<Server>>>,
    /// Where a server would keep its data: one whose data are gone starts anew.
    directory: TempDir,
}

/// One server of an ensemble.
pub(crate) struct Member<'a> {
    directory: &'a Path,
}

impl Member<'_> {
    pub(crate) fn directory(&self) -> &Path {
        self.directory
    }
}

impl Ensemble {
    pub(crate) fn builder() -> Builder {
        Builder {
            embedded: Server::builder().tick(Duration::from_millis(100)),
            real: real_testkit::Ensemble::builder(),
            needs: None,
        }
    }

    pub(crate) fn connect_string(&self) -> String {
        match self {
            Self::Embedded(embedded) => embedded.addr.to_string(),
            Self::Real(real, _) => real.connect_string(),
        }
    }

    pub(crate) fn addr(&self, server: usize) -> SocketAddr {
        match self {
            Self::Embedded(embedded) => embedded.addr,
            Self::Real(real, _) => real.addr(server),
        }
    }

    pub(crate) fn server(&self, server: usize) -> Member<'_> {
        Member {
            directory: match self {
                Self::Embedded(embedded) => embedded.directory.path(),
                Self::Real(real, _) => real.server(server).directory(),
            },
        }
    }

    pub(crate) async fn stop(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.current().faults().stop().await;
                Ok(())
            }
            Self::Real(real, _) => real.stop(server).await,
        }
    }

    pub(crate) async fn kill(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(_) => self.stop(server).await,
            Self::Real(real, _) => real.kill(server).await,
        }
    }

    pub(crate) fn start_server(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.start_again();
                Ok(())
            }
            Self::Real(real, _) => real.start_server(server),
        }
    }

    pub(crate) async fn restart(&self, server: usize) -> Result<(), TestkitError> {
        self.stop(server).await?;
        self.start_server(server)?;
        self.wait_ready(server).await
    }

    pub(crate) fn freeze(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.current().faults().freeze();
                Ok(())
            }
            Self::Real(real, _) => real.freeze(server),
        }
    }

    pub(crate) fn thaw(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.current().faults().thaw();
                Ok(())
            }
            Self::Real(real, _) => real.thaw(server),
        }
    }

    pub(crate) async fn wait_ready(&self, server: usize) -> Result<(), TestkitError> {
        match self {
            Self::Embedded(_) => {
                eventually(SOON, "the server", async || self.four_letter_word(0, "srvr").await.ok()).await;
                Ok(())
            }
            Self::Real(real, _) => real.wait_ready(server).await,
        }
    }

    pub(crate) async fn wait_all(&self) -> Result<usize, TestkitError> {
        match self {
            Self::Embedded(_) => self.wait_ready(0).await.map(|()| 0),
            Self::Real(real, _) => real.wait_all().await,
        }
    }

    pub(crate) async fn wait_quorum(&self) -> Result<usize, TestkitError> {
        match self {
            Self::Embedded(_) => self.wait_all().await,
            Self::Real(real, _) => real.wait_quorum().await,
        }
    }

    pub(crate) async fn server_of_session(&self, session_id: i64) -> Option<usize> {
        match self {
            Self::Embedded(_) => {
                let cons = self.four_letter_word(0, "cons").await.ok()?;
                cons.contains(&format!("sid={session_id:#x},")).then_some(0)
            }
            Self::Real(real, _) => real.server_of_session(session_id).await,
        }
    }

    pub(crate) async fn four_letter_word(&self, server: usize, word: &str) -> Result<String, TestkitError> {
        real_testkit::four_letter_word(self.addr(server), word).await
    }
}

impl Embedded {
    fn current(&self) -> Arc<Server> {
        Arc::clone(&self.server.lock().unwrap())
    }

    /// Like the start of a process, this does not wait for it.
    fn start_again(&self) {
        let (server, settings) = (Arc::clone(&self.server), self.settings.clone());
        let kept = data(&self.directory).exists();
        tokio::spawn(async move {
            if kept {
                let current = Arc::clone(&server.lock().unwrap());
                current.faults().start().await.unwrap();
            } else {
                let new = settings.start().await.unwrap();
                *server.lock().unwrap() = Arc::new(new);
            }
        });
    }
}

fn data(directory: &TempDir) -> std::path::PathBuf {
    directory.path().join("data/version-2")
}

/// `zk_testkit::EnsembleBuilder`, for both.
pub(crate) struct Builder {
    embedded: ServerBuilder,
    real: real_testkit::EnsembleBuilder,
    /// What only real servers have.
    needs: Option<String>,
}

impl Builder {
    fn both(
        self,
        embedded: impl FnOnce(ServerBuilder) -> ServerBuilder,
        real: impl FnOnce(real_testkit::EnsembleBuilder) -> real_testkit::EnsembleBuilder,
    ) -> Self {
        Self { embedded: embedded(self.embedded), real: real(self.real), needs: self.needs }
    }

    fn real_alone(
        self,
        needs: impl Into<String>,
        real: impl FnOnce(real_testkit::EnsembleBuilder) -> real_testkit::EnsembleBuilder,
    ) -> Self {
        let needs = Some(needs.into());
        Self { needs, ..self.both(|embedded| embedded, real) }
    }

    pub(crate) fn servers(self, servers: usize) -> Self {
        match servers {
            1 => self,
            _ => self.real_alone("several servers", |real| real.servers(servers)),
        }
    }

    pub(crate) fn max_session_timeout(self, timeout: Duration) -> Self {
        self.both(|embedded| embedded.max_session_timeout(timeout), |real| real.max_session_timeout(timeout))
    }

    pub(crate) fn system_property(self, key: &str, value: &str) -> Self {
        let real = |real: real_testkit::EnsembleBuilder| real.system_property(key, value);
        match key {
            "zookeeper.extendedTypesEnabled" => {
                self.both(|embedded| embedded.ttl_nodes(value == "true"), real)
            }
            "znode.container.checkIntervalMs" => {
                let interval = Duration::from_millis(value.parse().unwrap());
                self.both(|embedded| embedded.container_check_interval(interval), real)
            }
            _ => self.real_alone(key, real),
        }
    }

    pub(crate) fn property(self, key: &str, value: &str) -> Self {
        self.real_alone(key, |real| real.property(key, value))
    }

    pub(crate) fn file(self, name: &str, contents: impl Into<Vec<u8>>) -> Self {
        self.real_alone(name, |real| real.file(name, contents))
    }

    #[expect(clippy::print_stdout, reason = "whoever looks at a test shall see what it ran on")]
    pub(crate) async fn start(self) -> Result<Ensemble, TestkitError> {
        if let Some(needs) = self.needs {
            println!("on real servers: it needs {needs}");
            let turn = TURN.acquire().await.expect("it is never closed");
            return Ok(Ensemble::Real(self.real.start().await?, turn));
        }
        let failed = |source| TestkitError::Io { action: "start the embedded server".to_owned(), source };
        let mut port = PortLease::new();
        let embedded = self.embedded.listen(port.take()?);
        let server = embedded.clone().start().await.map_err(|error| failed(io::Error::other(error)))?;
        let directory = TempDir::new().map_err(failed)?;
        std::fs::create_dir_all(data(&directory)).map_err(failed)?;
        let (addr, server) = (server.addr(), Arc::new(Mutex::new(Arc::new(server))));
        Ok(Ensemble::Embedded(Embedded { addr, settings: embedded, _port: port, server, directory }))
    }
}
