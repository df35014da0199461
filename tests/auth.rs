//! Who a client is: `addauth` with digest, SASL DIGEST-MD5, and what happens when the server does not believe it.

use std::time::Duration;

use integration_tests::wait::eventually;
use zk_session::{Acl, Client, CreateMode, Error, ErrorCode, ErrorKind, Permissions, Sasl, State};
use zk_testkit::Ensemble;

const SECOND: Duration = Duration::from_secs(1);

/// Everything allowed to whoever knows this credential: the server puts the digest in itself.
fn only_mine() -> Vec<Acl> {
    vec![Acl::new(Permissions::ALL, "auth", "")]
}

async fn three_servers() -> Ensemble {
    Ensemble::builder().servers(3).max_session_timeout(60 * SECOND).start().await.unwrap()
}

#[tokio::test]
async fn a_digest_opens_what_its_acl_protects_on_every_connection() {
    let ensemble = three_servers().await;
    let servers = ensemble.connect_string();
    let mine = Client::builder(&servers).unwrap().credential("digest", "patroni:secret").build();
    mine.create("/mine", "value", CreateMode::PERSISTENT, &only_mine()).await.unwrap();

    let stranger = Client::builder(&servers).unwrap().build();
    stranger.sync("/").await.unwrap();
    let refused = stranger.get_data("/mine").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected(ErrorCode::NO_AUTH));
    stranger.add_auth("digest", "patroni:wrong").await.unwrap();
    assert_eq!(stranger.get_data("/mine").await.unwrap_err().code(), Some(ErrorCode::NO_AUTH));
    stranger.add_auth("digest", "patroni:secret").await.unwrap();
    assert_eq!(stranger.get_data("/mine").await.unwrap().0.as_ref(), b"value");

    // What is asked during a reconnect never runs before the identity is back: not one NoAuth.
    for client in [&mine, &stranger] {
        let session = client.status().session.unwrap().session_id;
        let server = eventually(10 * SECOND, "its server", || ensemble.server_of_session(session)).await;
        ensemble.kill(server).await.unwrap();
        for write in 0..50 {
            match client.with_timeout(20 * SECOND).set_data("/mine", format!("{write}"), None).await {
                Ok(_) | Err(Error::Unknown(_)) => {}
                Err(error) => panic!("write {write}: {error}"),
            }
        }
        assert_eq!(client.status().session.unwrap().session_id, session);
        ensemble.start_server(server).unwrap();
        ensemble.wait_all().await.unwrap();
    }
}

#[tokio::test]
async fn an_unknown_scheme_is_told_and_the_connection_comes_back_without_it() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let client = Client::builder(&ensemble.connect_string()).unwrap().build();
    client.connected().await.unwrap();
    let session = client.status().session.unwrap().session_id;
    let error = client.add_auth("nonsense", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
    client.exists("/").await.unwrap();
    assert_eq!(client.status().session.unwrap().session_id, session);
}

#[tokio::test]
async fn a_configured_identity_that_is_refused_ends_no_client() {
    let ensemble = Ensemble::builder().servers(1).start().await.unwrap();
    let builder = Client::builder(&ensemble.connect_string()).unwrap().credential("nonsense", "hidden");
    let client = builder.when_disconnected(zk_session::WhenDisconnected::Fail).build();
    let mut status = client.watch_status();
    let refused = status.wait_for(|status| status.cause.is_some());
    let cause = tokio::time::timeout(10 * SECOND, refused).await.unwrap().unwrap().cause.clone().unwrap();
    assert!(cause.to_string().contains("authentication failed (nonsense)"), "{cause}");
    let error = client.exists("/").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
    assert!(!format!("{error:?} {client:?}").contains("hidden"));
    assert_ne!(client.status().state, State::Closed);
}

/// A server with one SASL user, `patroni`.
async fn sasl_server() -> Ensemble {
    let jaas =
        "Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_patroni=\"secret\"; };\n";
    Ensemble::builder()
        .servers(1)
        .max_session_timeout(60 * SECOND)
        .property("authProvider.sasl", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider")
        .property("sessionRequireClientSASLAuth", "true")
        .file("jaas.conf", jaas)
        .system_property("java.security.auth.login.config", "{dir}/jaas.conf")
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn sasl_digest_md5_on_every_connection() {
    let ensemble = sasl_server().await;
    let builder = || Client::builder(&ensemble.connect_string()).unwrap().session_timeout(20 * SECOND);
    let client = builder().sasl(Sasl::digest_md5("patroni", "secret")).build();
    let acl = [Acl::new(Permissions::ALL, "sasl", "patroni")];
    client.create("/mine", "value", CreateMode::PERSISTENT, &acl).await.unwrap();
    let session = client.status().session.unwrap().session_id;
    // The same server, another connection: the exchange is made anew.
    ensemble.kill(0).await.unwrap();
    ensemble.start_server(0).unwrap();
    ensemble.wait_ready(0).await.unwrap();
    let (data, _) = client.with_timeout(20 * SECOND).get_data("/mine").await.unwrap();
    assert_eq!(data.as_ref(), b"value");
    assert_eq!(client.status().session.unwrap().session_id, session);
}

#[tokio::test]
async fn sasl_with_a_wrong_password_is_told_and_a_right_one_gets_in() {
    let ensemble = sasl_server().await;
    let wrong = Client::builder(&ensemble.connect_string())
        .unwrap()
        .sasl(Sasl::digest_md5("patroni", "hidden"))
        .request_timeout(2 * SECOND)
        .build();
    let error = wrong.connected().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
    assert!(!format!("{error:?} {wrong:?}").contains("hidden"));
    // Without SASL the server lets nothing through.
    let plain = Client::builder(&ensemble.connect_string()).unwrap().request_timeout(2 * SECOND).build();
    assert!(plain.create("/x", "", CreateMode::PERSISTENT, &Acl::open()).await.is_err());
}
