//! TLS against real servers that require client certificates.

#[path = "tls/harness.rs"]
mod harness;
#[path = "tls/replacing.rs"]
mod replacing;
mod session_common;

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use harness::{
    PASSWORD, Setup, builder, first_cause, identity, no_server, options, refusal, secure_port, settings,
    start, tls_server, works,
};
use integration_tests::wait::eventually;
use session_common::{connected, generation};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use zk_session::{
    Acl, CaSource, Cause, ClientIdentity, CreateMode, Error, TlsOptions, TlsVersion, Verification,
};
use zk_testkit::{Authority, KeyForm, KeyKind};

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

/// How many bytes our sockets hold for this port because its server does not take them.
fn unsent(port: u16) -> u64 {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let peer = format!(":{port:04X}");
    let queues = sockets.lines().filter_map(|socket| {
        let fields: Vec<&str> = socket.split_whitespace().collect();
        let (sending, _) = fields.get(4)?.split_once(':')?;
        fields[2].ends_with(&peer).then(|| u64::from_str_radix(sending, 16).unwrap())
    });
    queues.sum()
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
    let mut before = 0;
    eventually(Duration::from_secs(10), "the socket takes no more", async || {
        let unsent = unsent(secure_port(&setup.ensemble));
        let full = unsent > 0 && unsent == before;
        before = unsent;
        full.then_some(())
    })
    .await;
    setup.ensemble.thaw(0).unwrap();
    let thawed = Instant::now();
    let written = futures_util::future::join_all(writes).await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    assert_eq!(client.get_data("/big").await.unwrap().0, data);
    // Before the ping, with room for a busy machine.
    assert!(thawed.elapsed() < Duration::from_secs(8), "{:?}", thawed.elapsed());
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
        // The first handshake of a Java machine takes its time; what cannot succeed need not be waited for.
        let limit = if password == PASSWORD { 10_000 } else { 500 };
        let client = builder.request_timeout(Duration::from_millis(limit)).build();
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
    assert!(shown.contains("established") && shown.contains("does not open"), "{shown}");
    let bytes = |text: &str| format!("{:?}", text.as_bytes()).trim_matches(['[', ']']).to_owned();
    let line = |pem: &str| pem.lines().nth(1).unwrap().to_owned();
    for secret in [PASSWORD.to_owned(), bytes(PASSWORD), line(&key), bytes(&line(&key)), line(&encrypted)] {
        assert!(!shown.contains(&secret), "{secret} is in {shown}");
    }
}
