//! TLS against real servers that require client certificates.

mod session_common;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use session_common::{connected, eventually, generation, session_id, state};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use zk_session::{
    Acl, CaSource, Cause, Client, ClientBuilder, ClientIdentity, CreateMode, Error, ErrorCode, ErrorKind,
    Invalid, Permissions, State, TlsOptions, TlsVersion, Verification,
};
use zk_testkit::{Authority, Certificate, Ensemble, EnsembleBuilder, KeyForm, KeyKind};

const PASSWORD: &str = "open-sesame-7Q";

/// A CA, and one server that goes by `localhost` and 127.0.0.1.
struct Setup {
    authority: Authority,
    ensemble: Ensemble,
}

impl Setup {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(more: impl FnOnce(EnsembleBuilder) -> EnsembleBuilder) -> Self {
        let authority = Authority::new("the CA of the test").unwrap();
        let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let ensemble = start(more(tls_server(&authority, &server))).await;
        Self { authority, ensemble }
    }

    fn client_certificate(&self) -> Certificate {
        self.authority.client("client", KeyKind::Ec).unwrap()
    }

    /// Options that work.
    fn options(&self) -> TlsOptions {
        options(&self.authority, &self.client_certificate())
    }

    /// A client of the server's TLS port by address, or by this name.
    fn builder(&self, options: TlsOptions) -> ClientBuilder {
        builder(&self.ensemble, "127.0.0.1", options)
    }
}

fn tls_server(authority: &Authority, server: &Certificate) -> EnsembleBuilder {
    Ensemble::builder().max_session_timeout(Duration::from_secs(10)).tls(authority, server).unwrap()
}

async fn start(builder: EnsembleBuilder) -> Ensemble {
    builder.start().await.unwrap()
}

fn identity(certificate: &Certificate) -> ClientIdentity {
    ClientIdentity::pem(certificate.pem(), certificate.key(KeyForm::Pkcs8).unwrap())
}

fn options(authority: &Authority, client: &Certificate) -> TlsOptions {
    TlsOptions::new(CaSource::pem(authority.pem())).client_identity(identity(client))
}

fn secure_port(ensemble: &Ensemble) -> u16 {
    ensemble.server(0).secure_addr().unwrap().port()
}

fn builder(ensemble: &Ensemble, name: &str, options: TlsOptions) -> ClientBuilder {
    settings(&format!("{name}:{}", secure_port(ensemble))).tls(options)
}

/// With time for the first handshakes of a Java machine that has just started.
fn settings(hosts: &str) -> ClientBuilder {
    let seconds = Duration::from_secs(10);
    Client::builder(hosts).unwrap().session_timeout(seconds).connect_timeout(seconds)
}

/// Connects, writes and reads.
async fn works(builder: ClientBuilder) {
    let client = connected(builder).await;
    let (path, _) =
        client.create("/n-", "data", CreateMode::EPHEMERAL_SEQUENTIAL, &Acl::open()).await.unwrap();
    assert_eq!(client.get_data(&path).await.unwrap().0, "data");
    client.close().await;
}

/// The first thing that goes wrong.
async fn first_cause(builder: ClientBuilder) -> Cause {
    let client = builder.build();
    let mut status = client.watch_status();
    let fails = status.wait_for(|status| status.state == State::Connected || status.cause.is_some());
    let status = tokio::time::timeout(Duration::from_secs(5), fails).await.unwrap().unwrap().clone();
    client.close().await;
    status.cause.expect("no connection")
}

/// The text of the first thing that goes wrong, which is one line.
async fn refusal(builder: ClientBuilder) -> String {
    let text = first_cause(builder).await.to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// What is said when the only host cannot be used.
fn no_server(ensemble: &Ensemble, name: &str, why: &str) -> String {
    format!("no server can be reached: {name}:{}: TLS: {why}", secure_port(ensemble))
}

/// A directory with the CA's certificate, a client's certificate and its key.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new(authority: &Authority, client: &Certificate) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap() };
        files.write(authority, client);
        files
    }

    fn write(&self, authority: &Authority, client: &Certificate) {
        std::fs::write(self.path("ca.pem"), authority.pem()).unwrap();
        std::fs::write(self.path("client.pem"), client.pem()).unwrap();
        std::fs::write(self.path("client.key"), client.key(KeyForm::Pkcs8).unwrap()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn options(&self) -> TlsOptions {
        TlsOptions::new(CaSource::file(self.path("ca.pem")))
            .client_identity(ClientIdentity::files(self.path("client.pem"), self.path("client.key")))
    }
}

#[tokio::test]
async fn every_form_of_key_works() {
    let setup = Setup::new().await;
    let ca = || CaSource::pem(setup.authority.pem());
    for kind in [KeyKind::Ec, KeyKind::Rsa] {
        let client = setup.authority.client("client", kind).unwrap();
        for form in [KeyForm::Pkcs8, KeyForm::Traditional, KeyForm::Encrypted(PASSWORD)] {
            let key = client.key(form).unwrap();
            let identity = ClientIdentity::pem(client.pem(), key.clone()).password(PASSWORD);
            works(setup.builder(TlsOptions::new(ca()).client_identity(identity))).await;
            // Key and certificate in one file, with other things before them.
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("both.pem");
            std::fs::write(&file, format!("made by a test\n{key}\n{}", client.pem())).unwrap();
            let identity = ClientIdentity::files(&file, &file).password(PASSWORD);
            works(setup.builder(TlsOptions::new(ca()).client_identity(identity))).await;
        }
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_used_is_named_with_the_reason() {
    let setup = Setup::new().await;
    let client = setup.client_certificate();
    let encrypted = client.key(KeyForm::Encrypted(PASSWORD)).unwrap();
    let plain = client.key(KeyForm::Pkcs8).unwrap();
    let other = setup.client_certificate().key(KeyForm::Pkcs8).unwrap();
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
        -----END RSA PRIVATE KEY-----\n";
    let pem = |key: &str| ClientIdentity::pem(client.pem(), key);
    let cases = [
        (pem(&encrypted).password("guess"), "the client key: the password does not open the private key"),
        (pem(&encrypted), "the client key: the key is encrypted and no password is set"),
        (
            pem(old),
            "the client key: the key is encrypted in OpenSSL's old form; convert it with `openssl pkcs8 -topk8`",
        ),
        (pem("hello"), "the client key: no private key in it"),
        (pem(&other), "the client key: the key is not that of the certificate in the client certificate"),
        (pem(&plain.replace("MI", "AA")), "the client key: the key is of a kind or size that cannot be used"),
        (ClientIdentity::pem("hello", plain), "the client certificate: no certificate in it"),
        (ClientIdentity::files("/nowhere/c", "/nowhere/k"), "cannot read /nowhere/c: there is no such file"),
    ];
    for (identity, expected) in cases {
        let options = TlsOptions::new(CaSource::pem(setup.authority.pem())).client_identity(identity);
        let text = refusal(setup.builder(options)).await;
        assert_eq!(text, format!("no server can be reached: TLS: {expected}"));
    }
    let text = refusal(setup.builder(TlsOptions::new(CaSource::Nobody))).await;
    assert!(text.ends_with("TLS: the CA certificates: no certificate in it that could be trusted"), "{text}");
    let inverted = setup.options().min_version(TlsVersion::Tls13).max_version(TlsVersion::Tls12);
    let text = refusal(setup.builder(inverted)).await;
    assert!(text.ends_with("TLS: the oldest version is newer than the newest"), "{text}");
}

#[tokio::test]
async fn each_version_can_be_had_alone() {
    let old = Setup::with(|builder| builder.property("ssl.enabledProtocols", "TLSv1.2"));
    let new = Setup::with(|builder| builder.property("ssl.enabledProtocols", "TLSv1.3"));
    let (old, new) = tokio::join!(old, new);
    for (setup, good, bad) in
        [(&old, TlsVersion::Tls12, TlsVersion::Tls13), (&new, TlsVersion::Tls13, TlsVersion::Tls12)]
    {
        works(setup.builder(setup.options())).await;
        works(setup.builder(setup.options().min_version(good).max_version(good))).await;
        let text = refusal(setup.builder(setup.options().min_version(bad).max_version(bad))).await;
        let why = format!("the server speaks no version of TLS that is allowed here (only TLS {bad})");
        assert_eq!(text, no_server(&setup.ensemble, "127.0.0.1", &why));
    }
}

#[tokio::test]
async fn the_server_must_be_the_one_that_was_named() {
    let authority = Authority::new("CA").unwrap();
    let by_name = authority.server(&["localhost", "zk.example"]).unwrap();
    let by_address = authority.server(&["127.0.0.1"]).unwrap();
    let (by_name, by_address) =
        tokio::join!(start(tls_server(&authority, &by_name)), start(tls_server(&authority, &by_address)));
    let options = options(&authority, &authority.client("client", KeyKind::Ec).unwrap());

    works(builder(&by_name, "localhost", options.clone())).await;
    let text = refusal(builder(&by_name, "127.0.0.1", options.clone())).await;
    let why = "certificate is not valid for name 127.0.0.1, but for localhost, zk.example";
    assert_eq!(text, no_server(&by_name, "127.0.0.1", why));

    works(builder(&by_address, "127.0.0.1", options.clone())).await;
    let text = refusal(builder(&by_address, "localhost", options.clone())).await;
    let why = "certificate is not valid for name localhost, but for 127.0.0.1";
    assert_eq!(text, no_server(&by_address, "localhost", why));

    works(builder(&by_name, "127.0.0.1", options.clone().server_name("zk.example"))).await;
    let text = refusal(builder(&by_name, "127.0.0.1", options.clone().server_name("not a name"))).await;
    let why = "no certificate can be valid for the name \"not a name\"";
    assert_eq!(text, no_server(&by_name, "127.0.0.1", why));

    works(builder(&by_name, "127.0.0.1", options.verification(Verification::DangerousCaOnly))).await;
}

#[tokio::test]
async fn the_name_is_sent_ahead_and_an_address_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = TlsOptions::new(CaSource::pem(Authority::new("CA").unwrap().pem()));
    let other = options.clone().server_name("zk.example");
    for (name, options, sent) in [
        ("localhost", options.clone(), Some("localhost")),
        ("127.0.0.1", options, None),
        ("127.0.0.1", other, Some("zk.example")),
    ] {
        let client = settings(&format!("{name}:{port}")).tls(options).build();
        let mut hello = vec![0; 16 * 1024];
        let read = async { listener.accept().await.unwrap().0.read(&mut hello).await.unwrap() };
        let length = tokio::time::timeout(Duration::from_secs(5), read).await.unwrap();
        let hello = String::from_utf8_lossy(&hello[..length]).into_owned();
        for candidate in ["localhost", "127.0.0.1", "zk.example"] {
            assert_eq!(hello.contains(candidate), sent == Some(candidate), "{name}: {candidate}");
        }
        client.close().await;
    }
}

#[tokio::test]
async fn an_expired_server_is_refused() {
    let authority = Authority::new("CA").unwrap();
    let server = authority.expired_server(&["127.0.0.1"]).unwrap();
    let ensemble = start(tls_server(&authority, &server)).await;
    let options = options(&authority, &authority.client("client", KeyKind::Ec).unwrap());
    for verification in [Verification::Full, Verification::DangerousCaOnly] {
        let text = refusal(builder(&ensemble, "127.0.0.1", options.clone().verification(verification))).await;
        assert!(text.starts_with(&no_server(&ensemble, "127.0.0.1", "certificate expired ")), "{text}");
        assert!(text.ends_with(" days ago"), "{text}");
    }
    let lax = options.verification(Verification::DangerousNone);
    works(builder(&ensemble, "127.0.0.1", lax)).await;
}

#[tokio::test]
async fn an_unknown_ca_is_refused_on_either_side() {
    let setup = Setup::new().await;
    let stranger = Authority::new("another CA").unwrap();
    let ours = setup.client_certificate();
    for verification in [Verification::Full, Verification::DangerousCaOnly] {
        let strange = options(&stranger, &ours).verification(verification);
        let text = refusal(setup.builder(strange)).await;
        let why = "unknown CA: the certificate is not signed by one that is trusted";
        assert_eq!(text, no_server(&setup.ensemble, "127.0.0.1", why));
    }
    let nobody = TlsOptions::new(CaSource::Nobody)
        .verification(Verification::DangerousNone)
        .client_identity(identity(&ours));
    works(setup.builder(nobody)).await;

    let strange = stranger.client("client", KeyKind::Ec).unwrap();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let options = options(&setup.authority, &strange).min_version(version).max_version(version);
        let text = refusal(setup.builder(options)).await;
        let port = secure_port(&setup.ensemble);
        let why = format!("127.0.0.1:{port}: TLS: the server refuses the client certificate (alert ");
        assert!(text.contains(&why), "{version}: {text}");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_is_understood() {
    let setup = Setup::new().await;
    let port = secure_port(&setup.ensemble);
    let why = format!("127.0.0.1:{port}: TLS: the server wants a client certificate, and none is set");
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for _ in 0..5 {
            let options = TlsOptions::new(CaSource::pem(setup.authority.pem()))
                .min_version(version)
                .max_version(version);
            let text = refusal(setup.builder(options)).await;
            assert!(text.ends_with(&why), "{version}: {text}");
        }
    }
}

#[tokio::test]
async fn tls_and_plain_text_are_told_apart() {
    let setup = Setup::new().await;
    let plain = setup.ensemble.addr(0);
    let text = refusal(settings(&plain.to_string()).tls(setup.options())).await;
    assert!(text.starts_with(&format!("no server can be reached: {plain}: TLS: the server ")), "{text}");
    assert!(text.ends_with(" (is it a plain port?)"), "{text}");

    let cause = first_cause(settings(&format!("127.0.0.1:{}", secure_port(&setup.ensemble)))).await;
    assert_eq!(cause, Cause::ClosedUnanswered, "ZooKeeper 3.8 just closes the connection");
    assert!(cause.to_string().contains("TLS on one side only"), "{cause}");
    // Other servers say it in their own way, with an alert.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let alerting = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x50]).await;
        }
    });
    let cause = first_cause(settings(&addr.to_string())).await;
    assert!(cause.to_string().contains("the port expects TLS and was spoken to in plain text"), "{cause}");
    alerting.abort();

    // A server that answers in plain text.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let text = refusal(settings(&addr.to_string()).tls(setup.options())).await;
    let why = "TLS: the server does not speak TLS (is it a plain port?)";
    assert_eq!(text, format!("no server can be reached: {addr}: {why}"));
    web.abort();
}

#[tokio::test]
async fn a_stalled_handshake_costs_a_moment_and_not_the_session() {
    let setup = Setup::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stalled = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            streams.push(stream);
        }
    });
    let hosts = format!("{stalled},127.0.0.1:{}", secure_port(&setup.ensemble));
    works(setup.builder(setup.options())).await;
    // The order of hosts is drawn: in eight tries the stalled one is first in some.
    for _ in 0..8 {
        let started = Instant::now();
        let client = connected(settings(&hosts).tls(setup.options())).await;
        assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
        client.close().await;
    }
    let alone = settings(&stalled.to_string()).connect_timeout(Duration::from_millis(300));
    let text = refusal(alone.tls(setup.options())).await;
    assert_eq!(text, format!("no server can be reached: {stalled}: TLS: no handshake within 300 ms"));
    accepting.abort();
}

#[tokio::test]
async fn files_that_are_replaced_are_used_at_the_next_connect() {
    let setup = Setup::new().await;
    let files = Files::new(&setup.authority, &setup.client_certificate());
    let client = connected(setup.builder(files.options())).await;
    let id = session_id(&client);
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();

    // A new CA everywhere: nothing of the old would do.
    let renewed = Authority::new("the next CA").unwrap();
    let server = renewed.server(&["127.0.0.1"]).unwrap();
    let directory: &Path = setup.ensemble.server(0).directory();
    std::fs::write(directory.join("server.pem"), server.key_store().unwrap()).unwrap();
    std::fs::write(directory.join("ca.pem"), renewed.pem()).unwrap();
    setup.ensemble.kill(0).await.unwrap();
    state(&client, State::Connecting, Duration::from_secs(2)).await;
    setup.ensemble.start_server(0).unwrap();
    let unknown = eventually(Duration::from_secs(10), "the old CA is refused", async || {
        client.status().cause.map(|cause| cause.to_string()).filter(|cause| cause.contains("unknown CA"))
    });
    unknown.await;
    files.write(&renewed, &renewed.client("client", KeyKind::Rsa).unwrap());
    state(&client, State::Connected, Duration::from_secs(5)).await;
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    let stat = client.exists("/mine").await.unwrap().unwrap();
    assert_eq!(stat.ephemeral_owner, id);

    // What cannot be read does not harm the connection, and is said at the next.
    std::fs::remove_file(files.path("client.key")).unwrap();
    client.exists("/mine").await.unwrap();
    setup.ensemble.restart(0).await.unwrap();
    eventually(Duration::from_secs(5), "the missing file is named", async || {
        let key = files.path("client.key").display().to_string();
        client.status().cause.map(|cause| cause.to_string()).filter(|cause| cause.contains(&key))
    })
    .await;
    files.write(&renewed, &renewed.client("client", KeyKind::Ec).unwrap());
    state(&client, State::Connected, Duration::from_secs(5)).await;
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

#[tokio::test]
async fn a_live_session_moves_to_new_settings() {
    let setup = Setup::with(|builder| {
        let provider = "org.apache.zookeeper.server.auth.X509AuthenticationProvider";
        builder.property("authProvider.x509", provider)
    })
    .await;
    let one = setup.authority.client("one", KeyKind::Ec).unwrap();
    let two = setup.authority.client("two", KeyKind::Ec).unwrap();
    let client = connected(setup.builder(options(&setup.authority, &one))).await;
    let id = session_id(&client);
    client.create("/mine", "", CreateMode::EPHEMERAL, &Acl::open()).await.unwrap();
    for name in ["one", "two"] {
        let acl = [Acl::new(Permissions::ALL, "x509", format!("CN={name}"))];
        client.create(&format!("/{name}"), name, CreateMode::PERSISTENT, &acl).await.unwrap();
    }
    let may_read = async |name: &str| match client.get_data(&format!("/{name}")).await {
        Ok(_) => true,
        Err(error) if error.code() == Some(ErrorCode::NO_AUTH) => false,
        Err(error) => panic!("{error}"),
    };
    assert!(may_read("one").await && !may_read("two").await);

    // Settings that are of no use change nothing.
    let broken = TlsOptions::new(CaSource::file("/nowhere/ca.pem"));
    let error = client.reload_tls(broken).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(Invalid::Tls(_))), "{error:?}");
    assert_eq!(error.to_string(), "TLS: cannot read /nowhere/ca.pem: there is no such file");
    assert_eq!(client.status().state, State::Connected);
    assert!(may_read("one").await);

    let started = Instant::now();
    client.reload_tls(options(&setup.authority, &two)).await.unwrap();
    assert_eq!(client.status().cause, Some(Cause::Reconfigured));
    client.connected().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
    assert!(!may_read("one").await && may_read("two").await);
    assert!(client.exists("/mine").await.unwrap().is_some());

    // Settings that work nowhere are used all the same, and can be replaced before they cost the session.
    client.reload_tls(TlsOptions::new(CaSource::pem(setup.authority.pem()))).await.unwrap();
    eventually(Duration::from_secs(3), "the missing certificate is named", async || {
        let cause = client.status().cause?.to_string();
        cause.contains("the server wants a client certificate").then_some(())
    })
    .await;
    client.reload_tls(options(&setup.authority, &one)).await.unwrap();
    client.connected().await.unwrap();
    assert!(may_read("one").await && !may_read("two").await);
    assert_eq!((session_id(&client), generation(&client)), (id, 1));

    client.close().await;
    let closed = client.reload_tls(options(&setup.authority, &one)).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn much_data_flows_through_a_full_socket() {
    let setup = Setup::new().await;
    // No ping for ten seconds, which would take the bytes along that were held back.
    let patient = setup.builder(setup.options()).read_timeout(Duration::from_secs(20));
    let client = connected(patient).await;
    client.create("/big", "", CreateMode::PERSISTENT, &Acl::open()).await.unwrap();
    let data = vec![7_u8; 900_000];
    // The server takes nothing for a while, so that writes fill the socket and TLS holds back what does not fit.
    setup.ensemble.freeze(0).unwrap();
    let writes: Vec<_> = (0..12).map(|_| client.set_data("/big", data.clone(), None)).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    setup.ensemble.thaw(0).unwrap();
    let thawed = Instant::now();
    let written = futures_util::future::join_all(writes).await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    assert_eq!(client.get_data("/big").await.unwrap().0, data);
    assert!(thawed.elapsed() < Duration::from_secs(3), "{:?}", thawed.elapsed());
    assert_eq!(generation(&client), 1);
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let setup = Setup::new().await;
    let certificate = setup.client_certificate();
    let key = certificate.key(KeyForm::Pkcs8).unwrap();
    let encrypted = certificate.key(KeyForm::Encrypted(PASSWORD)).unwrap();
    let ca = CaSource::pem(setup.authority.pem());
    let with = |password: &str| {
        let identity = ClientIdentity::pem(certificate.pem(), encrypted.clone()).password(password);
        TlsOptions::new(ca.clone()).client_identity(identity)
    };
    let wrong = format!("not-{PASSWORD}");
    let mut shown = Vec::new();
    for password in [PASSWORD, &wrong] {
        let options = with(password);
        let builder = setup.builder(options.clone());
        shown.push(format!("{options:?} {builder:?} {builder:#?}"));
        let client = builder.request_timeout(Duration::from_millis(500)).build();
        shown.push(format!("{:?} {client:?} {:?}", client.connected().await, client.status()));
        let reloaded = client.reload_tls(with(password)).await;
        shown.push(format!(
            "{reloaded:?} {}",
            reloaded.as_ref().err().map_or(String::new(), Error::to_string)
        ));
        client.close().await;
    }
    shown.push(String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    let shown = shown.join("\n");
    assert!(shown.contains("session established") && shown.contains("does not open"), "{shown}");
    let bytes = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
    let line = |pem: &str| pem.lines().nth(1).unwrap().to_owned();
    for secret in [PASSWORD.to_owned(), bytes(PASSWORD), line(&key), bytes(&line(&key)), line(&encrypted)] {
        assert!(!shown.contains(&secret), "{secret} is in {shown}");
    }
}
