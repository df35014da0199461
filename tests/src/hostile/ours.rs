//! This workspace's client before a hostile server, with an honest one behind a gate that is shut.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use zk_session::{
    Acl, AddWatchMode, CaSource, Cause, Client, ClientBuilder, ClientIdentity, CreateMode, Error, ErrorCode,
    MultiOp, PersistentWatcher, ProtocolError, TlsOptions,
};
use zk_testkit::{Authority, Ensemble, KeyForm, KeyKind};

use super::{Ask, Bad, Case, Expected, Stage};
use crate::{gate::Gate, wait::eventually};

/// What `/honest` holds on the honest server.
const WORD: &str = "yes";

/// How long an honest server may take that does nothing else.
const PATIENCE: Duration = Duration::from_secs(20);

/// One honest server, with a port for plain text and one for TLS.
pub struct Honest {
    ensemble: Ensemble,
    pems: [String; 3],
}

impl Honest {
    /// Starts it, and creates what is asked for.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn start() -> Self {
        let authority = Authority::new("the CA of the test").expect("a CA");
        let certificate = authority.server(&["localhost", "127.0.0.1"]).expect("a certificate");
        let builder = Ensemble::builder().max_session_timeout(Duration::from_secs(10));
        let builder = builder.tls(&authority, &certificate).expect("stores of keys");
        let ensemble = builder.start().await.expect("a server");
        let identity = authority.client("client", KeyKind::Ec).expect("a certificate");
        let key = identity.key(KeyForm::Pkcs8).expect("a key");
        let honest = Self { ensemble, pems: [authority.pem(), identity.pem().to_owned(), key] };
        let client = Client::builder(&honest.plain().to_string()).expect("an address").build();
        for (path, data) in [("/honest", WORD), ("/app", ""), ("/app/honest", WORD)] {
            let made = client.create(path, data, CreateMode::PERSISTENT, &Acl::open());
            made.await.expect("an honest server");
        }
        client.close().await;
        // The first handshake of a Java machine takes a second, which is nobody's fault here.
        let first = Client::builder(&honest.secure().to_string()).expect("an address");
        let first = first.connect_timeout(PATIENCE).tls(honest.tls()).build();
        first.with_timeout(PATIENCE).connected().await.expect("a handshake");
        first.close().await;
        honest
    }

    /// Its port for plain text.
    pub fn plain(&self) -> SocketAddr {
        self.ensemble.addr(0)
    }

    /// Its port for TLS.
    ///
    /// # Panics
    ///
    /// Never: it has one.
    pub fn secure(&self) -> SocketAddr {
        self.ensemble.server(0).secure_addr().expect("it was started with TLS")
    }

    /// The port for a client of this stage.
    pub fn port(&self, stage: Stage) -> SocketAddr {
        if stage == Stage::Tls { self.secure() } else { self.plain() }
    }

    /// The CA's certificate, a client's certificate and its key, as PEM.
    pub fn pems(&self) -> &[String; 3] {
        &self.pems
    }

    fn tls(&self) -> TlsOptions {
        tls_options(&self.pems)
    }
}

/// How a client trusts the honest server, and shows who it is.
pub fn tls_options([ca, certificate, key]: &[String; 3]) -> TlsOptions {
    TlsOptions::new(CaSource::pem(ca.as_str()))
        .client_identity(ClientIdentity::pem(certificate.as_str(), key.as_str()))
}

/// A client that is quick to give up.
///
/// # Panics
///
/// What is given is no connect string.
pub fn settings(hosts: &str) -> ClientBuilder {
    Client::builder(hosts)
        .expect("a connect string")
        .session_timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_millis(200))
        .read_timeout(Duration::from_millis(400))
}

/// A client that knows the bad server and, behind a gate, the honest one.
pub fn client_of(bad: &Bad, gate: &Gate) -> Client {
    settings(&format!("{},{}", bad.addr, gate.addr())).build()
}

/// A client for a case.
pub fn client_for(case: &Case, bad: SocketAddr, honest: SocketAddr, tls: Option<TlsOptions>) -> Client {
    let mut builder = settings(&format!("{bad},{honest}{}", case.ask.chroot()));
    if case.expected == Expected::Answer || tls.is_some() {
        // What must succeed may be slow, and handshakes of TLS are.
        builder = builder.connect_timeout(Duration::from_secs(2)).read_timeout(Duration::from_secs(2));
    }
    match tls {
        Some(tls) => builder.tls(tls).build(),
        None => builder.build(),
    }
}

/// Asks. A watch that was armed for it is given back, so that it lives on.
///
/// # Errors
///
/// What the request ended with.
pub async fn ask(client: &Client, what: Ask) -> Result<Option<PersistentWatcher>, Error> {
    match what {
        Ask::GetData => drop(client.get_data("/").await?),
        Ask::TwoReads => drop(tokio::try_join!(client.get_data("/"), client.get_data("/"))?),
        Ask::GetChildren => drop(client.get_children("/").await?),
        Ask::Multi => {
            let checks = vec![MultiOp::check("/", None), MultiOp::check("/", None)];
            drop(client.multi(checks).await?);
        }
        Ask::Create => drop(client.create("/n", "", CreateMode::PERSISTENT, &Acl::open()).await?),
        Ask::MultiCreate => {
            let create = MultiOp::create("/n", "", CreateMode::PERSISTENT, &Acl::open());
            drop(client.multi(vec![create]).await?);
        }
        Ask::Watched => {
            let watcher = client.add_watch("/", AddWatchMode::PERSISTENT_RECURSIVE).await?;
            client.get_data("/").await?;
            return Ok(Some(watcher));
        }
    }
    Ok(None)
}

/// A case that was played, and what came of it.
#[derive(Debug)]
pub struct Trial {
    /// The client.
    pub client: Client,
    /// What the request ended with.
    pub outcome: Result<(), Error>,
    /// How long it took.
    pub took: Duration,
    gate: Gate,
    _watcher: Option<PersistentWatcher>,
    _bad: Bad,
}

/// Plays a case: a request of this much time, which is more where an answer is due.
///
/// # Panics
///
/// The session that is granted first is not had.
pub async fn trial(case: &Case, honest: &Honest, deadline: Duration) -> Trial {
    let gate = Gate::to(honest.port(case.stage), false).await;
    let bad = Bad::start(Arc::clone(&case.script)).await;
    let tls = (case.stage == Stage::Tls).then(|| honest.tls());
    let client = client_for(case, bad.addr, gate.addr(), tls);
    if case.stage == Stage::InTheSession {
        let granted = client.with_timeout(PATIENCE).connected().await;
        granted.unwrap_or_else(|error| panic!("{}: no session: {error}", case.name));
    }
    let limit = if case.expected == Expected::Answer { PATIENCE } else { deadline };
    let started = Instant::now();
    let outcome = ask(&client.with_timeout(limit), case.ask).await;
    let took = started.elapsed();
    let (watcher, outcome) = match outcome {
        Ok(watcher) => (watcher, Ok(())),
        Err(error) => (None, Err(error)),
    };
    Trial { client, outcome, took, gate, _watcher: watcher, _bad: bad }
}

impl Trial {
    /// Opens the gate, and waits until requests are answered by the honest server. The bad one is still there.
    ///
    /// # Panics
    ///
    /// They are not.
    pub async fn works_again(&self, name: &str) {
        works_with_the_honest_one(&self.client, &self.gate, name).await;
    }
}

/// Opens the gate, and waits until requests are answered by the honest server.
///
/// # Panics
///
/// They are not.
pub async fn works_with_the_honest_one(client: &Client, gate: &Gate, name: &str) {
    gate.open();
    let patient = client.with_timeout(Duration::from_secs(1));
    let what = format!("the honest server after: {name}");
    eventually(PATIENCE, &what, async || {
        let (data, _) = patient.get_data("/honest").await.ok()?;
        let server = client.status().server?;
        patient.sync("/").await.ok()?;
        (data == WORD && server.to_string() == gate.addr().to_string()).then_some(())
    })
    .await;
}

impl Expected {
    /// Whether a request may end like this.
    pub fn fits(self, outcome: &Result<(), Error>) -> bool {
        let answered = outcome.is_ok();
        let protocol = match outcome {
            Err(Error::Unknown(Cause::Protocol(error))) => Some(error),
            _ => None,
        };
        let late = matches!(
            outcome,
            Err(Error::Unknown(Cause::Deadline | Cause::ReadTimeout { .. } | Cause::Suspected { .. }))
        );
        match self {
            Self::Answer => answered,
            Self::Code(code) => {
                matches!(outcome, Err(error) if error.code() == Some(ErrorCode::new(code)))
            }
            Self::NotSent => matches!(outcome, Err(Error::NotSent(_))),
            Self::Protocol => protocol.is_some(),
            Self::Malformed => matches!(protocol, Some(ProtocolError::Body(_))),
            Self::Mismatch => matches!(protocol, Some(ProtocolError::XidMismatch { .. })),
            Self::Unsolicited => matches!(protocol, Some(ProtocolError::Unsolicited { .. })),
            Self::BadFrame => matches!(protocol, Some(ProtocolError::Frame(_))),
            Self::Closed => matches!(outcome, Err(Error::Unknown(Cause::ConnectionClosed | Cause::Io(_)))),
            Self::Late => late,
            Self::AnswerOrLate => answered || late,
        }
    }
}
