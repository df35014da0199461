//! A server that speaks TLS, and clients of it.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;
use zk_session::{
    Acl, CaSource, Cause, Client, ClientBuilder, ClientIdentity, CreateMode, State, TlsOptions,
};
use zk_testkit::{Authority, Certificate, Ensemble, EnsembleBuilder, KeyForm, KeyKind};

use crate::session_common::connected;

pub(crate) const PASSWORD: &str = "open-sesame-7Q";

/// A CA, and one server that goes by `localhost` and 127.0.0.1.
pub(crate) struct Setup {
    pub(crate) authority: Authority,
    pub(crate) ensemble: Ensemble,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(more: impl FnOnce(EnsembleBuilder) -> EnsembleBuilder) -> Self {
        let authority = Authority::new("the CA of the test").unwrap();
        let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let ensemble = start(more(tls_server(&authority, &server))).await;
        Self { authority, ensemble }
    }

    pub(crate) fn client_certificate(&self) -> Certificate {
        self.authority.client("client", KeyKind::Ec).unwrap()
    }

    /// Options that work.
    pub(crate) fn options(&self) -> TlsOptions {
        options(&self.authority, &self.client_certificate())
    }

    /// A client of the server's TLS port by address, or by this name.
    pub(crate) fn builder(&self, options: TlsOptions) -> ClientBuilder {
        builder(&self.ensemble, "127.0.0.1", options)
    }
}

pub(crate) fn tls_server(authority: &Authority, server: &Certificate) -> EnsembleBuilder {
    Ensemble::builder().max_session_timeout(Duration::from_secs(10)).tls(authority, server).unwrap()
}

pub(crate) async fn start(builder: EnsembleBuilder) -> Ensemble {
    builder.start().await.unwrap()
}

pub(crate) fn identity(certificate: &Certificate) -> ClientIdentity {
    ClientIdentity::pem(certificate.pem(), certificate.key(KeyForm::Pkcs8).unwrap())
}

pub(crate) fn options(authority: &Authority, client: &Certificate) -> TlsOptions {
    TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity(client))
}

pub(crate) fn secure_port(ensemble: &Ensemble) -> u16 {
    ensemble.server(0).secure_addr().unwrap().port()
}

pub(crate) fn builder(ensemble: &Ensemble, name: &str, options: TlsOptions) -> ClientBuilder {
    settings(&format!("{name}:{}", secure_port(ensemble))).tls(options)
}

/// With time for the first handshakes of a Java machine that has just started.
pub(crate) fn settings(hosts: &str) -> ClientBuilder {
    let seconds = Duration::from_secs(10);
    Client::builder(hosts).unwrap().session_timeout(seconds).connect_timeout(seconds)
}

/// Connects, writes and reads.
pub(crate) async fn works(builder: ClientBuilder) {
    let client = connected(builder).await;
    let (path, _) =
        client.create("/n-", "data", CreateMode::EPHEMERAL_SEQUENTIAL, &Acl::open()).await.unwrap();
    assert_eq!(client.get_data(&path).await.unwrap().0, "data");
    client.close().await;
}

/// The first thing that goes wrong.
pub(crate) async fn first_cause(builder: ClientBuilder) -> Cause {
    let client = builder.build();
    let mut status = client.watch_status();
    let fails = status.wait_for(|status| status.state == State::Connected || status.cause.is_some());
    let status = tokio::time::timeout(Duration::from_secs(5), fails).await.unwrap().unwrap().clone();
    client.close().await;
    status.cause.expect("no connection")
}

/// The text of the first thing that goes wrong, which is one line.
pub(crate) async fn refusal(builder: ClientBuilder) -> String {
    let text = first_cause(builder).await.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// What is said when the only host cannot be used.
pub(crate) fn no_server(ensemble: &Ensemble, name: &str, why: &str) -> String {
    format!("no server can be reached: {name}:{}: TLS: {why}", secure_port(ensemble))
}

/// A directory with the CA's certificate, a client's certificate and its key.
pub(crate) struct Files {
    pub(crate) directory: TempDir,
}

impl Files {
    pub(crate) fn new(authority: &Authority, client: &Certificate) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(authority, client);
        files
    }

    pub(crate) fn write(&self, authority: &Authority, client: &Certificate) {
        std::fs::write(self.path("ca.pem"), authority.pem()).unwrap();
        std::fs::write(self.path("client.pem"), client.pem()).unwrap();
        std::fs::write(self.path("client.key"), client.key(KeyForm::Pkcs8).unwrap()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn options(&self) -> TlsOptions {
        TlsOptions::new(CaSource::file(self.path("ca.pem")))
            .client_identity(ClientIdentity::files(self.path("client.pem"), self.path("client.key")))
    }
}
