//! No secret is in any log, error, metric or `Debug` output, in any form: with every kind of credential at once, over TLS.

mod observed;
mod session_common;

use std::{fmt::Debug, time::Duration};

use integration_tests::wait::eventually;
use observed::{ProcessLog, numbers::Numbers, secrets::found};
use session_common::state;
use zk_session::{
    Acl, CaSource, Client, ClientBuilder, ClientIdentity, CreateMode, ErrorKind, Permissions, Sasl, State,
    TlsOptions,
};
use zk_testkit::{Authority, Certificate, Ensemble, KeyForm, KeyKind};

const SOON: Duration = Duration::from_secs(20);

const DIGEST: &str = "patroni:canary-of-digest-4Z?>~";
const LATER_DIGEST: &str = "patroni:canary-of-later-digest-x/5";
const SASL: &str = "canary-of-sasl-9Q_";
const WRONG_SASL: &str = "canary-of-wrong-sasl-11";
const KEY_PASSWORD: &str = "canary-of-key-7%";
const WRONG_KEY_PASSWORD: &str = "canary-of-wrong-key-3";

/// A server that wants TLS with a client certificate, and SASL.
struct Guarded {
    ensemble: Ensemble,
    authority: Authority,
    certificate: Certificate,
}

impl Guarded {
    async fn start() -> Self {
        let authority = Authority::new("the CA of the test").unwrap();
        let server = authority.server(&["127.0.0.1"]).unwrap();
        let certificate = authority.client("client", KeyKind::Ec).unwrap();
        let jaas = format!(
            "Server {{ org.apache.zookeeper.server.auth.DigestLoginModule required user_patroni=\"{SASL}\"; }};\n"
        );
        let ensemble = Ensemble::builder()
            .max_session_timeout(Duration::from_secs(60))
            .tls(&authority, &server)
            .unwrap()
            .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
            .property("sessionRequireClientSASLAuth", "true")
            .file("jaas.conf", jaas)
            .system_property("java.security.auth.login.config", "{dir}/jaas.conf")
            .start()
            .await
            .unwrap();
        Self { ensemble, authority, certificate }
    }

    fn tls(&self, password: &str) -> TlsOptions {
        let key = self.certificate.key(KeyForm::Encrypted(KEY_PASSWORD)).unwrap();
        let identity = ClientIdentity::pem(self.certificate.pem(), key).password(password);
        TlsOptions::new(CaSource::pem(self.authority.pem())).client_identity(identity)
    }

    fn builder(&self, sasl: &str, key_password: &str) -> ClientBuilder {
        Client::builder(&self.ensemble.secure_connect_string())
            .unwrap()
            .session_timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(10))
            .request_timeout(Duration::from_secs(20))
            .sasl(Sasl::digest_md5("patroni", sasl))
            .credential("digest", DIGEST)
            .tls(self.tls(key_password))
    }
}

/// What a program may have printed.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn add(&mut self, value: &impl Debug) {
        self.0.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    fn add_error(&mut self, error: &(impl std::error::Error + 'static)) {
        self.add(error);
        let mut source: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = source {
            self.0.push_str(&format!("{error}\n"));
            source = error.source();
        }
    }
}

#[tokio::test]
async fn no_secret_is_shown_anywhere() {
    let log = ProcessLog::start();
    let numbers = Numbers::new();
    let _recording = metrics::set_default_local_recorder(&numbers);
    let guarded = Guarded::start().await;
    let mut shown = Shown::default();

    let builder = guarded.builder(SASL, KEY_PASSWORD);
    shown.add(&builder);
    shown.add(&guarded.tls(KEY_PASSWORD));
    let client = builder.build();
    let mut events = client.session_events();
    client.connected().await.unwrap();
    let mine = [Acl::new(Permissions::ALL, "auth", "")];
    client.create("/mine", "", CreateMode::PERSISTENT, &mine).await.unwrap();
    client.add_auth("digest", LATER_DIGEST).await.unwrap();
    shown.add(&client);
    shown.add(&client.status());
    shown.add_error(&client.add_auth("nonsense", LATER_DIGEST).await.unwrap_err());
    client.connected().await.unwrap();
    client.reload_tls(guarded.tls(KEY_PASSWORD)).await.unwrap();
    shown.add_error(&client.reload_tls(guarded.tls(WRONG_KEY_PASSWORD)).await.unwrap_err());
    client.connected().await.unwrap();
    // The session's password goes out when it is resumed.
    guarded.ensemble.kill(0).await.unwrap();
    state(&client, State::Connecting, SOON).await;
    shown.add(&client.status());
    guarded.ensemble.start_server(0).unwrap();
    guarded.ensemble.wait_ready(0).await.unwrap();
    client.get_data("/mine").await.unwrap();
    let session = client.detach().await.unwrap();
    shown.add(&session);
    let password = session.expose_password();
    let resumed = guarded.builder(SASL, KEY_PASSWORD).resume(session);
    shown.add(&resumed);
    let resumed = resumed.build();
    resumed.get_data("/mine").await.unwrap();
    shown.add(&resumed);
    resumed.close().await;
    while let Some(event) = events.next().await {
        shown.add(&event);
    }

    let refused = guarded.builder(WRONG_SASL, KEY_PASSWORD).request_timeout(Duration::from_secs(5)).build();
    let error = refused.connected().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
    shown.add_error(&error);
    shown.add(&refused.status());
    refused.close().await;
    let locked = guarded.builder(SASL, WRONG_KEY_PASSWORD).request_timeout(Duration::from_secs(2)).build();
    shown.add_error(&locked.connected().await.unwrap_err());
    shown.add(&locked.status());
    locked.close().await;

    let told = async || log.text().contains("closed").then(|| log.text());
    let texts = [
        ("the log", eventually(SOON, "the log is written", told).await),
        ("Debug output and errors", shown.0),
        ("metrics", numbers.shown()),
    ];
    // The log is one of everything: what is not in it was looked for.
    for part in ["TRACE zk.request", "WARN", "zk_session: connected", "rustls", "auth failed", "tls reloaded"]
    {
        assert!(texts[0].1.contains(part), "{part} is not in the log:\n{}", texts[0].1);
    }
    assert!(texts[2].1.contains("zk_session_connects_total"), "{}", texts[2].1);

    let after_colon = |credential: &'static str| credential.split_once(':').unwrap().1.as_bytes().to_vec();
    let key = guarded.certificate.key(KeyForm::Pkcs8).unwrap();
    let key = key.lines().nth(1).unwrap().as_bytes().to_vec();
    let secrets = [
        ("digest", after_colon(DIGEST)),
        ("digest added later", after_colon(LATER_DIGEST)),
        ("SASL password", SASL.into()),
        ("wrong SASL password", WRONG_SASL.into()),
        ("key password", KEY_PASSWORD.into()),
        ("wrong key password", WRONG_KEY_PASSWORD.into()),
        ("private key", key),
        ("session password", password.to_vec()),
    ];
    for (secret, bytes) in &secrets {
        for (place, text) in &texts {
            let forms = found(bytes, text);
            assert!(forms.is_empty(), "the {secret} is in {place}: {forms:?}\n{text}");
        }
    }
    // What a digest is made of is as good as the password to whoever has time: no frame of the exchange is shown.
    for (place, text) in &texts {
        for word in ["cnonce", "qop=auth", "response="] {
            assert!(!text.contains(word), "{word} is in {place}");
        }
    }
}
