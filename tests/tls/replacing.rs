//! Certificates, keys and settings that change while the client runs.

use std::{
    future::{Future, poll_fn},
    path::Path,
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use integration_tests::wait::eventually;
use zk_session::{
    Acl, CaSource, Cause, ClientIdentity, CreateMode, Error, ErrorCode, ErrorKind, Invalid, Permissions,
    State, TlsOptions,
};
use zk_testkit::{Authority, KeyForm, KeyKind};

use crate::{
    harness::{Files, PASSWORD, Setup, options},
    session_common::{connected, generation, session_id, state},
};

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
async fn replaced_files_that_were_read_and_not_used_are_used_by_the_next_refresh() {
    let setup = Setup::new().await;
    let files = Files::new(&setup.authority, &setup.client_certificate());
    let identity =
        ClientIdentity::files(files.path("client.pem"), files.path("client.key")).password(PASSWORD);
    let tls = TlsOptions::new(CaSource::file(files.path("ca.pem"))).client_identity(identity);
    let client = connected(setup.builder(tls)).await;
    let id = session_id(&client);
    assert!(!client.refresh_tls().await.unwrap(), "nothing was replaced");

    let replaced = setup.authority.client("client", KeyKind::Ec).unwrap();
    files.write(&setup.authority, &replaced);
    std::fs::write(files.path("client.key"), replaced.key(KeyForm::Encrypted(PASSWORD)).unwrap()).unwrap();
    // It asks the task; woken by the answer, it has the files read; woken when they were, it is given up.
    let mut given_up = Box::pin(client.refresh_tls());
    let mut polls = 0;
    poll_fn(|context| {
        if polls == 2 {
            return Poll::Ready(());
        }
        polls += 1;
        assert!(given_up.as_mut().poll(context).is_pending());
        Poll::Pending
    })
    .await;
    drop(given_up);
    assert_eq!(client.status().state, State::Connected);
    assert!(client.refresh_tls().await.unwrap(), "the connection is still that of the old certificate");
    client.connected().await.unwrap();
    assert!(!client.refresh_tls().await.unwrap(), "now it is not");
    assert_eq!((session_id(&client), generation(&client)), (id, 1));
}

#[tokio::test]
async fn a_refresh_does_not_bring_settings_back_that_were_replaced_meanwhile() {
    let setup = Setup::new().await;
    let files = Files::new(&setup.authority, &setup.client_certificate());
    let client = connected(setup.builder(files.options())).await;
    files.write(&setup.authority, &setup.authority.client("client", KeyKind::Rsa).unwrap());
    let mut refresh = Box::pin(client.refresh_tls());
    assert!((&mut refresh).now_or_never().is_none());
    // The task has told it of the old settings before it is told of the new ones.
    client.set_tls(TlsOptions::new(CaSource::file("/nowhere/ca.pem"))).unwrap();
    assert!(refresh.await.unwrap());
    let error = client.with_timeout(Duration::from_secs(1)).connected().await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}
